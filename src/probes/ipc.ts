/** Ready when the app says so over the Node IPC channel: `process.send('ready')`, as PM2's wait_ready has it. */
import type { ReadinessProbe } from '../core/probe.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import type { ProbeContext } from './context.ts';

/** `--ipc`, `--ipc-message`. The word itself counts, and an object whose `type` it is. */
export function ipcProbe({ word }: Extract<ProbeSpec, { kind: 'ipc' }>, { app }: ProbeContext): ReadinessProbe {
  const name = `ipc message ${JSON.stringify(word)}`;
  let others = 0;
  return {
    name,
    get reason() {
      return others === 0 ? 'no message yet' : `${others} other message${others === 1 ? '' : 's'} so far`;
    },
    wait(signal) {
      others = 0;
      return new Promise((resolve) => {
        const stop = app.onMessage((message) => {
          if (message === word || typeOf(message) === word) {
            stop();
            resolve(name);
          } else {
            others += 1;
          }
        });
        signal.addEventListener('abort', stop, { once: true });
      });
    },
  };
}

function typeOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null ? (message as { type?: unknown }).type : undefined;
}
