/** Installs the program alone, with the addons that a test names and no others. */
import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type TempDir, tempDir } from './temp.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** The packages of each addon in node_modules. */
const ADDONS = {
  'unix-dgram': ['unix-dgram', 'bindings', 'file-uri-to-path'],
  koffi: ['koffi', '@koromix'],
} as const;

export type Addon = keyof typeof ADDONS;

export interface Installation extends Disposable {
  readonly bin: string;
}

export function install(...addons: readonly Addon[]): Installation {
  const dir: TempDir = tempDir();
  // as packed: without the code cache of the build
  const isPacked = (file: string) => !file.endsWith('.cache');
  for (const part of ['bin', 'dist']) {
    cpSync(join(REPOSITORY, part), dir.file(part), { recursive: true, filter: isPacked });
  }
  for (const name of addons.flatMap((addon) => ADDONS[addon])) {
    const link = dir.file(`node_modules/${name}`);
    mkdirSync(dirname(link), { recursive: true });
    // copies and no links: node resolves the packages of a link from its target
    cpSync(join(REPOSITORY, 'node_modules', name), link, { recursive: true, dereference: true });
  }
  return { bin: dir.file('bin/sd-ready-wrap.cjs'), [Symbol.dispose]: () => dir[Symbol.dispose]() };
}
