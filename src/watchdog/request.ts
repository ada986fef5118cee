/** What systemd's watchdog asks of us, and what has to be there for it before the app is started. */
import type { Passed } from '../app/inherited.ts';
import type { NodeCommand } from '../base/command-kind.ts';
import { appEnvironment } from '../base/environment.ts';
import { placePreload } from '../base/preload.ts';
import { firstFree } from '../notify/listen-fds.ts';
import type { Config, WatchdogMode } from '../options/config.ts';
import { type BeatFile, openBeatFile } from './beat-file.ts';
import { whyNoBeat, withBeat } from './beat-options.ts';
import { watchdogRequest } from './watch.ts';

export interface PreparedWatchdog {
  /** ms */
  readonly intervalMs: number;
  /** As the operator wants it, or `process` where that cannot be had. */
  readonly mode: WatchdogMode;
  /** Whether the app may ping by itself: with `probe` and `loop` another's word counts. */
  readonly appMayPing: boolean;
  /** By what the app beats, for `loop`. */
  readonly beat?: Beating;
  /** For the operator, once there is a log. */
  readonly warning?: string;
}

const NO_WATCHDOG: PreparedWatchdog = { mode: 'off', intervalMs: Number.POSITIVE_INFINITY, appMayPing: false };

/** Only where WATCHDOG_USEC is set there is something to find. */
export function findWatchdog({ watchdog: mode, args }: Config, env: NodeJS.ProcessEnv): PreparedWatchdog {
  const request = watchdogRequest(env, process.pid);
  if (request === undefined || (mode === 'off' && 'problem' in request)) return NO_WATCHDOG;
  if ('problem' in request) return { ...NO_WATCHDOG, warning: `${request.problem}: no WATCHDOG=1 is sent` };
  const appMayPing = mode !== 'probe' && mode !== 'loop';
  if (mode !== 'loop') return { ...request, mode, appMayPing };
  const problem = whyNoBeat(args, appEnvironment(env)['NODE_OPTIONS']);
  const beat = problem === undefined ? prepareBeat(env) : { problem };
  if (!('problem' in beat)) return { ...request, mode, appMayPing, beat };
  const warning = `--watchdog loop: ${beat.problem}; using --watchdog process`;
  return { ...request, mode: 'process', appMayPing, warning };
}

/** What an app beats by. */
export interface Beating {
  readonly file: BeatFile;
  /** The path of the preload. */
  readonly preload: string;
  close(): void;
}

function prepareBeat(env: NodeJS.ProcessEnv): Beating | { readonly problem: string } {
  const file = openBeatFile(env);
  if ('problem' in file) return file;
  // built beside the bundle
  const preload = placePreload('loop-beat.cjs', env);
  return 'problem' in preload ? preload : { file, preload: preload.path, close: preload.close };
}

/**
 * Hands the app the file to beat into, and tells its Node to.
 * @param taken descriptors of the app; with `ipc` one more is given to it, the first that is free
 */
export function handOver(
  { file, preload }: Beating,
  intervalMs: number,
  command: NodeCommand,
  { taken, ipc }: { readonly taken: readonly number[]; readonly ipc: boolean },
): NodeCommand & { readonly ours: readonly Passed[] } {
  const fd = firstFree(ipc ? [...taken, firstFree(taken)] : taken);
  return { ...withBeat(command, { preload, fd, intervalMs, parent: process.pid }), ours: [{ from: file.fd, to: fd }] };
}
