/** The transports that work here: node:ffi comes with Node 26, unix-dgram is compiled for one release of Node. */
import { createRequire } from 'node:module';
import { NODE } from './apps.ts';
import type { Addon } from './install.ts';
import { installedNode } from './nodes.js';

const require = createRequire(import.meta.url);

const HAS_FFI = loads('node:ffi');

/** Flags of Node that switch node:ffi off, so that the addons are tried. */
export const WITHOUT_FFI: readonly string[] = HAS_FFI ? ['--no-experimental-ffi'] : [];

/** The first addon that works, in the order in which the wrapper tries them. */
export const ADDON: Addon = loads('unix-dgram') ? 'unix-dgram' : 'koffi';

/** The addons that it can load. */
export const ADDONS: readonly Addon[] = ADDON === 'koffi' ? ['koffi'] : ['unix-dgram', 'koffi'];

/** The wrapper's choice if all are installed. */
export const TRANSPORT: Addon | 'node:ffi' = HAS_FFI ? 'node:ffi' : ADDON;

/** A Node with node:ffi: this one or one from the set-up. */
export const NODE_WITH_FFI: string | undefined = HAS_FFI ? NODE : installedNode('26');

/** Each transport: its name, a command of Node that uses it, and the addons that it needs. */
export const WAYS: readonly (readonly [string, readonly string[], readonly Addon[]])[] = [
  ...(NODE_WITH_FFI ? [['node:ffi', [NODE_WITH_FFI], []] as const] : []),
  ...ADDONS.map((addon) => [addon, [NODE, ...WITHOUT_FFI], [addon]] as const),
];

function loads(name: string): boolean {
  try {
    require(name);
    return true;
  } catch (error) {
    // built for another release of Node (npm run matrix:node), or part of one; a missing addon must be installed
    const isForAnother = ['ERR_DLOPEN_FAILED', 'ERR_UNKNOWN_BUILTIN_MODULE'].includes(
      (error as NodeJS.ErrnoException).code ?? '',
    );
    if (process.env['CI'] === 'true' && !isForAnother) throw error;
    return false;
  }
}
