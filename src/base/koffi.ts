/** Calls the C library by koffi (https://koffi.dev), which is optional: the only file that imports it. */
import { getSystemErrorName } from 'node:util';

/** The part of koffi that is used. */
interface Koffi {
  load(path: null): { func(prototype: string): (...args: unknown[]) => number };
  errno(): number;
}

/** @throws whatever loading the addon throws. It takes about 10 ms of CPU. */
export async function loadLibc() {
  // a name that the bundler does not see
  const name = 'koffi';
  const { default: koffi }: { default: Koffi } = await import(name);
  const libc = koffi.load(null);
  return {
    /** A function of the C library by its prototype. */
    func: (prototype: string) => libc.func(prototype),
    /** The name of the last call's error: `EAGAIN`. */
    lastError: () => getSystemErrorName(-koffi.errno()),
  };
}
