/**
 * `npm run man`: makes man/sd-ready-wrap.1 from --help, and so from the option table, by help2man(1). The page is kept
 * in the repository, so that each package has it; a test compares it with --help. With --if-possible a missing help2man
 * is not an error, and the page is not changed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { version, description } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const page = join(import.meta.dirname, 'sd-ready-wrap.1');
const changes = readFileSync(new URL('../CHANGELOG.md', import.meta.url), 'utf8');
const date = changes.split(`\n## [${version}] - `)[1]?.slice(0, '2026-11-30'.length) ?? 'unreleased';

// without the first screen of --help, which repeats options and examples, and with a heading for help2man
const help = execFileSync(process.execPath, [join(import.meta.dirname, '../bin/sd-ready-wrap.cjs'), '--help'], {
  encoding: 'utf8',
})
  .replace(/Examples:\n[\s\S]*?(?=A TIME)/, '')
  .replace('Readiness probes:', 'Options:\n\nReadiness probes:');
const stage = mkdtempSync(join(tmpdir(), 'sd-ready-wrap-man-'));
const program = join(stage, 'sd-ready-wrap');
writeFileSync(program, `#!/bin/sh\ncat <<'END'\n${help}END\n`, { mode: 0o755 });

const { status, stdout, stderr, error } = spawnSync(
  'help2man',
  [
    ...['--no-info', '--section=1', `--name=${description[0].toLowerCase()}${description.slice(1)}`],
    ...[`--version-string=sd-ready-wrap ${version}`, `--include=${join(import.meta.dirname, 'sd-ready-wrap.h2m')}`],
    program,
  ],
  { encoding: 'utf8' },
);
rmSync(stage, { recursive: true });
if (status === 0) {
  // in turn: the same text with each release of help2man; the version's date; a section that help2man does not know;
  // text that is indented in --help; the colons of headings
  const text = stdout
    .replace(/^\.\\" DO NOT MODIFY .*/m, '.\\" Made of --help by npm run man; do not edit.')
    .replace(/^(\.TH \S+ "1") "[^"]*"/m, `$1 "${date}"`)
    .replace('.SS "Exit status:"', '.SH "EXIT STATUS"')
    .replace('.SH ENVIRONMENT\n.IP\n', '.SH ENVIRONMENT\n')
    .replace(/^\.SS "(.*):"$/gm, '.SS "$1"');
  // not rewritten if unchanged: a test may be packing it
  if (text !== readFileSync(page, 'utf8')) writeFileSync(page, text);
} else {
  const missing = error?.code === 'ENOENT';
  const why = missing ? 'help2man is not installed (Debian: apt-get install help2man)' : (error?.message ?? stderr);
  process.stderr.write(`the man page was not changed: ${why.trim()}\n`);
  process.exitCode = missing && process.argv.includes('--if-possible') ? 0 : 1;
}
