/** Work after the app was started: creates the log, the notifier and the probes, and supervises the app. */
import { isatty } from 'node:tty';
import { ipcNotices } from '../app/ipc-notices.ts';
import type { App } from '../app/types.ts';
import { launcherOf, shellOperatorIn } from '../base/command-kind.ts';
import { appEnvironment } from '../base/environment.ts';
import { readHead } from '../base/files.ts';
import { ownAge } from '../base/proc.ts';
import { clock } from '../base/real-clock.ts';
import type { Moment } from '../diagnosis/advice.ts';
import { supervise } from '../lifecycle/supervise.ts';
import { chooseFormat, wantsColours } from '../log/format.ts';
import { createLog } from '../log/log.ts';
import { withStartRecords } from '../log/start-record.ts';
import { mergeNotices } from '../notify/merge.ts';
import { createNotifier, noNotifier } from '../notify/notifier.ts';
import type { NotifyTransport } from '../notify/transport.ts';
import type { Config } from '../options/config.ts';
import { keepTail, type Tail } from '../output/tail.ts';
import type { ProbeContext } from '../probes/context.ts';
import { fileStamp } from '../probes/file-stamp.ts';
import { createProbe } from '../probes/index.ts';
import { pace } from '../probes/pace.ts';
import { combine, combineAgain, type Readiness } from '../probes/readiness.ts';
import { hasIpc, watchedStreams } from '../probes/spec.ts';
import type { Canary } from '../signals/canary.ts';
import { managerIdle } from '../signals/manager-idle.ts';
import { routeSignals } from '../signals/route.ts';
import type { SignalSource } from '../signals/source.ts';
import { leavesRunning, nothingKnown, traceListeners, untraced } from '../sockets/listeners.ts';
import { problemWhenFailed, problemWhenReady } from '../take-sockets/report.ts';
import { isSuccess, ownUnit, reloadSignalOf } from '../unit/files.ts';
import { watchdogOf } from '../watchdog/vitals-of.ts';
import type { Prepared, Snapshot } from './before-start.ts';

export interface AttendOptions {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly app: App;
  readonly canary: Canary;
  readonly signals: SignalSource;
  /** When the app was started: ms of base/real-clock.ts. */
  readonly startedAt: number;
  readonly snapshot: Snapshot;
  /** Undefined without a notify socket. */
  readonly transport: NotifyTransport | undefined;
  readonly prepared: Prepared;
}

/** @returns the wrapper's exit status */
export async function attend(options: AttendOptions) {
  const { config, env, app, canary, signals, startedAt, snapshot, transport, prepared } = options;
  const { appNotify, handoff, watchdog, taking, report } = prepared;
  const elapsed = () => clock.now() - startedAt;
  // a dry run is for people, unless --log-format is given
  const format = report && config.logFormat === 'auto' ? 'pretty' : chooseFormat(config.logFormat, env);
  const since = report && elapsed;
  const log = await createLog({ level: config.logLevel, format, colours: wantsColours(env), elapsed: since });
  report?.begin(log, format === 'pretty' && isatty(2), startedAt);
  const warn = (message: string) => log.write('warn', 'warning', message);
  const onBug = (bug: unknown) =>
    log.write('error', 'bug', `a bug of sd-ready-wrap: ${bug instanceof Error ? bug.stack : bug}`);
  // a bug of the wrapper must not end a running app
  process.on('uncaughtException', onBug);
  app.onTrouble(warn);
  const operator = shellOperatorIn(config.args);
  if (operator !== undefined) {
    warn(
      `${operator} went to the app as an argument, because no shell reads the command: to redirect output write ` +
        "StandardOutput=append:/path in the unit; for anything else write sh -c '...'",
    );
  }

  const inUnit = env['INVOCATION_ID'] !== undefined;
  // a terminal's shell may belong to a unit that has nothing to do with this run (systemd.exec(5), $SYSTEMD_EXEC_PID)
  const isMain = inUnit && !report && [undefined, `${process.pid}`].includes(env['SYSTEMD_EXEC_PID']);
  const unitLog =
    isMain && transport ? withStartRecords(log, () => ownUnit(env) ?? 'unknown', transport.name, clock.now) : log;
  const launcher = launcherOf(config.command, config.args, readHead);
  if (inUnit && (isMain || !transport)) {
    void import('../diagnosis/diagnose.ts').then(({ unitProblems }) =>
      unitProblems(
        {
          env,
          hasNotifySocket: transport !== undefined,
          launcher: isMain ? launcher : undefined,
          scope: config.signalScope,
        },
        warn,
      ),
    );
  }
  const unwatched = isMain && unwatchedProblem(config, env, appNotify.socket !== undefined);
  if (unwatched) warn(unwatched);
  const debug = (event: string, message: string) => log.write('debug', event, message);
  if (transport) debug('transport', `notify socket: sending with ${transport.name}`);
  if (appNotify.socket) debug('app-notify', `the app's notify socket: receiving with ${appNotify.socket.receiver}`);
  if (appNotify.problem) debug('app-notify', `the app has no notify socket: ${appNotify.problem}`);
  if (handoff?.obstacle) warn(`no handoff, the wrapper stays: ${handoff.obstacle}`);
  for (const each of [watchdog?.warning, snapshot.warning]) if (each !== undefined) warn(each);

  const notices = mergeNotices([
    ...(appNotify.socket ? [appNotify.socket] : []),
    ...(hasIpc(config.probes) ? [ipcNotices(app)] : []),
  ]);
  const trace = (before = nothingKnown()) => traceListeners(app.pid, before, [config.command, ...config.args]);
  const listeners = snapshot.before && trace(snapshot.before);
  const context: Omit<ProbeContext, 'timing'> = {
    ...{ app, clock, warn, stamp: fileStamp },
    notices: notices ?? { onNotice: () => () => {} },
    listeners: listeners ?? untraced,
    debug: (message: string) => debug('probe', message),
    stampBefore: (path) => snapshot.stamps.get(path),
    env: appEnvironment(env),
  };
  const probes = config.probes.map((spec) => {
    const tap = report?.tap();
    const timing = pace(spec.kind, { ...config.timing, onAttempt: tap?.onAttempt }, clock);
    const probe = createProbe(spec, { ...context, timing, socketsBefore: snapshot.sockets });
    return tap ? tap.watch(probe) : probe;
  });
  const { forwardSignals, rewrites } = config;
  const route = routeSignals(signals, {
    ...{ forward: forwardSignals, rewrites, hadByApp: canary.hears },
    detached: config.signalScope === 'group',
  });

  const diagnose = async (moment: Moment) => {
    // while the app is starting it may still take them; once it is ready warnUntaken() reports it
    const untaken = taking && moment !== 'waiting' ? problemWhenFailed(taking.report()) : undefined;
    if (untaken !== undefined) return [untaken];
    // for a dead app the diagnosis finds only problems with its port
    const isSocket = config.probes.some(({ kind }) => ['auto', 'tcp', 'http', 'listen', 'unix'].includes(kind));
    if (moment === 'died' && !isSocket) return [];
    try {
      const { diagnose } = await import('../diagnosis/diagnose.ts');
      return await diagnose(moment, {
        ...{ config, env, inUnit: isMain, elapsed: ownAge(), isAlive: app.isAlive },
        listeners: listeners ?? trace(),
      });
    } catch (bug) {
      onBug(bug);
      return [];
    }
  };
  const first = combine(probes, config.readyWhen);
  const warnUntaken = () => {
    const problem = taking && problemWhenReady(taking.report());
    if (problem !== undefined) warn(problem);
  };
  return supervise({
    ...{
      app,
      name: launcher ?? 'the app',
      clock,
      log: unitLog,
      started: { at: startedAt, since: timeOfDay(elapsed()) },
    },
    readiness: {
      first: taking ? withCallback(first, warnUntaken) : first,
      again: (signalled) => combineAgain(probes, config.readyWhen, signalled),
      timeout: config.timeout,
      reloadTimeout: config.reloadTimeout ?? Number.POSITIVE_INFINITY,
      extendTimeout: config.extendTimeout,
      diagnose,
      tail: keptTail(app, config),
      isAll: report?.exitWhenReady ?? false,
    },
    systemd: {
      notifier: transport
        ? createNotifier(transport, clock, (code) => warn(`cannot notify systemd yet (${code}); trying again`))
        : noNotifier,
      notices,
      watches: env['WATCHDOG_USEC'] !== undefined,
      handoff: config.handoff && !handoff?.obstacle,
      processed: async () => {
        await managerIdle();
        // systemd may have sent a signal before it knew of the new main process
        await route.settled();
      },
      isReload: (signal) =>
        transport !== undefined && signal === reloadSignalOf(env, config.reloadTimeout !== undefined),
      isSuccess: (code) => isSuccess(code, env),
      monotonicUsec: () => process.hrtime.bigint() / 1000n,
      timeOfDay,
    },
    stop: {
      onSignal: route.listen,
      settled: route.settled,
      signal: rewrites.get('SIGTERM') ?? 'SIGTERM',
      timeout: config.stopTimeout,
      leavesRunning: () => leavesRunning(app.pid, snapshot.before),
      onExit: async (asked) => {
        await canary.end();
        await report?.end(app.pid, asked);
      },
    },
    watchdog: watchdog && watchdogOf(watchdog, config, context),
  });
}

function withCallback(readiness: Readiness, onReady: () => void): Readiness {
  return {
    ...readiness,
    async wait(signal) {
      const by = await readiness.wait(signal);
      onReady();
      return by;
    },
  };
}

/** The end of all watched streams together, in order of arrival. */
function keptTail(app: App, { probes }: Config): Tail | undefined {
  const streams = [...watchedStreams(probes)];
  if (streams.length === 0) return undefined;
  return keepTail((listener) => {
    const stops = streams.map((stream) => app.onOutput(stream, listener));
    return () => {
      for (const stop of stops) stop();
    };
  });
}

/**
 * `09:05:00`. toTimeString() would also look up the name of the time zone.
 * @param ago ms
 */
function timeOfDay(ago = 0): string {
  const at = new Date(Date.now() - ago);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => `${part}`.padStart(2, '0')).join(':');
}

/**
 * Reports --watchdog without WatchdogSec=, and WatchdogSec= without any process that sends pings.
 * @param appMayPing the app has a notify socket
 */
function unwatchedProblem({ watchdog, handoff, probes }: Config, env: NodeJS.ProcessEnv, appMayPing: boolean) {
  const asked = env['WATCHDOG_USEC'] !== undefined;
  if (!asked && watchdog !== 'process' && watchdog !== 'off') {
    return `--watchdog ${watchdog} has no effect without WatchdogSec=; add WatchdogSec=30s under [Service]`;
  }
  if (asked && watchdog === 'off' && !handoff && !appMayPing && !hasIpc(probes)) {
    return (
      '--watchdog off with WatchdogSec= in the unit: no WATCHDOG=1 is sent, so systemd will stop the app; ' +
      'remove one of the two'
    );
  }
  return undefined;
}
