/**
 * The parent's end of the channel behind `process.send` in a Node app: JSON, one message a line
 * (https://nodejs.org/api/child_process.html#advanced-serialization). Read here and not by Node's own parent side,
 * which throws on a line that is not JSON and loses the messages behind it.
 */

import type { Duplex } from 'node:stream';
import type { Disposer } from '../base/clock.ts';
import { readFrames } from '../base/frames.ts';
import { noteOwnEpipe } from '../output/sigpipe.ts';

/** A longer message is passed over, bytes of UTF-8. */
const MESSAGE_MAX = 1024 * 1024;

const NEWLINE = 0x0a;

export interface IpcChannel {
  onMessage(listener: (message: unknown) => void): Disposer;
}

/** The variables by which a Node app finds the channel at descriptor `fd`. */
export function channelEnvironment(fd: number): Record<string, string> {
  return { NODE_CHANNEL_FD: String(fd), NODE_CHANNEL_SERIALIZATION_MODE: 'json' };
}

/** @param onGarbage told once, at the first line that is no message */
export function openChannel(socket: Duplex, onGarbage: () => void): IpcChannel {
  const listeners = new Set<(message: unknown) => void>();
  let complained = false;

  const garbage = () => {
    if (!complained) onGarbage();
    complained = true;
  };
  const take = (line: string) => {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      garbage();
      return;
    }
    // a handle sent along waits for this word before the next message leaves the app
    if (isInternal(message)) {
      if (message.cmd === 'NODE_HANDLE') socket.write('{"cmd":"NODE_HANDLE_ACK"}\n');
      message = (message as { msg?: unknown }).msg;
    }
    for (const listener of listeners) listener(message);
  };
  readFrames(socket, {
    end: NEWLINE,
    most: MESSAGE_MAX,
    onFrame: (line) => {
      if (line.length > 0) take(Buffer.from(line).toString());
    },
    onTooLong: garbage,
  });
  // the app's end closes when it disconnects or dies; the death is told elsewhere
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
