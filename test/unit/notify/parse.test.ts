import { describe, expect, it } from 'vitest';
import { type AppNotice, parseAppNotice } from '../../../src/notify/parse.ts';
import { encode } from '../../../src/notify/state.ts';

const NOTHING: AppNotice = { ready: false, stopping: false, reloading: undefined, rest: [], dropped: [] };
const READY: AppNotice = { ...NOTHING, ready: true };

/** latin1: each character is one byte. */
const parse = (bytes: string) => parseAppNotice(Buffer.from(bytes, 'latin1'));

describe('what counts as READY=1, checked with systemd 252', () => {
  it.each([
    ['READY=1'],
    ['READY=1\n'],
    ['\nREADY=1'],
    ['READY=1\r\n'],
    ['\r\r\nREADY=1\n\n'],
    ['READY=1\0'],
    ['READY=1\n\0'],
    ['READY=0\nREADY=1'],
    ['READY=1\nREADY=0'],
    ['READY\\=1'],
    ['READY=1\nnonsense'],
  ])('%j does', (bytes) => {
    expect(parse(bytes)).toEqual(READY);
  });

  it.each([
    [''],
    ['\0'],
    ['\n'],
    ['READY'],
    ['READY='],
    ['READY=0'],
    ['READY=10'],
    ['READY=true'],
    [' READY=1'],
    ['READY =1'],
    ['READY=1 '],
    ['ready=1'],
    ['=READY=1'],
    ['STATE\\\nREADY=1'],
  ])('%j does not', (bytes) => {
    expect(parse(bytes)?.ready).toBe(false);
  });

  it('STATUS=READY=1 is a status', () => {
    expect(parse('STATUS=READY=1')).toEqual({ ...NOTHING, rest: ['STATUS=READY=1'] });
  });
});

describe('datagrams that are dropped whole', () => {
  it.each([
    ['two NULs at the end', 'READY=1\0\0'],
    ['two NULs alone', '\0\0'],
    ['a NUL within', 'READY=1\0STATUS=x'],
    ['a NUL at the start', '\0READY=1'],
    ['a backslash at the end', 'READY=1\nSTATUS=x\\'],
    ['a backslash before the last NUL', 'READY=1\nSTATUS=x\\\0'],
    ['a barrier', 'BARRIER=1'],
    ['a barrier with more', 'READY=1\nBARRIER=1'],
    ['4097 bytes', `READY=1\n${'x'.repeat(4089)}`],
    ['4097 bytes, the last one NUL', `READY=1\n${'x'.repeat(4088)}\0`],
  ])('%s', (_, bytes) => {
    expect(parse(bytes)).toBeUndefined();
  });

  it('4096 bytes are accepted', () => {
    expect(parse(`READY=1\n${'x'.repeat(4088)}`)).toEqual(READY);
  });
});

describe('assignments that are passed on', () => {
  it.each([
    ['STATUS=up and\trunning', ['STATUS=up and running']],
    ['STATUS=\u001b[31mred', ['STATUS= [31mred']],
    ['STATUS=', ['STATUS=']],
    ['STATUS=a=b', ['STATUS=a=b']],
    ['ERRNO=2\nSTATUS=x', ['ERRNO=2', 'STATUS=x']],
    ['BUSERROR=org.x.Y\nVARLINKERROR=x', ['BUSERROR=org.x.Y', 'VARLINKERROR=x']],
    ['EXTEND_TIMEOUT_USEC=5000000', ['EXTEND_TIMEOUT_USEC=5000000']],
    ['WATCHDOG=1', ['WATCHDOG=1']],
    ['WATCHDOG=trigger\nWATCHDOG_USEC=20', ['WATCHDOG=trigger', 'WATCHDOG_USEC=20']],
    ['STATUS=first\nSTATUS=second', ['STATUS=first']],
    ['STATUS=first\rSTATUS=second', ['STATUS=first']],
    ['STATUS=a\\b\\\\c', ['STATUS=ab\\c']],
    ['STATUS=a\\\nERRNO=1', ['STATUS=a ERRNO=1']],
  ])('%j: %j', (bytes, rest) => {
    expect(parse(bytes)).toEqual({ ...NOTHING, rest });
  });

  it('a status in UTF-8', () => {
    expect(parseAppNotice(Buffer.from('STATUS=grüße 🚀\ufeff'))?.rest).toEqual(['STATUS=grüße 🚀\ufeff']);
  });

  it.each([['STATUS=\xff\nREADY=1'], ['STATUS=\xff\nREADY=1\nSTATUS=second']])(
    'drops a status that is not UTF-8, and keeps the rest: %j',
    (bytes) => {
      expect(parse(bytes)).toEqual(READY);
    },
  );

  it('escapes what systemd would take for an escape', () => {
    for (const bytes of ['STATUS=a\\\\b', 'STATUS=a\\\nREADY=1', 'STATUS=a\\\\']) {
      const { rest } = parse(bytes) as AppNotice;
      expect(parseAppNotice(encode(rest))).toEqual({ ...NOTHING, rest });
      expect(encode(rest).length).toBeLessThanOrEqual(bytes.length);
    }
  });
});

describe('assignments that are not passed on', () => {
  it('those about the main process or descriptors, and unknown ones', () => {
    const names = ['MAINPID', 'MAINPIDFD', 'NOTIFYACCESS', 'FDSTORE', 'FDSTOREREMOVE', 'FDNAME', 'FDPOLL', 'X_MINE'];
    expect(parse([...names.map((name) => `${name}=1`), 'READY=1', 'ERRNO=1'].join('\n'))).toEqual({
      ...READY,
      rest: ['ERRNO=1'],
      dropped: names,
    });
  });
});

describe('state words', () => {
  it.each([
    ['STOPPING=1', { stopping: true }],
    ['STOPPING=0', {}],
    ['RELOADING=1', { reloading: ['RELOADING=1'] }],
    ['RELOADING=1\nMONOTONIC_USEC=17', { reloading: ['RELOADING=1', 'MONOTONIC_USEC=17'] }],
    ['MONOTONIC_USEC=17\nRELOADING=1', { reloading: ['RELOADING=1', 'MONOTONIC_USEC=17'] }],
    ['MONOTONIC_USEC=17', {}],
    ['READY=1\nSTOPPING=1', { ready: true, stopping: true }],
  ])('%j: %j', (bytes, expected) => {
    expect(parse(bytes)).toEqual({ ...NOTHING, ...expected });
  });
});
