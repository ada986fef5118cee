/**
 * The report of a dry run. Logs each probe's result when it changes, and the notifications that systemd would have
 * received. On a terminal the last line shows the current state.
 */
import { endGroup, membersOf, terminateGroup } from '../app/group.ts';
import { clock } from '../base/real-clock.ts';
import type { Log } from '../log/types.ts';
import type { Config } from '../options/config.ts';
import type { ReadinessProbe } from '../probes/probe.ts';
import type { PrivateNotifySocket } from './private-socket.ts';

/** ms between two updates of the report. */
const UPDATE_INTERVAL = 100;

/** Called by attend(). */
export interface Report {
  readonly exitWhenReady: boolean;
  /**
   * @param onTerminal whether the last line may show the current state
   * @param startedAt ms of base/real-clock.ts
   */
  begin(log: LiveLog, onTerminal: boolean, startedAt: number): void;
  /** One per probe. */
  tap(): Tap;
  /**
   * Resolves when the app's process group is empty.
   * @param asked whether the group got the stop signal; false if the app ended by itself
   */
  end(appPid: number, asked: boolean): Promise<void>;
}

interface LiveLog extends Log {
  live(text: string): void;
}

interface Tap {
  readonly onAttempt: () => void;
  /** @returns a probe that reports */
  watch(probe: ReadinessProbe): ReadinessProbe;
}

export function createReport(socket: PrivateNotifySocket, config: Config, exitWhenReady: boolean): Report {
  let log: LiveLog;
  let onTerminal = false;
  let startedAt = 0;
  const open = new Set<Watched>();
  let stopUpdates = () => {};

  const update = () => {
    for (const each of open) each.report();
    if (onTerminal)
      log.live(`${seconds(clock.now() - startedAt)}  waiting for ${[...open].map(describe).join('; ')}  `);
    stopUpdates = clock.after(UPDATE_INTERVAL, update);
  };
  const close = (watched: Watched) => {
    open.delete(watched);
    if (open.size > 0) return;
    stopUpdates();
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
      socket.onNotification(({ assignments, at }) =>
        log.write('info', 'notification', `systemd would receive ${assignments.join(', ')}`, {
          assignments,
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
            polls: probe.polls ?? false,
            get again() {
              return probe.again;
            },
            get reason() {
              return probe.reason;
            },
            async wait(signal) {
              if (open.size === 0) stopUpdates = clock.after(UPDATE_INTERVAL, update);
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
        log.write('warn', 'left-behind', `still running: ${left.join(', ')}; stopped, as systemd would do`);
        terminateGroup(appPid);
      }
      await endGroup(appPid, config.stopTimeout, clock);
    },
  };
}

interface Watched {
  readonly probe: ReadinessProbe;
  attempted(): void;
  /** Logs the reason if it changed. */
  report(): void;
  /** The number of attempts, for the end of a message. */
  times(): string;
}

function watch(probe: ReadinessProbe, log: Log): Watched {
  let attempts = 0;
  let reported: string | undefined;
  const write = (level: 'info' | 'debug') =>
    log.write(level, 'answer', `${probe.name}: ${probe.reason}`, { probe: probe.name, attempts });
  const report = () => {
    if (probe.reason === reported || probe.reason === '') return false;
    reported = probe.reason;
    write('info');
    return true;
  };
  return {
    probe,
    attempted() {
      attempts += 1;
      if (!report()) write('debug');
    },
    report,
    times: () => (attempts === 0 ? '' : `, after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`),
  };
}

function describe({ probe, times }: Watched): string {
  return `${probe.reason === '' ? probe.name : `${probe.name}: ${probe.reason}`}${times()}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
