/**
 * The parent's end of the channel that `process.send` of a Node app uses: JSON, one message per line
 * (https://nodejs.org/api/child_process.html#advanced-serialization). Node's own parent side is not used: it throws on
 * a line that is not JSON and loses the messages after it.
 */

import type { Duplex } from 'node:stream';
import type { Disposer } from '../base/clock.ts';
import { readFrames } from '../base/frames.ts';
import { noteOwnEpipe } from '../output/sigpipe.ts';

/** Bytes of UTF-8. Longer messages are skipped. */
const MESSAGE_MAX = 1024 * 1024;

const NEWLINE = 0x0a;

export interface IpcChannel {
  onMessage(listener: (message: unknown) => void): Disposer;
}

/** The variables that tell a Node app to open the channel at descriptor `fd`. */
export function channelEnvironment(fd: number): Record<string, string> {
  return { NODE_CHANNEL_FD: String(fd), NODE_CHANNEL_SERIALIZATION_MODE: 'json' };
}

/** @param onGarbage called once, at the first line that is not a message */
export function openChannel(socket: Duplex, onGarbage: () => void): IpcChannel {
  const listeners = new Set<(message: unknown) => void>();
  let reported = false;

  const reportGarbage = () => {
    if (!reported) onGarbage();
    reported = true;
  };
  const onLine = (line: string) => {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      reportGarbage();
      return;
    }
    // after a message with a handle, the app sends no other message before this acknowledgement
    if (isInternal(message)) {
      if (message.cmd === 'NODE_HANDLE') socket.write('{"cmd":"NODE_HANDLE_ACK"}\n');
      message = (message as { msg?: unknown }).msg;
    }
    for (const listener of listeners) listener(message);
  };
  readFrames(socket, {
    end: NEWLINE,
    max: MESSAGE_MAX,
    onFrame: (line) => {
      if (line.length > 0) onLine(Buffer.from(line).toString());
    },
    onTooLong: reportGarbage,
  });
  // the app disconnected or died; its death is reported elsewhere
  socket.on('error', noteOwnEpipe);
  return {
    onMessage(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function isInternal(message: unknown): message is { cmd: string } {
  const { cmd } = Object(message) as { cmd?: unknown };
  return typeof cmd === 'string' && cmd.startsWith('NODE_');
}
