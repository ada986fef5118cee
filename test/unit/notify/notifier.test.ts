import { describe, expect, it } from 'vitest';
import { createNotifier, noNotifier } from '../../../src/notify/notifier.ts';
import type { NotifyState } from '../../../src/notify/state.ts';
import type { SendOutcome } from '../../../src/notify/transport.ts';
import { fakeClock } from '../fakes.ts';

function make() {
  const clock = fakeClock();
  const sent: string[] = [];
  const errors: string[] = [];
  const transport = {
    name: 'fake',
    outcome: 'sent' as SendOutcome,
    tries: 0,
    trySend(datagram: Uint8Array): SendOutcome {
      transport.tries += 1;
      if (transport.outcome === 'sent') sent.push(Buffer.from(datagram).toString());
      return transport.outcome;
    },
  };
  const notifier = createNotifier(transport, clock, (code) => errors.push(code));
  return { clock, sent, errors, transport, notifier };
}

const A: NotifyState = ['READY=1', 'STATUS=up'];
const B: NotifyState = ['RELOADING=1'];
const C: NotifyState = ['READY=1', 'STATUS=again'];

describe('the notifier', () => {
  it('sends at once, and leaves no timer', () => {
    const { clock, sent, notifier } = make();
    notifier.send(A);
    notifier.send(['STATUS=1']);
    notifier.send(['STATUS=2']);
    expect(sent).toEqual(['READY=1\nSTATUS=up', 'STATUS=1', 'STATUS=2']);
    expect(clock.pending).toBe(0);
  });

  it('tries a full queue again until all is through, in order, nothing twice, and no error is told', () => {
    const { clock, sent, errors, transport, notifier } = make();
    transport.outcome = 'full';
    notifier.send(A);
    notifier.send(B);
    notifier.send(C);
    clock.advance(60_000);
    expect(sent).toEqual([]);
    expect(clock.pending).toBe(1);
    transport.outcome = 'sent';
    clock.advance(5);
    expect(sent).toEqual(['READY=1\nSTATUS=up', 'RELOADING=1', 'READY=1\nSTATUS=again']);
    expect(errors).toEqual([]);
    expect(clock.pending).toBe(0);
    clock.advance(60_000);
    expect(sent).toHaveLength(3);
  });

  it('is quick once there is room: READY=1 waits 5 ms at most', () => {
    const { clock, sent, transport, notifier } = make();
    transport.outcome = 'full';
    notifier.send(A);
    clock.advance(3);
    transport.outcome = 'sent';
    clock.advance(5);
    expect(sent).toHaveLength(1);
  });

  it('does not jump the queue, and does not try more often for more datagrams', () => {
    const { transport, notifier } = make();
    transport.outcome = 'full';
    notifier.send(A);
    expect(transport.tries).toBe(1);
    transport.outcome = 'sent';
    notifier.send(B);
    expect(transport.tries).toBe(1);
  });

  it.each<[string, NotifyState[], string[]]>([
    ['of several statuses the last', [['STATUS=1'], ['STATUS=2'], ['STATUS=3']], ['STATUS=3']],
    ['a status before READY=1 is gone, as that brings its own', [['STATUS=1'], A], ['READY=1\nSTATUS=up']],
    ['READY=1 never is', [A, ['STATUS=2'], ['STATUS=3']], ['READY=1\nSTATUS=up', 'STATUS=3']],
    ['nor what has more than a status', [['STATUS=1', 'ERRNO=110'], ['STATUS=2']], ['STATUS=1\nERRNO=110', 'STATUS=2']],
  ])('drops what is out of date: %s', (_, states, expected) => {
    const { clock, sent, transport, notifier } = make();
    transport.outcome = 'full';
    for (const state of states) notifier.send(state);
    transport.outcome = 'sent';
    clock.advance(5);
    expect(sent).toEqual(expected);
  });

  it('a status is not out of date where nothing newer says one', () => {
    const { clock, sent, transport, notifier } = make();
    transport.outcome = 'full';
    notifier.send(['STATUS=1']);
    notifier.send(['WATCHDOG=1']);
    transport.outcome = 'sent';
    clock.advance(5);
    expect(sent).toEqual(['STATUS=1', 'WATCHDOG=1']);
  });

  it('tells an error once and tries on, slowly', () => {
    const { clock, sent, errors, transport, notifier } = make();
    transport.outcome = { error: 'ECONNREFUSED' };
    notifier.send(A);
    clock.advance(10_000);
    expect(errors).toEqual(['ECONNREFUSED']);
    expect(transport.tries).toBe(41);
    transport.outcome = 'sent';
    clock.advance(250);
    expect(sent).toEqual(['READY=1\nSTATUS=up']);
    expect(clock.pending).toBe(0);
  });

  it('tells the next one after a success', () => {
    const { clock, errors, transport, notifier } = make();
    for (const error of ['ECONNREFUSED', 'ENOENT']) {
      transport.outcome = { error };
      notifier.send(A);
      clock.advance(1000);
      transport.outcome = 'sent';
      clock.advance(250);
    }
    expect(errors).toEqual(['ECONNREFUSED', 'ENOENT']);
  });

  it('close drops what is left and stops trying', () => {
    const { clock, sent, transport, notifier } = make();
    transport.outcome = 'full';
    notifier.send(A);
    notifier.close();
    notifier.close();
    transport.outcome = 'sent';
    expect(clock.pending).toBe(0);
    clock.advance(10_000);
    expect(sent).toEqual([]);
  });

  it('noNotifier takes everything', () => {
    noNotifier.send(A);
    noNotifier.close();
  });
});
