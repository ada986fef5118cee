/** Ready when the app sends a message over the Node IPC channel: `process.send('ready')`, as with PM2's wait_ready. */
import type { ProbeContext } from './context.ts';
import { messageProbe, otherMessages } from './message.ts';
import type { ReadinessProbe } from './probe.ts';
import type { ProbeSpec } from './spec.ts';

/**
 * `--ipc`, `--ipc-message`. Three messages count: the word itself, an object whose `type` is the word, and READY=1 from
 * sd-ready-wrap/client.
 */
export function ipcProbe({ word }: Extract<ProbeSpec, { kind: 'ipc' }>, context: ProbeContext): ReadinessProbe {
  const { app, notices } = context;
  let others = 0;
  return messageProbe(
    `ipc message ${JSON.stringify(word)}`,
    (wasReady) =>
      `${otherMessages(others, 'no message yet')}${others > 0 && !wasReady ? '; --ipc-message selects another' : ''}`,
    (ready) => {
      others = 0;
      const disposers = [
        app.onMessage((message) => {
          if (message === word || typeOf(message) === word) ready();
          else others += 1;
        }),
        notices.onNotice((notice) => {
          if (notice.ready && notice.byClient) ready();
        }),
      ];
      return () => {
        for (const dispose of disposers) dispose();
      };
    },
  );
}

function typeOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null ? (message as { type?: unknown }).type : undefined;
}
