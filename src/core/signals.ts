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
 * - SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH: the terminal sends them to the whole foreground process group, so the app
 *   has its own already (termios(3)).
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
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGIO',
  'SIGPWR',
  'SIGSYS',
] as const;

/** A signal that the wrapper passes on. */
export type ForwardedSignal = (typeof FORWARDED_SIGNALS)[number];
