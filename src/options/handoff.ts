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

const ANOTHER_SIGN = 'use --tcp, --listen or --http, or leave out --handoff';
const streamGone = { why: 'what the app writes would go nowhere once the wrapper has left', hint: ANOTHER_SIGN };
const channelGone = { why: 'its channel would end with the wrapper', hint: ANOTHER_SIGN };
const isOff = (value: string) => parseBoolean(value) === false;

/** Add a row for a new option that needs the wrapper to stay. */
const STAYING: Partial<Record<OptionName, Staying>> = {
  stdout: streamGone,
  stderr: streamGone,
  output: streamGone,
  ipc: { ...channelGone, unless: isOff },
  'ipc-message': channelGone,
  notify: { why: 'its socket would go with the wrapper', hint: ANOTHER_SIGN, unless: isOff },
  fd: { why: 'the pipe would break once the wrapper has left', hint: ANOTHER_SIGN },
  watchdog: {
    why: 'nobody would ping once the wrapper has left',
    hint: 'let the app send WATCHDOG=1 itself, or leave out one of the two',
    unless: (value) => value === 'off',
  },
  'take-sockets': {
    why: 'once the wrapper has left, no process reports whether the app took a socket',
    hint: 'leave out one of the two',
    unless: isOff,
  },
  'reload-timeout': {
    why: "a reload is the app's own once the wrapper has left",
    hint: 'leave out one of the two',
  },
  'forward-signals': {
    why: 'what systemd sends reaches the app itself once the wrapper has left',
    hint: 'leave out one of the two',
    unless: (value) => value !== 'none',
  },
  'signal-scope': {
    why: 'what systemd sends reaches the app itself once the wrapper has left',
    hint: 'write KillMode=control-group in the unit instead',
    unless: (value) => value === 'process',
  },
  'rewrite-signal': {
    why: 'what systemd sends reaches the app itself once the wrapper has left',
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
    return { value, problem: `not with --handoff: ${why}`, hint };
  }
  return undefined;
}

/**
 * Why the app cannot become the main process here; undefined if it can. The wrapper must be a direct child of the
 * manager: only the main process may send MAINPID=, and an orphaned app must become the manager's child, not another
 * process's.
 */
export function handoffObstacle(env: NodeJS.ProcessEnv, ppid: number): string | undefined {
  if (!env['NOTIFY_SOCKET']) return 'NOTIFY_SOCKET is not set, so there is nobody to hand the app over to';
  if (ppid === 1 || String(ppid) === env['MANAGERPID']) return undefined;
  return `the wrapper's parent, pid ${ppid}, is not systemd; in the unit ExecStart= has to start it directly`;
}
