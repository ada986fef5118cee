/** What each probe option asks for, as data. `probes/index.ts` makes a probe of each. */
import type { OutputStream } from './ports.ts';

export type ProbeSpec =
  /** Any of the hosts that answers is enough. `written` is what the operator wrote and where, for an error. */
  | { readonly kind: 'tcp'; readonly hosts: readonly string[]; readonly port: number; readonly written: string }
  | { readonly kind: 'log'; readonly option: string; readonly streams: readonly OutputStream[]; readonly regex: RegExp }
  | { readonly kind: 'ipc'; readonly word: string };
