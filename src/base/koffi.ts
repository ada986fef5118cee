/** Calls the C library with koffi (https://koffi.dev), an optional dependency. The only file that imports it. */
import { getSystemErrorName } from 'node:util';
import type { Libc } from './libc.ts';

/** The used part of koffi. */
interface Koffi {
  load(path: null): {
    func(name: string, result: string, parameters: readonly string[]): (...values: unknown[]) => number;
  };
  errno(): number;
}

/**
 * Takes about 10 ms of CPU.
 * @throws any error of loading the addon
 */
export async function loadByKoffi(): Promise<Libc> {
  // a variable, so that the bundler does not resolve it
  const name = 'koffi';
  const { default: koffi }: { default: Koffi } = await import(name);
  const libc = koffi.load(null);
  return {
    func(name, result, parameters) {
      const types = parameters.map((type) => (type === 'pointer' ? 'void *' : type));
      const call = libc.func(name, result, types);
      // after `...` koffi needs a type before each value
      return (...values) => call(...values.flatMap((value, at) => (types[at] === '...' ? ['int', value] : [value])));
    },
    lastError: () => getSystemErrorName(-koffi.errno()),
  };
}
