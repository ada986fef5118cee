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

  it('retries a full queue until all is sent, in order, nothing twice, and reports no error', () => {
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

  it('is quick once there is room: READY=1 waits at most 5 ms', () => {
    const { clock, sent, transport, notifier } = make();
    transport.outcome = 'full';
    notifier.send(A);
    clock.advance(3);
    transport.outcome = 'sent';
    clock.advance(5);
    expect(sent).toHaveLength(1);
  });

  it('keeps the order of the queue, and does not retry more often for more datagrams', () => {
    const { transport, notifier } = make();
    transport.outcome = 'full';
    notifier.send(A);
    expect(transport.tries).toBe(1);
    transport.outcome = 'sent';
    notifier.send(B);
    expect(transport.tries).toBe(1);
  });

  it.each<[string, NotifyState[], string[]]>([
    ['all statuses but the last', [['STATUS=1'], ['STATUS=2'], ['STATUS=3']], ['STATUS=3']],
    ['a status before READY=1, which has its own', [['STATUS=1'], A], ['READY=1\nSTATUS=up']],
    ['never READY=1', [A, ['STATUS=2'], ['STATUS=3']], ['READY=1\nSTATUS=up', 'STATUS=3']],
    ['nothing with more than a status', [['STATUS=1', 'ERRNO=110'], ['STATUS=2']], ['STATUS=1\nERRNO=110', 'STATUS=2']],
  ])('drops outdated datagrams: %s', (_, states, expected) => {
    const { clock, sent, transport, notifier } = make();
    transport.outcome = 'full';
    for (const state of states) notifier.send(state);
    transport.outcome = 'sent';
    clock.advance(5);
    expect(sent).toEqual(expected);
  });

  it('keeps a status if nothing newer has one', () => {
    const { clock, sent, transport, notifier } = make();
    transport.outcome = 'full';
    notifier.send(['STATUS=1']);
    notifier.send(['WATCHDOG=1']);
    transport.outcome = 'sent';
    clock.advance(5);
    expect(sent).toEqual(['STATUS=1', 'WATCHDOG=1']);
  });

  it('reports an error once and retries slowly', () => {
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

  it('reports the next error after a success', () => {
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

  it('close() drops the rest and stops the retries', () => {
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

  it('without a socket accepts everything', () => {
    noNotifier.send(A);
    noNotifier.close();
  });
});
