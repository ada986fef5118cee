/** A probe that waits for a message, and does not poll. */
import type { Disposer } from '../base/clock.ts';
import type { ReadinessProbe } from './probe.ts';

/**
 * @param reason why it is not ready yet. `wasReady`: it was ready before, so that hints for a first start would mislead
 * @param listen called at the start of each wait. Its disposer is called once ready, or when the wait is aborted
 */
export function messageProbe(
  name: string,
  reason: (wasReady: boolean) => string,
  listen: (ready: () => void) => Disposer,
): ReadinessProbe {
  let wasReady = false;
  return {
    name,
    get reason() {
      return reason(wasReady);
    },
    wait(signal) {
      return new Promise((resolve) => {
        const stop = listen(() => {
          stop();
          wasReady = true;
          signal.removeEventListener('abort', stop);
          resolve(name);
        });
        signal.addEventListener('abort', stop, { once: true });
      });
    },
  };
}

/** The reason of a probe that has received only other messages: `2 other messages so far`. */
export function otherMessages(count: number, none: string): string {
  return count === 0 ? none : `${count} other message${count === 1 ? '' : 's'} so far`;
}
