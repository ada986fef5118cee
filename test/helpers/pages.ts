/** README.md and docs/ as tests read them: fenced blocks, headings, links. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');

export interface Page {
  /** Relative to the repository: `docs/probes.md`. */
  readonly file: string;
  readonly text: string;
}

const page = (file: string): Page => ({ file, text: readFileSync(path.join(REPOSITORY, file), 'utf8') });

export const DOCS: readonly Page[] = readdirSync(path.join(REPOSITORY, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => page(`docs/${name}`));
export const README: Page = page('README.md');
/** Pages for developers and reporters: their links are checked too. */
export const OTHERS: readonly Page[] = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'bench/README.md'].map(
  page,
);

const FENCED = /^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm;

/** Fenced blocks by language and label: `sh install`. A block without a language is output. */
export function blocksOf({ text }: Page): readonly (readonly [label: string, text: string])[] {
  return [...text.matchAll(FENCED)].map(([, language, label, block]) => [
    `${language} ${label}`.trim(),
    block as string,
  ]);
}

/** Without its fenced blocks, in which brackets and number signs mean something else. */
export function proseOf({ text }: Page): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}

/** Relative targets, in the order of the page. A link by reference must be defined on the page. */
export function linksOf(page: Page): readonly string[] {
  const prose = proseOf(page).replace(/`[^`]*`/g, '');
  const defined = new Map([...prose.matchAll(/^\[([^\]]+)\]: (\S+)$/gm)].map(([, name, target]) => [name, target]));
  const direct = [...prose.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target as string);
  const byReference = [...prose.matchAll(/\]\[([^\]]+)\]/g)].map(
    ([, name]) => defined.get(name as string) ?? `no definition of [${name}]`,
  );
  return [...direct, ...byReference].filter((target) => !target.startsWith('https:'));
}

/** The anchors that GitHub gives to headings. */
export function anchorsOf(page: Page): readonly string[] {
  return [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    (heading as string)
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

/** Code within a sentence or a cell. */
export function codeOf(page: Page): readonly string[] {
  return [...proseOf(page).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code as string);
}

/** Its recipes need packages that only `npm run test:frameworks` installs; that command runs its blocks. */
export const COOKBOOK = 'docs/frameworks.md';
