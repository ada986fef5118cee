/**
 * What a question to the system tells, or this where it fails: not there, not allowed, gone meanwhile.
 * @param ask only such a question, as a bug in it would go unseen
 */
export function orElse<T, U>(ask: () => T, otherwise: U): T | U {
  try {
    return ask();
  } catch {
    return otherwise;
  }
}
