/** Ready when the app says so over the Node IPC channel: `process.send('ready')`, as PM2's wait_ready has it. */
import { clientNotice } from '../notify/client-message.ts';
import type { ProbeContext } from './context.ts';
import type { ReadinessProbe } from './probe.ts';
import type { ProbeSpec } from './spec.ts';

/**
 * `--ipc`, `--ipc-message`. The word itself counts, an object whose `type` it is, and what sd-ready-wrap/client sends.
 */
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
        const take = () => {
          stop();
          resolve(name);
        };
        const stop = app.onMessage((message) => {
          const said = clientNotice(message);
          if (said) {
            // behind what came with it, which is told in a turn of its own
            if (said.ready) setImmediate(take);
            else others += 1;
          } else if (message === word || typeOf(message) === word) {
            take();
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
