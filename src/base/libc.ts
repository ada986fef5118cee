/** Functions of the C library, called by node:ffi (node-ffi.ts) or by koffi (koffi.ts). */

/** `pointer` is a Buffer; `...` is an int where the number of arguments varies; all other values are numbers. */
export type CType = 'int' | 'size_t' | 'uint32_t' | 'pointer' | '...';

export interface Libc {
  /**
   * @param result a number, whatever its type
   * @throws if the library has no such function
   */
  func(name: string, result: 'int' | 'long', parameters: readonly CType[]): (...values: unknown[]) => number;
  /** The name of the last call's error: `EAGAIN`. Good until the next call. */
  lastError(): string;
}
