/**
 * The parent's end of the channel behind `process.send` in a Node app: JSON, one message a line
 * (https://nodejs.org/api/child_process.html#advanced-serialization). Read here and not by Node's own parent side,
 * which throws on a line that is not JSON and loses the messages behind it.
 */

import type { Duplex } from 'node:stream';
import type { Disposer } from '../base/clock.ts';
import { noteOwnEpipe } from '../output/sigpipe.ts';

/** A longer message is passed over, bytes of UTF-8. */
const MESSAGE_MAX = 1024 * 1024;

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
  const decoder = new TextDecoder();
  let pending = '';
  let skipping = false;
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
  socket.on('data', (piece: Buffer) => {
    const lines = (pending + decoder.decode(piece, { stream: true })).split('\n');
    pending = lines.pop() as string;
    for (const line of lines) {
      if (!skipping && line !== '') take(line);
      skipping = false;
    }
    if (pending.length > MESSAGE_MAX) {
      garbage();
      pending = '';
      skipping = true;
    }
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
