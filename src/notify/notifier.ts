/** The queue in front of the notify socket: in order, and each datagram tried until it is through. */
import type { Clock, Disposer } from '../base/clock.ts';
import { encode, type NotifyState } from './state.ts';
import type { NotifyTransport } from './transport.ts';
import type { Notifier } from './types.ts';

/** Between two tries at a full queue, ms. systemd reads it as fast as it can; it was stopped or is busy. */
const FULL_RETRY = 5;

/** Between two tries where nobody listens, ms: systemd is being re-executed, or its socket is gone for good. */
const ERROR_RETRY = 250;

/** @param onError told the first error of each row of them, never of a full queue */
export function createNotifier(transport: NotifyTransport, clock: Clock, onError: (code: string) => void): Notifier {
  const queue: NotifyState[] = [];
  let cancelRetry: Disposer | undefined;
  let failing = false;
  const onSent: (() => void)[] = [];

  const pump = () => {
    cancelRetry = undefined;
    for (let state = queue[0]; state; state = queue[0]) {
      const outcome = transport.trySend(encode(state));
      if (outcome !== 'sent') {
        if (typeof outcome === 'object' && !failing) onError(outcome.error);
        failing = typeof outcome === 'object';
        cancelRetry = clock.after(failing ? ERROR_RETRY : FULL_RETRY, pump);
        return;
      }
      failing = false;
      queue.shift();
    }
    for (const tell of onSent.splice(0)) tell();
  };
  return {
    send(state) {
      // a status that was not sent yet is out of date
      if (isStatusOnly(queue.at(-1)) && state.some(isStatus)) queue.pop();
      queue.push(state);
      if (!cancelRetry) pump();
    },
    sent: () => new Promise((resolve) => (queue.length === 0 ? resolve() : onSent.push(resolve))),
    close() {
      cancelRetry?.();
      queue.length = 0;
    },
  };
}

function isStatusOnly(state: NotifyState | undefined): boolean {
  return state?.every(isStatus) ?? false;
}

function isStatus(assignment: string): boolean {
  return assignment.startsWith('STATUS=');
}

/** For a wrapper without a notify socket. */
export const noNotifier: Notifier = { send() {}, sent: async () => {}, close() {} };
