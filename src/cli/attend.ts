/** Everything after the app was started: builds the log, the notifier and the probes, and supervises. */
import type { Config } from '../core/config.ts';
import { appEnvironment, type Environment } from '../core/environment.ts';
import type { ExitStatus } from '../core/exit-status.ts';
import type { App } from '../core/ports.ts';
import { combine, combineAgain } from '../core/readiness.ts';
import { chooseFormat, wantsColours } from '../log/format.ts';
import { createLog } from '../log/log.ts';
import type { ProbeContext } from '../probes/context.ts';
import { createProbe } from '../probes/index.ts';
import { pace } from '../probes/pace.ts';
import { createCanary } from '../process/canary.ts';
import { clock } from '../process/clock.ts';
import { fileStamp } from '../process/file-stamp.ts';
import { type Before, traceListeners, untraced } from '../process/listeners.ts';
import { reloadSignalOf } from '../process/reload-signal.ts';
import { routeSignals } from '../process/signal-route.ts';
import type { SignalSource } from '../process/signal-source.ts';
import { supervise } from '../supervise.ts';
import { createNotifier, nobody } from '../systemd/notifier.ts';
import type { NotifyTransport } from '../systemd/transport.ts';
import type { AppNotify } from './main.ts';
import { noticesOf } from './notices.ts';
import type { Watchdog } from './watchdog.ts';
import { watched } from './watched.ts';

export interface Attended {
  readonly config: Config;
  readonly env: Environment;
  readonly app: App;
  /** What listened before the app; undefined where nobody asks. */
  readonly before: Before | undefined;
  /** The files of `--file` before the start. */
  readonly stamps: ReadonlyMap<string, string | undefined>;
  readonly startedAt: number;
  readonly transport: NotifyTransport | undefined;
  readonly appNotify: AppNotify;
  readonly watchdog: Watchdog | undefined;
  readonly signals: SignalSource;
  /** Told of a write of ours that found its reader gone. Handed in: the bundle has this file's imports apart. */
  readonly onEpipe: () => void;
}

export interface Attending {
  readonly ended: Promise<ExitStatus>;
  readonly onIpcGarbage: () => void;
}

export function attend(given: Attended): Attending {
  const { config, env, app, before, stamps, startedAt, transport, appNotify, watchdog, signals, onEpipe } = given;
  const format = chooseFormat(config.logFormat, env);
  const log = createLog({ level: config.logLevel, format, colours: wantsColours(env), onEpipe });
  const warn = (message: string) => log.write('warn', 'warning', message);
  // a bug of ours is no reason to take a running app down
  process.on('uncaughtException', (bug) => log.write('error', 'bug', `a bug of sd-ready-wrap: ${bug.stack}`));

  if (transport) log.write('debug', 'transport', `notify socket by ${transport.name}`);
  else if (env['INVOCATION_ID'] !== undefined) {
    warn('NOTIFY_SOCKET is not set, so systemd cannot be told when the app is ready: the unit needs Type=notify');
  }
  if (appNotify.socket) log.write('debug', 'app-notify', `notify socket of the app by ${appNotify.socket.receiver}`);
  if (appNotify.problem) log.write('debug', 'app-notify', `the app has no notify socket: ${appNotify.problem}`);
  if (watchdog?.warning !== undefined) warn(watchdog.warning);
  const notifier = transport
    ? createNotifier(transport, clock, (code) => warn(`cannot notify systemd yet: ${code}; trying on`))
    : nobody;
  const context: Omit<ProbeContext, 'timing'> = {
    ...{ app, clock, warn, stamp: fileStamp },
    notices: appNotify.socket ?? { onNotice: () => () => {} },
    listeners: before ? traceListeners(app.pid, before) : untraced,
    stampBefore: (path) => stamps.get(path),
    env: appEnvironment(env),
  };
  const probes = config.probes.map((spec) =>
    createProbe(spec, { ...context, timing: pace(spec.kind, config.timing, clock) }),
  );
  const { forwardSignals, rewrites } = config;
  const canary = createCanary({ appPid: app.pid, detached: config.signalScope === 'group', onEpipe });
  // before anything that could make READY=1: a stop may follow that at once
  if (forwardSignals === 'auto') canary.start();
  const ended = supervise({
    app,
    startedAt,
    since: timeOfDay(clock.now() - startedAt),
    timeOfDay,
    monotonicUsec: () => process.hrtime.bigint() / 1000n,
    readiness: combine(probes, config.readyWhen),
    notifier,
    notices: noticesOf(appNotify.socket, config.probes.some(({ kind }) => kind === 'ipc') ? app : undefined),
    log,
    clock,
    onSignal: routeSignals(signals, { forward: forwardSignals, rewrites, hadByApp: canary.hears }),
    stopSignal: rewrites.get('SIGTERM') ?? 'SIGTERM',
    onExit: canary.end,
    timeout: config.timeout,
    stopTimeout: config.stopTimeout,
    extendTimeout: config.extendTimeout,
    isReload: (signal) => transport !== undefined && signal === reloadSignalOf(env, config.reloadTimeout !== undefined),
    readyAgain: (told) => combineAgain(probes, config.readyWhen, told),
    reloadTimeout: config.reloadTimeout ?? Number.POSITIVE_INFINITY,
    watchdog: watchdog && watched(watchdog, config, context),
  });
  return { ended, onIpcGarbage: () => warn('the app wrote something to the IPC channel that is no message; ignored') };
}

/** @param ago ms */
function timeOfDay(ago = 0): string {
  return new Date(Date.now() - ago).toTimeString().slice(0, 8);
}
