/** Text in unit files, through a real systemd. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { environmentWord, execWord, settingText } from '../../src/print-unit/quoting.ts';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { property, text } from './property.ts';

/** A unit for each word would take too long. */
const BATCH = 100;

const PLAIN = { template: false };
/** What is no argument, and what --print-unit refuses. */
const written = text().map((word) => word.replace(/[\0\p{NChar}]/gu, ''));
const unit = fc.record({
  words: fc.array(written, { minLength: BATCH, maxLength: BATCH }),
  value: written,
  title: written,
});

describeSystemd('unit files', ['user-1000', 'session'], (get) => {
  property(
    'unit quoting: systemd reads what was meant',
    unit,
    async ({ words, value, title }) => {
      const systemd = get();
      const report = `${systemd.makeDir()}/report`;
      const description = settingText(title, 60, PLAIN);
      const script = 'f=$1; shift; printf "%s\\0" "$VALUE" "$@" >"$f"';
      const exec = ['/bin/sh', '-c', script, 'sh', report, ...words].map((word) => execWord(word, PLAIN));
      systemd.writeUnit(
        'words.service',
        `[Unit]
Description=(${description})
[Service]
Type=oneshot
Environment=${environmentWord('VALUE', value, PLAIN)}
ExecStart=${exec.join(' ')}
`,
      );
      await systemd.systemctl('daemon-reload');
      const { code, stderr } = await systemd.systemctl('start', 'words.service');
      expect(code === 0 ? '' : stderr + (await systemd.managerLog()).slice(-2000)).toBe('');
      expect(readFileSync(report, 'utf8').split('\0').slice(0, -1)).toEqual([value, ...words]);
      expect(await systemd.show('words.service', 'Description')).toBe(`(${description.replaceAll('%%', '%')})`);
    },
    { batch: BATCH },
  );
});
