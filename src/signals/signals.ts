/**
 * The signals that are forwarded to the app: all that a Node process can catch, so that RestartKillSignal=,
 * ReloadSignal= and `systemctl kill -s` reach the app (systemd.kill(5)).
 *
 * Not in the table:
 * - SIGKILL, SIGSTOP: cannot be caught (signal(7)).
 * - SIGSEGV, SIGBUS, SIGFPE, SIGILL: a fault of our own must end us; with a listener it would repeat for ever
 *   (https://nodejs.org/api/process.html#signal-events). If another process sends one, it kills the wrapper, and
 *   systemd sees the same result as without the wrapper.
 * - SIGCHLD: it reports our own child.
 * - Real-time signals: Node cannot name them.
 */
export const FORWARDED_SIGNALS = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTRAP',
  'SIGABRT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGSTKFLT',
  'SIGCONT',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGWINCH',
  'SIGIO',
  'SIGPWR',
  'SIGSYS',
] as const;

/** By default they stop all processes of a job (termios(3)). */
export const STOPPING_A_JOB = ['SIGTSTP', 'SIGTTIN', 'SIGTTOU'] as const;

/** A signal that the wrapper forwards. */
export type ForwardedSignal = (typeof FORWARDED_SIGNALS)[number];

/** Whether it asks a program to end, as KillSignal= and systemd's other signals for a stop do (systemd.kill(5)). */
export function asksToEnd(signal: ForwardedSignal): boolean {
  return ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGABRT'].includes(signal);
}

/** `--forward-signals`: if the app does not have the signal yet, always, never. */
export type ForwardSignals = 'auto' | 'all' | 'none';

/** What the wrapper does with a signal. */
export type SignalFate =
  /** Sends it to the app, perhaps as another signal. */
  | { readonly fate: 'forwarded'; readonly as: string }
  /** Nothing: the sender also sent it to the app. */
  | { readonly fate: 'reached' }
  /** Nothing: the app had ended before. */
  | { readonly fate: 'late' }
  /** Nothing: the operator does not want the app to get it. */
  | { readonly fate: 'withheld' };

/** `--rewrite-signal`: from signal to signal; `undefined` withholds it. */
export type Rewrites = ReadonlyMap<ForwardedSignal, string | undefined>;

/**
 * The result by the options alone; `ask` if it depends on whether the app already has the signal. That does not matter
 * for a rewritten signal, because it differs from the one that the app may have.
 */
export function fateOf(signal: ForwardedSignal, forward: ForwardSignals, rewrites: Rewrites): SignalFate | 'ask' {
  if (forward === 'none') return { fate: 'withheld' };
  if (rewrites.has(signal)) {
    const as = rewrites.get(signal);
    return as === undefined ? { fate: 'withheld' } : { fate: 'forwarded', as };
  }
  return forward === 'all' ? { fate: 'forwarded', as: signal } : 'ask';
}

/** Signals that can be sent to the app, but not forwarded: targets of a rewrite only. */
const ONLY_SENT = ['SIGKILL', 'SIGSTOP', 'SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL'];

/**
 * Parses `TERM:QUIT`, also in lower case and with SIG. `TERM:0` withholds it, as with dumb-init's `--rewrite`
 * (https://github.com/Yelp/dumb-init#signal-rewriting).
 * @returns a text with the problem if it is invalid
 */
export function parseRewrite(text: string): readonly [ForwardedSignal, string | undefined] | string {
  const words = text.trim().toUpperCase().split(':');
  if (words.length !== 2) return 'not FROM:TO';
  const [written, to] = words.map((word) => (word === '0' ? word : `SIG${word.replace(/^SIG/, '')}`));
  const from = FORWARDED_SIGNALS.find((signal) => signal === written);
  if (from === undefined) return `not a signal that can be forwarded: ${words[0]}`;
  if (to === '0') return [from, undefined];
  const all: readonly string[] = [...FORWARDED_SIGNALS, ...ONLY_SENT];
  if (to === undefined || !all.includes(to)) return `not a signal that can be sent: ${words[1]}`;
  return [from, to];
}
