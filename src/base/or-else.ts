/**
 * The result of a system call, or `otherwise` if it fails (not there, not permitted, gone meanwhile).
 * @param ask should contain only the system call, because its bugs are hidden too
 */
export function orElse<T, U>(ask: () => T, otherwise: U): T | U {
  try {
    return ask();
  } catch {
    return otherwise;
  }
}
