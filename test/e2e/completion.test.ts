/** Promise: bash, zsh and fish complete the options, their values, and the app's own words. Typed into a real shell. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OPTION_TABLE } from '../../src/options/table.ts';
import { type TempDir, tempDir } from '../helpers/temp.ts';
import { until } from '../helpers/until.ts';
import { Run, wrap } from '../helpers/wrap.ts';

let dir: TempDir;
beforeAll(() => {
  dir = tempDir();
  mkdirSync(dir.file('a-directory'));
  writeFileSync(dir.file('some-socket'), '');
});
afterAll(() => dir[Symbol.dispose]());

/**
 * Prints the words that it gets. The quotes split its end into two words here, because the terminal echoes the typed
 * line.
 */
const PRINTS = `printf '[%s]' "$@"; echo '<''done>'`;

/** How to start each shell without the user's configuration, what to load, and a function in its language. */
const SHELLS = {
  bash: {
    start: 'bash --norc --noprofile -i',
    setUp: 'bind "set bell-style none"',
    command: `sd-ready-wrap() { ${PRINTS}; }`,
  },
  zsh: { start: 'zsh -f -i', setUp: 'autoload -U compinit; compinit -u -D', command: `sd-ready-wrap() { ${PRINTS}; }` },
  fish: {
    start: 'fish --no-config -i',
    setUp: 'set fish_greeting',
    command: `function sd-ready-wrap; ${PRINTS.replace('"$@"', '$argv')}; end`,
  },
};

/** The resulting words of each line, with `\t` for the key. */
async function typed(shell: keyof typeof SHELLS, lines: readonly string[]): Promise<string[]> {
  await using script = wrap(['--completion', shell]);
  expect(await script.closed).toEqual({ code: 0 });
  writeFileSync(dir.file(`completion.${shell}`), script.stdout.text);
  const { start, setUp, command } = SHELLS[shell];
  await using run = new Run('script', ['-qec', start, '/dev/null'], {
    cwd: dir.path,
    env: { TERM: 'dumb', PS1: '> ', HOME: dir.path, LANG: 'C.UTF-8' },
  });
  run.tell(`${setUp}; source ./completion.${shell}; ${command}; sd-ready-wrap`);
  await run.until('stdout', '<done>');
  const answers: string[] = [];
  for (const line of lines) {
    run.process.stdin?.write(`sd-ready-wrap ${line}\n`);
    const before = answers.length + 2;
    await until(
      () => `what ${line} became: ${run.stdout.text}`,
      () => run.stdout.text.split('<done>').length > before,
    );
    answers.push(run.stdout.text.split('<done>')[before - 1]?.split('\n').at(-1) ?? '');
  }
  return answers;
}

describe.each(['bash', 'zsh', 'fish'] as const)('%s', (shell) => {
  test('completes', async () => {
    const table: [string, string][] = [
      ['--tcp-o\t an\t -- true', '[--tcp-owner][any][--][true]'],
      ['--log-format jo\t true', '[--log-format][journal][true]'],
      ['--log-format=pr\t true', '[--log-format=pretty][true]'],
      ['--unix some\t true', '[--unix][some-socket][true]'],
      ['--listen an\t true', '[--listen][any][true]'],
      ['--tcp 127.0.0.1:80 --exit-w\t true', '[--tcp][127.0.0.1:80][--exit-when-ready][true]'],
      ['--http http://127.0.0.1:80/ --noti\t true', '[--http][http://127.0.0.1:80/][--notify][true]'],
      ['--ipc mkfif\t x', '[--ipc][mkfifo][x]'],
      ['-- mkfif\t x', '[--][mkfifo][x]'],
      ['--ipc cat some\t', '[--ipc][cat][some-socket]'],
      ['-- cat a-d\t', shell === 'zsh' ? '[--][cat][a-directory]' : '[--][cat][a-directory/]'],
    ];
    expect(
      await typed(
        shell,
        table.map(([line]) => line),
      ),
    ).toEqual(table.map(([, words]) => words));
  });

  test('the script lists every option', async () => {
    await using script = wrap(['--completion', shell]);
    await script.closed;
    for (const { name } of OPTION_TABLE) expect(script.stdout.text).toMatch(new RegExp(`(--|-l )${name}\\b`));
  });
});

test('rejects another shell with one line and exit 125', async () => {
  await using run = wrap(['--completion', 'tcsh']);
  expect(await run.closed).toEqual({ code: 125 });
  expect(run.stderr.text).toBe(
    'sd-ready-wrap: --completion tcsh: not bash, zsh or fish; write e.g. --completion bash\n',
  );
});
