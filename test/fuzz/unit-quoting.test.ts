/** Text in unit files, read by a real systemd. */
import { existsSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { execCommands } from '../../src/print-unit/exec-line.ts';
import { environmentWord, execWord, movedPath, settingText } from '../../src/print-unit/quoting.ts';
import { assignmentsIn } from '../../src/unit/syntax.ts';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { property, text } from './property.ts';

/** A unit for each word would take too long. */
const BATCH = 100;

const PLAIN = { template: false };
/** What cannot be an argument, and what --print-unit refuses. */
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

  /** Lines that a unit may have. After a semicolon comes another command, which none of the cases needs. */
  const line = fc
    .tuple(fc.constantFrom('', ':', '@'), written, fc.constantFrom('', '"', "'"))
    .map(([prefix, words, quote]) => ({ prefix, quote, words: `${words.replace(/[\n\r]/g, ' ')} end` }))
    .filter(({ words }) => !/(^|\s);\s/.test(words));

  property(
    'moved commands: systemd passes the same words to a command that another one starts',
    fc.array(line, { minLength: BATCH, maxLength: BATCH }),
    async (lines) => {
      const systemd = get();
      const dir = systemd.makeDir();
      const cases = lines.map(({ prefix, quote, words }, id) => {
        const before = prefix === '@' ? ' name' : '';
        const own = prefix === ':' ? '$' : '$$';
        const script = `-c 'printf "%%s\\0" "${own}@" >${dir}/KIND-${id}' sh`;
        return { id, line: `${quote}-${prefix}/bin/sh${quote}${before} ${script} ${words}` };
      });
      const exec = cases.flatMap(({ line }) => {
        const unit = `[Service]\nExecStart=${line.replace('KIND', 'direct')}\n`;
        const [command] = execCommands(assignmentsIn(unit)[0]?.value ?? '') ?? [];
        // leaves out a line that systemd cannot read
        if (!command) return [unit];
        const { prefixes, path, words } = command;
        const args = (prefixes.includes('@') ? words.slice(1) : words).join(' ').replace('direct', 'moved');
        const moved = movedPath(path, !prefixes.includes(':'));
        return [unit, `ExecStart=${prefixes.replace('@', '')}/usr/bin/env -- ${moved} ${args}\n`];
      });
      const variables = 'Environment=a=1 "Z=two  words" READY=x SIG=';
      systemd.writeUnit('moved.service', `[Service]\nType=oneshot\n${variables}\n${exec.join('')}`);
      await systemd.systemctl('daemon-reload');
      const { code, stderr } = await systemd.systemctl('start', 'moved.service');
      expect(code === 0 ? '' : stderr + (await systemd.managerLog()).slice(-2000)).toBe('');
      const read = (kind: string, id: number) =>
        existsSync(`${dir}/${kind}-${id}`) ? readFileSync(`${dir}/${kind}-${id}`, 'utf8') : undefined;
      const seen = (kind: string) => cases.map(({ id, line }) => [line, read(kind, id)]);
      expect(seen('moved')).toEqual(seen('direct'));
    },
    { batch: BATCH, oneIn: 4 },
  );
});
