/** An interface to time, so that tests of the pure core need not wait. */

/** Cancels a timer or a subscription. A second call has no effect. */
export type Disposer = () => void;

export interface Clock {
  /** Monotonic time in ms, from an arbitrary origin. */
  now(): number;
  /** Calls back once, after `ms`. Never for `Infinity`. */
  after(ms: number, callback: () => void): Disposer;
}
