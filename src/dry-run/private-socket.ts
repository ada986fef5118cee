/**
 * A notify socket that nobody but us reads, in the place of systemd's: what is sent goes the same way as ever. What
 * systemd would have been told is known as it is sent, and so in line with whatever else is said about the start.
 */
import type { Clock } from '../base/clock.ts';
import { bindNotifySocket } from '../notify/bind.ts';
import { openNotifySocket } from '../notify/open.ts';
import { encode, statusLine } from '../notify/state.ts';
import type { NotifyTransport } from '../notify/transport.ts';

/** One datagram. */
export interface Told {
  readonly assignments: readonly string[];
  /** When it was sent, on the clock. */
  readonly at: number;
}

export interface PrivateNotifySocket {
  readonly transport: NotifyTransport;
  /** Why there is no real one, where it is not: then it is shown what would be sent. */
  readonly problem: string | undefined;
  /** Hears all, from the first on, which was told before the app was started. One listener. */
  onTold(listener: (told: Told) => void): void;
  close(): void;
}

/** @param env of the wrapper */
export async function openPrivateNotifySocket(env: NodeJS.ProcessEnv, clock: Clock): Promise<PrivateNotifySocket> {
  const first = statusLine('Starting');
  const toldOf = (datagram: Uint8Array) => ({ assignments: decode(datagram), at: clock.now() });
  let hear = (_: Told): void => {};
  let close = () => {};
  let problem: string | undefined;
  let sender: NotifyTransport = { name: 'no socket', trySend: () => 'sent' };
  try {
    // it reads so that there is always room
    const socket = await bindNotifySocket(env, () => {});
    close = socket.close;
    sender = await openNotifySocket({ type: 'path', name: socket.path }, first);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  const begun = toldOf(encode(first));
  return {
    transport: {
      name: sender.name,
      trySend(datagram) {
        const outcome = sender.trySend(datagram);
        if (outcome === 'sent') hear(toldOf(datagram));
        return outcome;
      },
    },
    problem,
    onTold(listener) {
      hear = listener;
      listener(begun);
    },
    close,
  };
}

/** As systemd reads what encode() of notify-state.ts wrote. */
function decode(datagram: Uint8Array): readonly string[] {
  return new TextDecoder()
    .decode(datagram)
    .split(/(?<!\\)\n/)
    .map((assignment) => assignment.replace(/\\(.)/gs, '$1'));
}
