/** How often to look where a look costs next to nothing: there are several to an interval. */

/** Looks to an interval. */
const LOOKS = 3;

/** @returns from one look to the next, whole ms */
export function lookInterval(interval: number): number {
  return Math.ceil(interval / LOOKS);
}
