/**
 * A notify socket that nobody but us reads, in the place of systemd's: what is sent goes the same way as ever, and shows
 * what systemd would have been told, and when.
 */
import type { Clock } from '../core/clock.ts';
import type { Environment } from '../core/environment.ts';
import { createHub } from '../core/hub.ts';
import { statusLine } from '../core/notify-state.ts';
import { bindNotifySocket } from './bound-socket.ts';
import { openNotifySocket } from './notify-socket.ts';
import type { NotifyTransport } from './transport.ts';

/** One datagram. */
export interface Told {
  readonly assignments: readonly string[];
  /** When it arrived, on the clock. */
  readonly at: number;
}

export interface PrivateNotifySocket {
  readonly transport: NotifyTransport;
  /** Why there is no real one, where it is not: then it is shown what would be sent. */
  readonly problem: string | undefined;
  /** Hears all, what was told before too. */
  onTold(listener: (told: Told) => void): void;
  /** Resolves once what was sent so far has been told. */
  drained(): Promise<void>;
  close(): void;
}

/** @param env of the wrapper */
export async function openPrivateNotifySocket(env: Environment, clock: Clock): Promise<PrivateNotifySocket> {
  const hub = createHub<Told>();
  const tell = (datagram: Uint8Array) => hub.tell({ assignments: decode(datagram), at: clock.now() });
  let close = () => {};
  let problem: string | undefined;
  let transport: NotifyTransport;
  try {
    const socket = await bindNotifySocket(env, tell);
    close = socket.close;
    transport = await openNotifySocket({ type: 'path', name: socket.path }, statusLine('Starting'));
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
    transport = {
      name: 'no socket',
      trySend(datagram) {
        tell(datagram);
        return 'sent';
      },
    };
  }
  return {
    transport,
    problem,
    onTold: (listener) => void hub.listen(listener),
    drained: hub.drained,
    close() {
      hub.close();
      close();
    },
  };
}

/** As systemd reads what encode() of notify-state.ts wrote. */
function decode(datagram: Uint8Array): readonly string[] {
  return new TextDecoder()
    .decode(datagram)
    .split(/(?<!\\)\n/)
    .map((assignment) => assignment.replace(/\\(.)/gs, '$1'));
}
