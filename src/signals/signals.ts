/**
 * Which signals are passed on to the app: every one that a Node process can catch, so that RestartKillSignal=,
 * ReloadSignal= and `systemctl kill -s` reach the app whatever they name (systemd.kill(5)).
 *
 * Not in the table, and why:
 * - SIGKILL, SIGSTOP: cannot be caught (signal(7)).
 * - SIGSEGV, SIGBUS, SIGFPE, SIGILL: a real fault of our own must end us; a listener would make it loop
 *   (https://nodejs.org/api/process.html#signal-events). Sent from outside they end the wrapper, and systemd sees the
 *   same death as without it.
 * - SIGCHLD: tells us of our own child.
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

/** They stop a job by default (termios(3)), and with it all of its processes. */
export const STOPPING_A_JOB = ['SIGTSTP', 'SIGTTIN', 'SIGTTOU'] as const;

/** A signal that the wrapper passes on. */
export type ForwardedSignal = (typeof FORWARDED_SIGNALS)[number];

/**
 * Whether it asks a program to end: KillSignal= and what else systemd stops a unit with, by default (systemd.kill(5)).
 */
export function asksToEnd(signal: ForwardedSignal): boolean {
  return ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGABRT'].includes(signal);
}

/** To whom `--forward-signals` passes them on: where it has not had it yet, always, never. */
export type ForwardSignals = 'auto' | 'all' | 'none';

/** What becomes of a signal that the wrapper got. */
export type SignalFate =
  /** It is sent to the app, perhaps by another name. */
  | { readonly fate: 'forwarded'; readonly as: string }
  /** The app has had it already, from whoever sent it to us. */
  | { readonly fate: 'reached' }
  /** The operator wants it kept from the app. */
  | { readonly fate: 'withheld' };

/** What each signal of `--rewrite-signal` becomes; `undefined` is nothing. */
export type Rewrites = ReadonlyMap<ForwardedSignal, string | undefined>;

/**
 * What becomes of a signal by the rules alone; `ask` where it depends on whether the app has had it already. A signal
 * that is rewritten is another one than that which the app may have had, so there is nothing to ask.
 */
export function fateOf(signal: ForwardedSignal, forward: ForwardSignals, rewrites: Rewrites): SignalFate | 'ask' {
  if (forward === 'none') return { fate: 'withheld' };
  if (rewrites.has(signal)) {
    const as = rewrites.get(signal);
    return as === undefined ? { fate: 'withheld' } : { fate: 'forwarded', as };
  }
  return forward === 'all' ? { fate: 'forwarded', as: signal } : 'ask';
}

/** What can be sent, and not be caught by us or not be passed on as it is. */
const ONLY_SENT = ['SIGKILL', 'SIGSTOP', 'SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL'];

/**
 * `TERM:QUIT`, also in small letters and with SIG; `TERM:0` keeps it from the app, as dumb-init's `--rewrite` has it
 * (https://github.com/Yelp/dumb-init#signal-rewriting).
 * @returns what is wrong with it, if it is not one
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
