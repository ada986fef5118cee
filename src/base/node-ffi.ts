/** Calls the C library with node:ffi, a part of Node from 26 on. The only file that imports it. */
import { getSystemErrorName } from 'node:util';
import type { CType, Libc } from './libc.ts';

/** The used part of node:ffi (https://nodejs.org/api/ffi.html). */
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
 * On these machines int has 32 bits and long 64, and functions with a variable argument list, such as fcntl(2), have
 * the same calling convention as others.
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
  const ffi = withoutWarnings(() => process.getBuiltinModule?.('node:ffi') as Ffi | undefined);
  if (!ffi) throw new Error(`needs Node 26 (this is ${process.version})`);
  if (!MACHINES.includes(process.arch)) throw new Error(`not supported on ${process.arch}`);
  const libc = new ffi.DynamicLibrary(null);
  const errno = libc.getFunction('__errno_location', { return: 'pointer', arguments: [] })() as bigint;
  return {
    func(name, result, parameters) {
      const call = libc.getFunction(name, { return: TYPES[result], arguments: parameters.map((type) => TYPES[type]) });
      // 64-bit arguments and results are bigints
      return (...values) =>
        Number(call(...values.map((value, at) => (parameters[at] === 'size_t' ? BigInt(value as number) : value))));
    },
    // node:ffi does not return errno, so read this thread's errno of the C library (errno(3))
    lastError: () => getSystemErrorName(-ffi.getInt32(errno, 0)),
  };
}

/** Without Node's ExperimentalWarning on stderr, which would be in the journal at each start. */
function withoutWarnings<T>(load: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}
