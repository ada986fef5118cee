/**
 * The report of a dry run: to the log goes what each probe found, when that changes, and what systemd would have been
 * told. On a terminal a last line follows what goes on.
 */
import { askGroupToEnd, endGroup, membersOf } from '../app/group.ts';
import { clock } from '../base/real-clock.ts';
import type { Log } from '../log/types.ts';
import type { Config } from '../options/config.ts';
import type { ReadinessProbe } from '../probes/probe.ts';
import type { PrivateNotifySocket } from './private-socket.ts';

/** How often it is looked what goes on, ms. */
const LOOK_INTERVAL = 100;

/** What attend() tells it, and asks of it. */
export interface Report {
  readonly exitWhenReady: boolean;
  /** @param onTerminal whether a last line may follow what goes on */
  begin(log: LiveLog, onTerminal: boolean, startedAt: number): void;
  /** For each probe one. */
  tap(): Tap;
  /**
   * Resolves when nobody is left who should be gone.
   * @param asked whether all of them were asked to end, or the app did so by itself
   */
  end(appPid: number, asked: boolean): Promise<void>;
}

interface LiveLog extends Log {
  live(text: string): void;
}

interface Tap {
  readonly onAttempt: () => void;
  /** @returns the probe, watched */
  watch(probe: ReadinessProbe): ReadinessProbe;
}

/** @param config of the run */
export function createReport(socket: PrivateNotifySocket, config: Config, exitWhenReady: boolean): Report {
  let log: LiveLog;
  let onTerminal = false;
  let startedAt = 0;
  const open = new Set<Watched>();
  let stopLooking = () => {};

  const look = () => {
    for (const each of open) each.look();
    if (onTerminal)
      log.live(`${seconds(clock.now() - startedAt)}  waiting for ${[...open].map(describe).join('; ')}  `);
    stopLooking = clock.after(LOOK_INTERVAL, look);
  };
  const close = (watched: Watched) => {
    open.delete(watched);
    if (open.size > 0) return;
    stopLooking();
    log.live('');
  };

  return {
    exitWhenReady,
    begin(to, terminal, started) {
      log = to;
      onTerminal = terminal;
      startedAt = started;
      const how = socket.problem === undefined ? `by ${socket.transport.name}` : `not available: ${socket.problem}`;
      log.write('info', 'dry-run', 'dry run: nothing is sent to systemd; what it would receive is shown here');
      log.write('debug', 'transport', `private notify socket ${how}`);
      if (exitWhenReady && !Number.isFinite(config.timeout)) {
        log.write('info', 'no-timeout', 'no --timeout: waits without a limit');
      }
      socket.onTold(({ assignments, at }) =>
        log.write('info', 'told', `systemd would receive ${assignments.join(', ')}`, {
          told: assignments,
          after_ms: Math.round(at - startedAt),
        }),
      );
    },
    tap() {
      let watched: Watched | undefined;
      return {
        onAttempt: () => watched?.attempted(),
        watch(probe) {
          const mine = watch(probe, log);
          watched = mine;
          return {
            name: probe.name,
            asks: probe.asks ?? false,
            get again() {
              return probe.again;
            },
            get reason() {
              return probe.reason;
            },
            async wait(signal) {
              if (open.size === 0) stopLooking = clock.after(LOOK_INTERVAL, look);
              open.add(mine);
              signal.addEventListener('abort', () => close(mine), { once: true });
              const by = await probe.wait(signal);
              close(mine);
              log.write('info', 'answer', `${by}: yes${mine.times()}`, { probe: probe.name });
              return by;
            },
          };
        },
      };
    },
    async end(appPid, asked) {
      if (!exitWhenReady) return;
      const left = asked ? [] : membersOf(appPid);
      if (left.length > 0) {
        log.write(
          'warn',
          'left-behind',
          `the app ended but left ${left.join(', ')} running: stopping them, as systemd would`,
        );
        askGroupToEnd(appPid);
      }
      await endGroup(appPid, config.stopTimeout, clock);
    },
  };
}

interface Watched {
  readonly probe: ReadinessProbe;
  attempted(): void;
  /** Says what is new. */
  look(): void;
  /** How often it was tried: `, after 12 looks`. */
  times(): string;
}

function watch(probe: ReadinessProbe, log: Log): Watched {
  let attempts = 0;
  let told: string | undefined;
  const tell = (level: 'info' | 'debug') =>
    log.write(level, 'answer', `${probe.name}: ${probe.reason}`, { probe: probe.name, attempts });
  const look = () => {
    if (probe.reason === told || probe.reason === '') return false;
    told = probe.reason;
    tell('info');
    return true;
  };
  return {
    probe,
    attempted() {
      attempts += 1;
      if (!look()) tell('debug');
    },
    look,
    times: () => (attempts === 0 ? '' : `, after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`),
  };
}

function describe({ probe, times }: Watched): string {
  return `${probe.reason === '' ? probe.name : `${probe.name}: ${probe.reason}`}${times()}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
