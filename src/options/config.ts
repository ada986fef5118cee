/**
 * Turns the operator's options into a checked configuration, with its defaults. Those of the probes are in probes.ts.
 */
import { isNodeRuntime, runnerIn } from '../base/command-kind.ts';
import { UsageError } from '../base/errors.ts';
import type { LogFormat, LogLevel } from '../log/types.ts';
import type { GivenTiming } from '../probes/poll.ts';
import type { ReadyWhen } from '../probes/readiness.ts';
import { canPollAgain, hasIpc, type ProbeSpec } from '../probes/spec.ts';
import { type ForwardSignals, parseRewrite, type Rewrites } from '../signals/signals.ts';
import { refusedWithHandoff } from './handoff.ts';
import { probeSpecs } from './probes.ts';
import { choice, example, isOn, last, nonEmpty, quote, type RawOptions, type RawValue, text, time } from './raw.ts';

/** Whether forwarded signals go to the app's process or to its process group. */
export type SignalScope = 'process' | 'group';

/** What must hold for WATCHDOG=1 to be sent. `off`: the wrapper does not watch. */
export type WatchdogMode = 'off' | 'process' | 'probe' | 'app' | 'loop';

/** Times in ms; `Infinity` means no limit. */
export interface Config {
  readonly command: string;
  readonly args: readonly string[];
  /** The app's argv[0]; undefined for the command as written. */
  readonly argv0: string | undefined;
  readonly probes: readonly ProbeSpec[];
  readonly readyWhen: ReadyWhen;
  readonly timing: GivenTiming;
  readonly timeout: number;
  readonly stopTimeout: number;
  /** The time of each EXTEND_TIMEOUT_USEC= while the app is not ready. */
  readonly extendTimeout: number | undefined;
  /** The app becomes the main process once it is ready. */
  readonly handoff: boolean;
  /** The app's servers listen on the sockets that systemd passed. */
  readonly takeSockets: boolean;
  readonly watchdog: WatchdogMode;
  /** Undefined if the option was not given; `Infinity` if it was given as no limit. */
  readonly reloadTimeout: number | undefined;
  readonly forwardSignals: ForwardSignals;
  readonly signalScope: SignalScope;
  readonly rewrites: Rewrites;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** @throws {UsageError} for the first invalid option, in one line */
export function buildConfig(raw: RawOptions, words: readonly string[]): Config {
  const logLevel = choice(raw, 'log-level', ['info', 'debug', 'warn', 'error'] as const);
  const logFormat = choice(raw, 'log-format', ['auto', 'journal', 'json', 'pretty'] as const);
  const readyWhen = choice(raw, 'ready-when', ['all', 'any'] as const);
  const timing: GivenTiming = {
    initialDelay: time(raw, 'initial-delay', 0, { least: 0 }),
    interval: raw.interval && time(raw, 'interval', 0, { least: 1 }),
    attemptTimeout: raw['attempt-timeout'] && time(raw, 'attempt-timeout', 0, { least: 1 }),
  };
  const timeout = time(raw, 'timeout', Number.POSITIVE_INFINITY, 'zero and infinity mean no limit');
  const stopTimeout = time(raw, 'stop-timeout', 10_000, 'zero and infinity mean no limit');
  const extendTimeout = raw['extend-timeout'] ? time(raw, 'extend-timeout', 0, { least: 100 }) : undefined;
  const watchdog = choice(raw, 'watchdog', ['process', 'off', 'probe', 'app', 'loop'] as const);
  const reloadTimeout = raw['reload-timeout']
    ? time(raw, 'reload-timeout', 0, 'zero and infinity mean no limit')
    : undefined;
  const forwardSignals = choice(raw, 'forward-signals', ['auto', 'all', 'none'] as const);
  const signalScope = choice(raw, 'signal-scope', ['process', 'group'] as const);
  const rewrites = new Map((raw['rewrite-signal'] ?? []).map(rewrite));
  const named = probeSpecs(raw);
  const argv0 = raw.argv0?.at(-1) && nonEmpty('argv0', last(raw, 'argv0') as RawValue);

  const handoff = isOn(raw, 'handoff');
  const refused = handoff && refusedWithHandoff(raw);
  if (refused) throw new UsageError(quote(refused.value), refused.problem, refused.hint);

  const [command, ...args] = words;
  if (command === undefined) {
    throw new UsageError(
      '<command>',
      'no command given',
      'write the command that starts the app, e.g. sd-ready-wrap --tcp 3000 -- node app.js',
    );
  }
  if (command === '')
    throw new UsageError(
      '<command>',
      'the command is empty',
      'write the command that starts the app, e.g. node app.js; if a variable is written there, it may not be set',
    );
  if (hasIpc(named) && !isNodeRuntime(command, args)) {
    throw new UsageError(
      raw.ipc?.[0]?.place ?? raw['ipc-message']?.[0]?.place ?? '--ipc',
      `${command} cannot receive a Node IPC channel directly`,
      'start the app with node, e.g. sd-ready-wrap --ipc -- node app.js, or choose another probe',
    );
  }
  const probes: readonly ProbeSpec[] = named.length > 0 ? named : [{ kind: 'auto', notify: !handoff }];
  refuseWatchdog(last(raw, 'watchdog'), watchdog, probes);
  if (watchdog === 'loop') refuseUnlessNode(last(raw, 'watchdog'), '--watchdog loop', words);
  const takeSockets = isOn(raw, 'take-sockets');
  if (takeSockets) refuseUnlessNode(last(raw, 'take-sockets'), '--take-sockets', words);
  return {
    ...{ command, args, argv0, probes, readyWhen, timing, timeout, stopTimeout, extendTimeout },
    ...{ watchdog, reloadTimeout, handoff, takeSockets, forwardSignals, signalScope, rewrites, logLevel, logFormat },
  };
}

/** @throws {UsageError} if `--watchdog probe` has no probe that polls */
function refuseWatchdog(value: RawValue | undefined, mode: WatchdogMode, probes: readonly ProbeSpec[]): void {
  if (value === undefined) return;
  if (mode === 'probe' && !probes.some(canPollAgain)) {
    throw new UsageError(
      quote(value),
      `none of the probes can be repeated (${probes.map(({ kind }) => kind).join(', ')})`,
      'add a probe that can, e.g. --tcp 3000 or --http http://127.0.0.1:3000/, or use --watchdog process',
    );
  }
}

/** For options that make Node load a preload. @throws {UsageError} if the command is not Node itself */
function refuseUnlessNode(value: RawValue | undefined, option: string, words: readonly string[]): void {
  const runner = runnerIn(words);
  if (value === undefined || runner === undefined) return;
  throw new UsageError(
    quote(value),
    `${runner} is not Node itself`,
    `start the app with node, e.g. sd-ready-wrap ${option} -- node app.js`,
  );
}

function rewrite(value: RawValue) {
  const found = parseRewrite(text(value));
  if (typeof found === 'string') throw new UsageError(quote(value), found, example('rewrite-signal', value));
  return found;
}
