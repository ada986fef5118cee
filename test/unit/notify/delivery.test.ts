import { describe, expect, it } from 'vitest';
import { createDelivery } from '../../../src/notify/delivery.ts';
import { type AppNotice, mergeAppNotices, parseAppNotice } from '../../../src/notify/parse.ts';
import { turns } from '../sockets.ts';

const notice = (text: string) => parseAppNotice(Buffer.from(text)) as AppNotice;

describe('a delivery', () => {
  it('keeps what comes before the first listener, and delivers each in its own turn, in order', async () => {
    const delivery = createDelivery<number>();
    delivery.tell(1);
    const heard: number[] = [];
    delivery.listen((message) => heard.push(message));
    delivery.tell(2);
    expect(heard).toEqual([]);
    await turns(1);
    expect(heard).toEqual([1]);
    await delivery.drained();
    expect(heard).toEqual([1, 2]);
  });

  it('merges nothing at an ordinary pace', async () => {
    const delivery = createDelivery(mergeAppNotices);
    const heard: AppNotice[] = [];
    delivery.listen((message) => heard.push(message));
    for (let index = 0; index < 100; index += 1) delivery.tell(notice(`STATUS=${index}`));
    await delivery.drained();
    expect(heard).toHaveLength(100);
  });

  it('merges and bounds a flood, and loses no state word', async () => {
    const delivery = createDelivery(mergeAppNotices);
    const heard: AppNotice[] = [];
    delivery.listen((message) => heard.push(message));
    for (let index = 0; index < 100_000; index += 1) delivery.tell(notice(`STATUS=${index}\nERRNO=${index % 7}`));
    delivery.tell(notice('READY=1\nSTATUS=up'));
    for (let index = 0; index < 100_000; index += 1) delivery.tell(notice('ERRNO=1'));
    await delivery.drained();
    expect(heard.length).toBeLessThan(4100);
    expect(heard.filter(({ ready }) => ready)).toHaveLength(1);
    expect(heard.at(-1)?.rest).toContain('ERRNO=1');
    expect(heard.findLast(({ rest }) => rest.some((each) => each.startsWith('STATUS=')))?.rest).toContain('STATUS=up');
  });
});

describe('mergeAppNotices', () => {
  it.each<[string, string, string[] | undefined]>([
    ['STATUS=a', 'STATUS=b', ['STATUS=b']],
    ['STATUS=a\nERRNO=1', 'ERRNO=2\nWATCHDOG=1', ['STATUS=a', 'ERRNO=2', 'WATCHDOG=1']],
    ['READY=1\nSTATUS=a', 'STATUS=b', ['STATUS=b']],
    ['READY=1', 'READY=1', []],
    ['STATUS=a', 'READY=1', undefined],
    ['READY=1', 'STOPPING=1', undefined],
    ['RELOADING=1\nMONOTONIC_USEC=1', 'READY=1', undefined],
  ])('%j and %j', (earlier, later, rest) => {
    const merged = mergeAppNotices(notice(earlier), notice(later));
    expect(merged?.rest).toEqual(rest);
    if (merged) expect(merged.ready).toBe(/READY=1/.test(`${earlier}\n${later}`));
  });
});
