/**
 * `--handoff`: after READY=1 the app becomes the unit's main process (MAINPID=, sd_notify(3)) and the wrapper exits.
 * Here are the options that do not go with it, and its requirements.
 */
import { parseBoolean } from '../base/boolean.ts';
import type { RawOptions, RawValue } from './raw.ts';
import type { OptionName } from './table.ts';

/** An option that works only while the wrapper runs. */
interface Staying {
  /** The problem without the wrapper. */
  readonly why: string;
  /** What to do instead. */
  readonly hint: string;
  /** Whether this value also works without the wrapper. */
  readonly unless?: (value: string) => boolean;
}

const ANOTHER_PROBE = 'use --tcp, --listen or --http, or remove --handoff';
const streamGone = { why: "the app's output would go nowhere after the wrapper exits", hint: ANOTHER_PROBE };
const channelGone = { why: 'its IPC channel would close when the wrapper exits', hint: ANOTHER_PROBE };
const isOff = (value: string) => parseBoolean(value) === false;

/** Add a row for a new option that needs the wrapper to stay. */
const STAYING: Partial<Record<OptionName, Staying>> = {
  stdout: streamGone,
  stderr: streamGone,
  output: streamGone,
  ipc: { ...channelGone, unless: isOff },
  'ipc-message': channelGone,
  notify: { why: 'its socket would close when the wrapper exits', hint: ANOTHER_PROBE, unless: isOff },
  fd: { why: 'its pipe would break when the wrapper exits', hint: ANOTHER_PROBE },
  watchdog: {
    why: 'no process would send WATCHDOG=1 after the wrapper exits',
    hint: 'let the app send WATCHDOG=1 itself, or remove one of the two',
    unless: (value) => value === 'off',
  },
  'take-sockets': {
    why: 'no process would report whether the app took a socket after the wrapper exits',
    hint: 'remove one of the two',
    unless: isOff,
  },
  'reload-timeout': {
    why: 'the app handles reloads itself after the wrapper exits',
    hint: 'remove one of the two',
  },
  'forward-signals': {
    why: 'signals from systemd reach the app directly after the wrapper exits',
    hint: 'remove one of the two',
    unless: (value) => value !== 'none',
  },
  'signal-scope': {
    why: 'signals from systemd reach the app directly after the wrapper exits',
    hint: 'write KillMode=control-group in the unit instead',
    unless: (value) => value === 'process',
  },
  'rewrite-signal': {
    why: 'signals from systemd reach the app directly after the wrapper exits',
    hint: 'write KillSignal= in the unit instead',
  },
};

export interface Refused {
  readonly value: RawValue;
  readonly problem: string;
  readonly hint: string;
}

/** The first given option that does not go with `--handoff`. */
export function refusedWithHandoff(raw: RawOptions): Refused | undefined {
  for (const [name, { why, hint, unless }] of Object.entries(STAYING)) {
    const value = raw[name as OptionName]?.at(-1);
    if (!value || unless?.(String(value.text))) continue;
    return { value, problem: `cannot be combined with --handoff: ${why}`, hint };
  }
  return undefined;
}

/**
 * Why the app cannot become the main process here; undefined if it can. The wrapper must be a direct child of the
 * manager: only the main process may send MAINPID=, and an orphaned app must become the manager's child, not another
 * process's.
 */
export function handoffObstacle(env: NodeJS.ProcessEnv, ppid: number): string | undefined {
  if (!env['NOTIFY_SOCKET'])
    return 'NOTIFY_SOCKET is not set, so systemd cannot receive the new main process (MAINPID=)';
  if (ppid === 1 || String(ppid) === env['MANAGERPID']) return undefined;
  return `the parent of the wrapper (pid ${ppid}) is not systemd; start sd-ready-wrap directly by ExecStart=`;
}
