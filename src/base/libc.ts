/** Functions of the C library, called with node:ffi (node-ffi.ts) or koffi (koffi.ts). */

/** `pointer` is a Buffer; `...` is an int in a variable argument list; all other values are numbers. */
export type CType = 'int' | 'size_t' | 'uint32_t' | 'pointer' | '...';

export interface Libc {
  /**
   * @param result its C type; the value is always a number
   * @throws if the library lacks the function
   */
  func(name: string, result: 'int' | 'long', parameters: readonly CType[]): (...values: unknown[]) => number;
  /** The error code of the last call, e.g. `EAGAIN`. Valid until the next call. */
  lastError(): string;
}
