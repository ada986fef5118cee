/** Shell words, read by a real shell. */
import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { quotedShellWord, shellWord } from '../../src/base/shell-word.ts';
import { tempDir } from '../helpers/temp.ts';
import { property, text } from './property.ts';

/** A shell for each word would take too long. */
const BATCH = 100;

const words = fc.array(
  text().map((word) => word.replaceAll('\0', '')),
  { minLength: BATCH, maxLength: BATCH },
);

property(
  'shell words: /bin/sh reads what was meant',
  words,
  (all) => {
    // a wrongly quoted word runs as a command: it must find no program, and write no file elsewhere
    using dir = tempDir();
    const options = { encoding: 'utf8', cwd: dir.path, env: { PATH: '' } } as const;
    for (const write of [shellWord, quotedShellWord]) {
      const { stdout } = spawnSync('/bin/sh', ['-c', `printf '%s\\0' ${all.map(write).join(' ')}`], options);
      expect(stdout.split('\0').slice(0, -1)).toEqual(all);
    }
  },
  { batch: BATCH },
);
