/** A probe that asks nothing, and waits to be told. */
import type { Disposer } from '../base/clock.ts';
import type { ReadinessProbe } from './probe.ts';

/**
 * @param reason why it is not ready yet
 * @param listen called for each wait, so that it starts afresh. What it returns is called once the sign has come, or
 * nobody waits any more
 */
export function told(name: string, reason: () => string, listen: (ready: () => void) => Disposer): ReadinessProbe {
  return {
    name,
    get reason() {
      return reason();
    },
    wait(signal) {
      return new Promise((resolve) => {
        const stop = listen(() => {
          stop();
          signal.removeEventListener('abort', stop);
          resolve(name);
        });
        signal.addEventListener('abort', stop, { once: true });
      });
    },
  };
}

/** The reason of a probe that has heard so many other messages: `2 other messages so far`. */
export function otherMessages(count: number, none: string): string {
  return count === 0 ? none : `${count} other message${count === 1 ? '' : 's'} so far`;
}
