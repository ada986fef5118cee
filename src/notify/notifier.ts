/** A queue for the notify socket: keeps the order and retries each datagram until it is sent. */
import type { Clock, Disposer } from '../base/clock.ts';
import { encode, isStatus, type NotifyState } from './state.ts';
import type { NotifyTransport } from './transport.ts';
import type { Notifier } from './types.ts';

/** ms between retries if systemd's queue is full, i.e. systemd is busy or stopped. */
const FULL_RETRY = 5;

/** ms between retries if nothing is listening: systemd is being re-executed, or its socket is gone for good. */
const ERROR_RETRY = 250;

/** @param onError called for the first of consecutive errors; never for a full queue */
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
    for (const resolve of onSent.splice(0)) resolve();
  };
  return {
    send(state) {
      // replaces a STATUS= that was not sent yet
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

/** For a wrapper without a notify socket. */
export const noNotifier: Notifier = { send() {}, sent: async () => {}, close() {} };
