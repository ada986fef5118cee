/** The shape of README.md and docs/: length, links, and messages that the program really writes. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { anchorsOf, COOKBOOK, codeOf, DOCS, linksOf, OTHERS, type Page, proseOf, README } from '../helpers/pages.ts';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
const ALL = [README, ...DOCS, ...OTHERS];
const named = (pages: readonly Page[]) => pages.map((page) => [page.file, page] as const);

/** A reader who looks for one answer leaves a longer page. */
const LINES_MAX = 200;

test.each(named([README, ...DOCS]))(`%s has at most ${LINES_MAX} lines, none of prose over 120 columns`, (_, page) => {
  expect(page.text.trimEnd().split('\n').length).toBeLessThanOrEqual(LINES_MAX);
  const long = proseOf(page)
    .split('\n')
    .filter((line) => line.length > 120 && !/^(\||!\[|\[[^\]]+\]: )/.test(line));
  expect(long).toEqual([]);
});

test.each(named(ALL))('the links of %s lead somewhere', (_, page) => {
  const dead = linksOf(page).filter((link) => {
    const [file, anchor] = link.split('#') as [string, string?];
    const target = file === '' ? page.file : path.join(path.dirname(page.file), file);
    if (!existsSync(path.join(REPOSITORY, target))) return true;
    if (anchor === undefined) return false;
    const there = ALL.find((each) => each.file === target);
    return !there || !anchorsOf(there).includes(anchor);
  });
  expect(dead).toEqual([]);
});

it('README or the index links to each page', () => {
  const linked = [README, ...DOCS.filter(({ file }) => file === 'docs/README.md')].flatMap((page) =>
    linksOf(page).map((link) => path.join(path.dirname(page.file), link.replace(/#.*/, ''))),
  );
  expect(DOCS.map(({ file }) => file).filter((file) => !linked.includes(file))).toEqual([]);
});

describe('quoted messages', () => {
  const sources = readdirSync(path.join(REPOSITORY, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `src/${file}`);
  const src = [...sources, 'bin/sd-ready-wrap.cjs']
    .map((file) => readFileSync(path.join(REPOSITORY, file), 'utf8'))
    .join('\n')
    .replaceAll("\\'", "'")
    // a message of several lines
    .replace(/['"`]\s*\+\s*['"`]/g, '');
  /** Words that the program fills in, or that end before such a word. */
  const FILLED_IN = /[\d/]|^(nginx|npm|min|m?s[,:]|before:)$|^(SIG|KillMode=)|shop/;
  /** Messages of systemd, the C library and env(1). */
  const OF_OTHERS = [
    'Failed to resolve unit specifiers',
    'failed to map segment from shared object',
    'No such file or directory',
  ];
  const isMessage = (code: string) =>
    /[a-z]{2,} [a-z]{2,} [a-z]{2,}/.test(code) &&
    !/^(npm|yarn|sudo|systemctl) /.test(code) &&
    !OF_OTHERS.includes(code);
  const pages = [README, ...DOCS].filter(({ file }) => file !== COOKBOOK);

  test.each(pages.flatMap((page) => codeOf(page).filter(isMessage)))('%s', (message) => {
    const words = message.split(' ');
    const pairs = words.slice(1).map((word, index) => [words[index] as string, word]);
    const written = pairs.filter((pair) => !pair.some((word) => FILLED_IN.test(word))).map((pair) => pair.join(' '));
    expect(written.filter((pair) => !src.includes(pair))).toEqual([]);
  });
});
