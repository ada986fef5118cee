/**
 * The interface of a readiness probe. A probe knows nothing of the start timeout, the log and the app's exit: those
 * exist once, outside.
 */
export interface ReadinessProbe {
  /** Shown in STATUS= and in the log: `tcp 127.0.0.1:3000`. */
  readonly name: string;
  /** The reason why it is not ready yet, in a few words: `ECONNREFUSED`. Empty if there is none. */
  readonly reason: string;
  /** Whether it polls, rather than waiting for a message (canPollAgain() of spec.ts). */
  readonly polls?: boolean;
  /** The probe to use after a reload, if it is not this one. */
  readonly again?: ReadinessProbe | undefined;
  /**
   * May be called again: each call starts anew. Resolves once ready, with the name to log (usually {@link name},
   * sometimes more exact). Never settles before. When `signal` aborts, it stops at once and frees what it holds. A
   * rejection is a bug of the probe.
   */
  wait(signal: AbortSignal): Promise<string>;
}
