/** Calls the C library by koffi (https://koffi.dev), which is optional: the only file that imports it. */
import { getSystemErrorName } from 'node:util';
import type { Libc } from './libc.ts';

/** The part of koffi that is used. */
interface Koffi {
  load(path: null): {
    func(name: string, result: string, parameters: readonly string[]): (...values: unknown[]) => number;
  };
  errno(): number;
}

/** @throws whatever loading the addon throws. It takes about 10 ms of CPU. */
export async function loadByKoffi(): Promise<Libc> {
  // a name that the bundler does not see
  const name = 'koffi';
  const { default: koffi }: { default: Koffi } = await import(name);
  const libc = koffi.load(null);
  return {
    func(name, result, parameters) {
      const types = parameters.map((type) => (type === 'pointer' ? 'void *' : type));
      const call = libc.func(name, result, types);
      // behind `...` koffi wants each type with its value
      return (...values) => call(...values.flatMap((value, at) => (types[at] === '...' ? ['int', value] : [value])));
    },
    lastError: () => getSystemErrorName(-koffi.errno()),
  };
}
