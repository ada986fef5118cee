/** Everything after the app was started: builds the log, the notifier and the probes, and supervises. */
import { isatty } from 'node:tty';
import { ipcNotices } from '../app/ipc-notices.ts';
import type { App } from '../app/types.ts';
import { launcherOf } from '../base/command-kind.ts';
import { appEnvironment, type Environment } from '../base/environment.ts';
import type { ExitStatus } from '../base/exit-status.ts';
import { clock } from '../base/real-clock.ts';
import type { Account } from '../dry-run/report.ts';
import { supervise } from '../lifecycle/supervise.ts';
import { chooseFormat, wantsColours } from '../log/format.ts';
import { createLog } from '../log/log.ts';
import { mergeNotices } from '../notify/merge.ts';
import { createNotifier, nobody } from '../notify/notifier.ts';
import type { NotifyTransport } from '../notify/transport.ts';
import type { Config } from '../options/config.ts';
import type { ProbeContext } from '../probes/context.ts';
import { fileStamp } from '../probes/file-stamp.ts';
import { createProbe } from '../probes/index.ts';
import { pace } from '../probes/pace.ts';
import { combine, combineAgain } from '../probes/readiness.ts';
import { hasIpc } from '../probes/spec.ts';
import type { Canary } from '../signals/canary.ts';
import { managerIdle } from '../signals/manager-idle.ts';
import { routeSignals } from '../signals/route.ts';
import type { SignalSource } from '../signals/source.ts';
import { type Before, nothingKnown, traceListeners, untraced } from '../sockets/listeners.ts';
import { reloadSignalOf } from '../unit/files.ts';
import type { PreparedWatchdog } from '../watchdog/request.ts';
import { watched } from '../watchdog/vitals-of.ts';
import type { AppNotify } from './before-start.ts';
import type { Complaints } from './start.ts';

export interface Attended {
  readonly config: Config;
  readonly env: Environment;
  readonly app: App;
  readonly canary: Canary;
  /** What listened before the app; undefined where nobody asks. */
  readonly before: Before | undefined;
  /** The same where it is known without anybody asking. */
  readonly known: Before | undefined;
  /** The files of `--file` before the start. */
  readonly stamps: ReadonlyMap<string, string | undefined>;
  readonly startedAt: number;
  readonly transport: NotifyTransport | undefined;
  readonly appNotify: AppNotify;
  /** Why the app will not be handed over, where that was asked for. */
  readonly noHandoff: string | undefined;
  readonly watchdog: PreparedWatchdog | undefined;
  readonly signals: SignalSource;
  /** Of a dry run. */
  readonly account: Account | undefined;
  /** Told of a write of ours that found its reader gone. Handed in: the bundle has this file's imports apart. */
  readonly onEpipe: () => void;
}

export interface Attending extends Complaints {
  readonly ended: Promise<ExitStatus>;
}

export function attend(given: Attended): Attending {
  const { config, env, app, canary, before, stamps, startedAt, transport, appNotify, noHandoff, watchdog } = given;
  const { known, signals, onEpipe, account } = given;
  // what is shown of a dry run is for people, unless somebody says otherwise
  const format = account && config.logFormat === 'auto' ? 'pretty' : chooseFormat(config.logFormat, env);
  const elapsed = account && (() => clock.now() - startedAt);
  const log = createLog({ level: config.logLevel, format, colours: wantsColours(env), onEpipe, elapsed });
  account?.begin(log, format === 'pretty' && isatty(2), startedAt);
  const inUnit = env['INVOCATION_ID'] !== undefined;
  const warn = (message: string) => log.write('warn', 'warning', message);
  // a bug of ours is no reason to take a running app down
  process.on('uncaughtException', (bug) => log.write('error', 'bug', `a bug of sd-ready-wrap: ${bug.stack}`));

  if (transport) log.write('debug', 'transport', `notify socket by ${transport.name}`);
  else if (inUnit)
    void import('../diagnosis/diagnose.ts').then(async ({ typeProblem }) => warn(await typeProblem(env)));
  // a terminal's shell may be of a unit too, which is none of its business (systemd.exec(5), $SYSTEMD_EXEC_PID)
  const isMain = inUnit && !account && [undefined, `${process.pid}`].includes(env['SYSTEMD_EXEC_PID']);
  if (isMain && transport) {
    void import('../diagnosis/diagnose.ts').then(async ({ waitProblem }) => {
      const problem = await waitProblem(env);
      if (problem !== undefined) warn(problem);
    });
  }
  const unwatched = isMain && unwatchedProblem(config, env, appNotify.socket !== undefined);
  if (unwatched) warn(unwatched);
  const launcher = isMain ? launcherOf(config.command, config.args) : undefined;
  if (launcher !== undefined) {
    void import('../diagnosis/diagnose.ts').then(({ killModeProblem }) => {
      const problem = killModeProblem(launcher, config.signalScope, env);
      if (problem !== undefined) warn(problem);
    });
  }
  if (appNotify.socket) log.write('debug', 'app-notify', `notify socket of the app by ${appNotify.socket.receiver}`);
  if (appNotify.problem) log.write('debug', 'app-notify', `the app has no notify socket: ${appNotify.problem}`);
  if (noHandoff) warn(`no handoff, the wrapper stays: ${noHandoff}`);
  const handoff = config.handoff && !noHandoff;
  if (watchdog?.warning !== undefined) warn(watchdog.warning);
  const notifier = transport
    ? createNotifier(transport, clock, (code) => warn(`cannot notify systemd yet: ${code}; trying on`))
    : nobody;
  const notices = mergeNotices([
    ...(appNotify.socket ? [appNotify.socket] : []),
    ...(hasIpc(config.probes) ? [ipcNotices(app)] : []),
  ]);
  const context: Omit<ProbeContext, 'timing'> = {
    ...{ app, clock, warn, stamp: fileStamp },
    notices: notices ?? { onNotice: () => () => {} },
    listeners: before ? traceListeners(app.pid, before, [config.command, ...config.args]) : untraced,
    stampBefore: (path) => stamps.get(path),
    env: appEnvironment(env),
  };
  const probes = config.probes.map((spec) => {
    const tap = account?.tap();
    const timing = pace(spec.kind, { ...config.timing, onAttempt: tap?.onAttempt }, clock);
    const probe = createProbe(spec, { ...context, timing });
    return tap ? tap.watch(probe) : probe;
  });
  const { forwardSignals, rewrites } = config;
  const route = routeSignals(signals, { forward: forwardSignals, rewrites, hadByApp: canary.hears });
  const ended = supervise({
    app,
    startedAt,
    since: timeOfDay(clock.now() - startedAt),
    timeOfDay,
    monotonicUsec: () => process.hrtime.bigint() / 1000n,
    readiness: combine(probes, config.readyWhen),
    notifier,
    handoff,
    heard: async () => {
      await managerIdle();
      // one that it sent before it knew of another main process
      await route.settled();
    },
    notices,
    log,
    clock,
    onSignal: route.listen,
    stopSignal: rewrites.get('SIGTERM') ?? 'SIGTERM',
    onExit: async (asked) => {
      await canary.end();
      await account?.end(app.pid, asked);
    },
    diagnose: async (moment) => {
      // of the dead it can only be told who else has the port
      const isSocket = config.probes.some(({ kind }) => ['tcp', 'http', 'listen', 'unix'].includes(kind));
      if (moment === 'died' && !isSocket) return [];
      try {
        const { diagnose } = await import('../diagnosis/diagnose.ts');
        return diagnose(moment, {
          config,
          env,
          inUnit: isMain,
          elapsed: clock.now() - startedAt,
          isAlive: () => app.isAlive(),
          listeners: traceListeners(app.pid, known ?? nothingKnown(), [config.command, ...config.args]),
        });
      } catch (bug) {
        log.write('error', 'bug', `a bug of sd-ready-wrap: ${bug instanceof Error ? bug.stack : bug}`);
        return [];
      }
    },
    exitWhenReady: account?.exitWhenReady ?? false,
    timeout: config.timeout,
    stopTimeout: config.stopTimeout,
    extendTimeout: config.extendTimeout,
    isReload: (signal) => transport !== undefined && signal === reloadSignalOf(env, config.reloadTimeout !== undefined),
    readyAgain: (told) => combineAgain(probes, config.readyWhen, told),
    reloadTimeout: config.reloadTimeout ?? Number.POSITIVE_INFINITY,
    watchdog: watchdog && watched(watchdog, config, context),
  });
  return {
    ended,
    onIpcGarbage: () => warn('the app wrote something to the IPC channel that is no message; ignored'),
    onOutputLost: (stream, code) => warn(`no room for what the app writes to ${stream} (${code}); it is lost`),
  };
}

/** @param ago ms */
function timeOfDay(ago = 0): string {
  return new Date(Date.now() - ago).toTimeString().slice(0, 8);
}

/**
 * That nobody is watched who should be, or that nobody pings where systemd waits for it.
 * @param appMayPing it has a notify socket of its own
 */
function unwatchedProblem({ watchdog, handoff, probes }: Config, env: Environment, appMayPing: boolean) {
  const asked = env['WATCHDOG_USEC'] !== undefined;
  if (!asked && watchdog !== 'process' && watchdog !== 'off') {
    return (
      `--watchdog ${watchdog}: the unit has no WatchdogSec=, so nobody is watched; write ` +
      `WatchdogSec=30s under [Service]`
    );
  }
  if (asked && watchdog === 'off' && !handoff && !appMayPing && !hasIpc(probes)) {
    return (
      '--watchdog off, and the unit has WatchdogSec=: nobody pings, and systemd will end the app; ' +
      'leave out one of the two'
    );
  }
  return undefined;
}
