/**
 * The program: reads the command line, starts the app, supervises it, ends as it ended. What is not needed to start the
 * app is loaded after it was started.
 */

import { endLike } from '../app/end.ts';
import { inheritedDescriptors } from '../app/inherited.ts';
import type { Environment } from '../base/environment.ts';
import { KnownError } from '../base/errors.ts';
import { EXIT, type ExitStatus } from '../base/exit-status.ts';
import { clock } from '../base/real-clock.ts';
import { VERSION } from '../base/version.ts';
import type { NotifyTransport } from '../notify/transport.ts';
import { readCommandLine } from '../options/command-line.ts';
import { buildConfig } from '../options/config.ts';
import { modeOf } from '../options/mode.ts';
import { optionsFromEnvironment } from '../options/variables.ts';
import { noteOwnEpipe } from '../output/sigpipe.ts';
import { fileStamp } from '../probes/file-stamp.ts';
import { namesHosts, tracesSockets, watchedStreams } from '../probes/spec.ts';
import { createCanary } from '../signals/canary.ts';
import { catchSignals, type SignalSource } from '../signals/source.ts';
import { rememberBefore } from '../sockets/listeners.ts';
import { openAppNotify, openTransport, prepareHandoff, tellFailure, watchdogFor } from './before-start.ts';
import { print, printError, printNote } from './print.ts';
import { refuseInheritedSockets, refuseTakenDescriptors } from './refuse-inherited.ts';
import { type Complaints, start } from './start.ts';

/** @param argv without the runtime and the script */
export async function main(argv: readonly string[], env: Environment): Promise<void> {
  const signals = catchSignals();
  let status: ExitStatus;
  try {
    status = await run(argv, env, signals);
  } catch (error) {
    if (error instanceof KnownError) {
      printError(error.message, env);
      status = { code: error.code };
    } else {
      printError(error instanceof Error ? (error.stack ?? error.message) : String(error), env);
      status = { code: EXIT.OWN_FAILURE };
    }
  }
  signals.release();
  endLike(status, env);
}

async function run(argv: readonly string[], env: Environment, signals: SignalSource): Promise<ExitStatus> {
  if (/--inspect/.test(env['NODE_OPTIONS'] ?? '')) (await import('../app/no-inspector.ts')).closeInspector();
  const inherited = inheritedDescriptors(env);
  const invocation = readCommandLine(argv, VERSION);
  if (invocation.type === 'print') {
    print(invocation.text);
    return { code: 0 };
  }
  if (invocation.type === 'version') {
    const { describeVersions } = await import('./describe-versions.ts');
    print(await describeVersions());
    return { code: 0 };
  }
  const raw = { ...optionsFromEnvironment(env), ...invocation.options };
  const mode = modeOf(raw);
  if (mode === 'print-unit') {
    const { printUnit } = await import('../print-unit/print-unit.ts');
    const { text, notes } = await printUnit(raw, invocation.words, env);
    print(text);
    for (const note of notes) printNote(note, env);
    return { code: 0 };
  }
  if (mode === 'completion') {
    const { completionFor } = await import('../options/completion.ts');
    print(completionFor(raw));
    return { code: 0 };
  }
  let config = buildConfig(raw, invocation.words);
  // of a reader that does not read, each has one for itself
  limitThreads(1 + watchedStreams(config.probes).size);
  refuseTakenDescriptors(
    config.probes,
    inherited.all.map(({ to }) => to),
  );
  if (namesHosts(config.probes)) {
    const { resolveHosts } = await import('./resolve-hosts.ts');
    const probes = await Promise.race([resolveHosts(config.probes), signals.interrupted]);
    // a name server may take long, and nothing is there yet that could take the signal
    if (typeof probes === 'string') return { signal: probes };
    config = { ...config, probes };
  }
  const stamps = new Map(
    config.probes.flatMap((spec) => (spec.kind === 'file' ? [[spec.path, stampIfSeen(spec.path)]] : [])),
  );
  const before = tracesSockets(config.probes) ? rememberBefore() : undefined;
  // for a diagnosis: sockets of socket activation are the app's alone once it is started
  const known = before ?? (inherited.all.length > 0 ? rememberBefore() : undefined);
  if (before) refuseInheritedSockets(config.probes, before);
  const closers: (() => void)[] = [];
  let transport: NotifyTransport | undefined;
  try {
    const dryRun =
      mode === 'dry-run' ? await (await import('../dry-run/dry-run.ts')).openDryRun(raw, config, env) : undefined;
    if (dryRun) {
      config = dryRun.config;
      closers.push(dryRun.close);
    }
    transport = dryRun?.transport ?? (await openTransport(env, inherited.notify));
    const handoff = config.handoff ? prepareHandoff(env) : undefined;
    const watchdog = transport && env['WATCHDOG_USEC'] !== undefined ? await watchdogFor(config, env) : undefined;
    const appNotify = await openAppNotify(config, env, watchdog);
    if (appNotify.socket) closers.push(appNotify.socket.close);

    // told before the log is there, which is loaded after the start
    let complaints: Complaints = { onIpcGarbage() {}, onOutputLost() {} };
    const startedAt = clock.now();
    const app = await start({
      config,
      env,
      inherited,
      // the main process may speak to systemd itself
      notifySocket: handoff?.parent ? env['NOTIFY_SOCKET'] : appNotify.socket?.path,
      parent: handoff?.parent,
      watchdog,
      complaints: {
        onIpcGarbage: () => complaints.onIpcGarbage(),
        onOutputLost: (stream, code) => complaints.onOutputLost(stream, code),
      },
    });

    // at once: what everybody gets before it lives is taken for ours alone, and sent to the app a second time
    const detached = handoff?.parent !== undefined || config.signalScope === 'group';
    const canary = createCanary({ appPid: app.pid, detached, onEpipe: noteOwnEpipe });
    if (config.forwardSignals === 'auto') canary.start();

    const { attend } = await import('./attend.ts');
    const attending = attend({
      config,
      env,
      app,
      canary,
      before,
      known,
      stamps,
      startedAt,
      transport,
      appNotify,
      noHandoff: handoff?.obstacle,
      watchdog,
      signals,
      account: dryRun?.account,
      onEpipe: noteOwnEpipe,
    });
    complaints = attending;
    return await attending.ended;
  } catch (error) {
    // before the app lives: `systemctl status` would say "Starting" for ever
    if (error instanceof KnownError) tellFailure(transport, error.message);
    throw error;
  } finally {
    for (const close of closers) close();
  }
}

/**
 * Threads of libuv's pool, which are started by what is the first to need one: by default four
 * (https://docs.libuv.org/en/v1.x/threadpool.html).
 */
function limitThreads(count: number): void {
  process.env['UV_THREADPOOL_SIZE'] = String(count);
}

/** What cannot be seen now (EACCES) the probe tells, if it is still so then. */
function stampIfSeen(path: string): string | undefined {
  try {
    return fileStamp(path);
  } catch {
    return undefined;
  }
}
