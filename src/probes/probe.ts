/**
 * What a readiness probe is. A probe knows no start timeout, no log, no death of the app: those exist once, outside.
 */

/** One sign of readiness that is waited for. */
export interface ReadinessProbe {
  /** Shown in STATUS= and in the log: `tcp 127.0.0.1:3000`. */
  readonly name: string;
  /** Why it is not ready yet, in a few words: `ECONNREFUSED`. Empty while there is nothing to say. */
  readonly reason: string;
  /** It asks, and is not told (canBeAskedAgain() of probe-spec.ts). */
  readonly asks?: boolean;
  /** What is awaited after a reload, where that is not the same. */
  readonly again?: ReadinessProbe | undefined;
  /**
   * May be called again, afresh. Resolves once ready, with the name to log (usually {@link name}, sometimes more
   * exact). Never settles while it is not. Stops at once, and frees what it holds, when `signal` aborts. A rejection is
   * a bug of the probe.
   */
  wait(signal: AbortSignal): Promise<string>;
}
