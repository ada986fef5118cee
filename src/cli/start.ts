/** Starts the app with its environment and descriptors, and undoes what Node changed in the wrapper. */
import { StartError, startApp } from '../app/app.ts';
import type { Inherited } from '../app/inherited.ts';
import { keepsJournalStream } from '../app/journal-stream.ts';
import type { Prelude } from '../app/prelude.ts';
import { isNode } from '../base/command-kind.ts';
import { appEnvironment } from '../base/environment.ts';
import { KnownError } from '../base/errors.ts';
import { spawnFailureCode } from '../base/exit-status.ts';
import { hasIpc, watchedStreams } from '../probes/spec.ts';
import { withTaking } from '../take-sockets/hand-over.ts';
import { ignoredSignals, softOpenFilesLimit } from '../unit/before-node.ts';
import { managerTexts, reloadSignalOf, unitTexts } from '../unit/files.ts';
import type { Prepared } from './before-start.ts';

/** @throws {KnownError} if the command cannot be started */
export async function start(
  { config, appNotify, watchdog, taking, handoff }: Prepared,
  env: NodeJS.ProcessEnv,
  inherited: Inherited,
) {
  const parent = handoff?.parent;
  // with a handoff the app becomes the main process, which may notify systemd itself
  const notifySocket = parent ? env['NOTIFY_SOCKET'] : appNotify.socket?.path;
  const theirs = parent ? { ...inherited, ...inherited.whole } : inherited;
  const watched = watchedStreams(config.probes);
  const ipc = hasIpc(config.probes);
  const descriptors = config.probes.flatMap((spec) => (spec.kind === 'fd' ? spec.fd : []));
  const journal = keepsJournalStream(env, watched);
  // a future main process has to send its own pings
  const pings =
    parent !== undefined || (watchdog?.appMayPing === true && (notifySocket !== undefined || watchdog.mode === 'app'));
  const words = { args: config.args, env: appEnvironment(theirs.env, { notifySocket, pings, journal }) };
  const given = { ...(taking ? withTaking(words, taking, process.pid) : words), ours: [] };
  const taken = [...descriptors, ...theirs.all.map(({ to }) => to)];
  const handedOver = watchdog?.beat
    ? (await import('../watchdog/request.ts')).handOver(watchdog.beat, watchdog.intervalMs, given, { taken, ipc })
    : given;
  try {
    return await startApp({
      command: config.command,
      argv0: config.argv0,
      ...handedOver,
      watched,
      ipc,
      ownGroup: config.signalScope === 'group',
      descriptors,
      inherited: theirs,
      parent,
      prelude: {
        listenPid: theirs.listen.length > 0,
        watchdogPid: watchdog?.mode === 'app',
        ...changedByNode(config.command, env),
      },
      // a log line may signal the end of a reload
      listensAgain: () => reloadSignalOf(env, config.reloadTimeout !== undefined) !== undefined,
    });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    throw new KnownError(error.message, spawnFailureCode(error.code));
  }
}

/**
 * The original values of settings that Node changes at its start and that children inherit. Empty for an app that is
 * Node, because it changes them too.
 */
function changedByNode(command: string, env: NodeJS.ProcessEnv): Pick<Prelude, 'ignored' | 'openFiles'> {
  if (isNode(command)) return { ignored: [], openFiles: undefined };
  const unit = unitTexts(env);
  return { ignored: ignoredSignals(unit), openFiles: softOpenFilesLimit(unit, () => managerTexts(env)) };
}
