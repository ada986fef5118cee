/** Calls the C library by node:ffi, which comes with Node 26: the only file that imports it. */
import { getSystemErrorName } from 'node:util';
import type { CType, Libc } from './libc.ts';

/** The part of node:ffi that is used (https://nodejs.org/api/ffi.html). */
interface Ffi {
  readonly DynamicLibrary: new (
    path: null,
  ) => {
    getFunction(
      name: string,
      signature: { readonly return: string; readonly arguments: readonly string[] },
    ): (...values: unknown[]) => number | bigint;
  };
  getInt32(pointer: bigint, offset: number): number;
}

/**
 * On these machines int and long have 32 and 64 bits, and a function with a variable number of arguments, as fcntl(2)
 * is, takes them as any other function does.
 */
const MACHINES = ['x64', 'arm64', 'riscv64', 'loong64'];

const TYPES: Readonly<Record<CType | 'long', string>> = {
  int: 'int32',
  '...': 'int32',
  long: 'int64',
  size_t: 'uint64',
  uint32_t: 'uint32',
  pointer: 'pointer',
};

/** @throws without node:ffi, and if Node's permission model forbids it */
export async function loadByNodeFfi(): Promise<Libc> {
  const ffi = quietly(() => process.getBuiltinModule?.('node:ffi') as Ffi | undefined);
  if (!ffi) throw new Error(`needs Node 26 (this is ${process.version})`);
  if (!MACHINES.includes(process.arch)) throw new Error(`not supported on ${process.arch}`);
  const libc = new ffi.DynamicLibrary(null);
  const errno = libc.getFunction('__errno_location', { return: 'pointer', arguments: [] })() as bigint;
  return {
    func(name, result, parameters) {
      const call = libc.getFunction(name, { return: TYPES[result], arguments: parameters.map((type) => TYPES[type]) });
      // 64 bits are a bigint both ways
      return (...values) =>
        Number(call(...values.map((value, at) => (parameters[at] === 'size_t' ? BigInt(value as number) : value))));
    },
    // Node has no way to ask for it: this is where the C library keeps it for our thread (errno(3))
    lastError: () => getSystemErrorName(-ffi.getInt32(errno, 0)),
  };
}

/** Without Node's warning on stderr that this is experimental: the journal would have it at each start. */
function quietly<T>(load: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}
