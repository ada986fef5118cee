/** Waits for the thing itself, never for a time. */

/** Looks again and again until `look` gives something true. @throws after `deadline` ms, with what was awaited */
export async function until<T>(what: string, look: () => T | Promise<T>, deadline = 15_000): Promise<NonNullable<T>> {
  const end = performance.now() + deadline;
  for (;;) {
    const seen = await look();
    if (seen) return seen as NonNullable<T>;
    if (performance.now() > end) throw new Error(`gave up waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
