/**
 * `npm run man`: man/sd-ready-wrap.1 out of --help, so out of the option table, by help2man(1). With --if-possible it
 * is left out where there is no help2man.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const { version, description } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const page = join(import.meta.dirname, 'sd-ready-wrap.1');
// https://reproducible-builds.org/specs/source-date-epoch/
const seconds = process.env.SOURCE_DATE_EPOCH;
const date = seconds === undefined ? new Date() : new Date(Number(seconds) * 1000);

const { status, stdout, stderr, error } = spawnSync(
  'help2man',
  [
    ...['--no-info', '--section=1', `--name=${description[0].toLowerCase()}${description.slice(1)}`],
    ...[`--version-string=sd-ready-wrap ${version}`, `--include=${join(import.meta.dirname, 'sd-ready-wrap.h2m')}`],
    join(import.meta.dirname, '../bin/sd-ready-wrap.cjs'),
  ],
  { encoding: 'utf8' },
);
if (status === 0) {
  // a date that sorts, a section that help2man does not know, text that stands indented in --help, colons of headings
  const text = stdout
    .replace(/^(\.TH \S+ "1") "[^"]*"/m, `$1 "${date.toISOString().slice(0, 10)}"`)
    .replace('.SS "Exit status:"', '.SH "EXIT STATUS"')
    .replace('.SH ENVIRONMENT\n.IP\n', '.SH ENVIRONMENT\n')
    .replace(/^\.SS "(.*):"$/gm, '.SS "$1"');
  writeFileSync(page, text);
} else {
  rmSync(page, { force: true });
  const why = error?.code === 'ENOENT' ? 'help2man is not installed (Debian: apt-get install help2man)' : stderr;
  process.stderr.write(`no man page: ${why.trim()}\n`);
  process.exitCode = process.argv.includes('--if-possible') ? 0 : 1;
}
