/** Time as the rest of the program sees it: a port, so that the pure core is tested without waiting. */

/** Cancels what it was given for. Calling it twice does no harm. */
export type Disposer = () => void;

export interface Clock {
  /** Monotonic time in ms, from an origin without meaning. */
  now(): number;
  /** Calls back once, `ms` from now. `Infinity` never calls back. */
  after(ms: number, callback: () => void): Disposer;
}
