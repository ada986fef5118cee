/**
 * Which folder of src may import which, which files are pure, and which file imports each dependency (ARCHITECTURE.md).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, it } from 'vitest';

/**
 * Top floor first. A file imports from its own folder and from lower floors; folders on the same floor do not import
 * each other.
 */
const FLOORS = [
  ['cli'],
  ['lifecycle'],
  ['diagnosis'],
  ['dry-run', 'watchdog', 'print-unit'],
  ['options'],
  ['probes'],
  ['app', 'client', 'take-sockets'],
  ['signals'],
  ['log', 'notify', 'unit'],
  ['output', 'sockets'],
  ['base'],
];

/** Code without I/O: it imports no module of Node. A folder means all of its files except those listed. */
const PURE = [
  {
    in: 'base',
    except: [
      'real-clock.ts',
      'command-path.ts',
      'files.ts',
      'frames.ts',
      'koffi.ts',
      'node-ffi.ts',
      'preload.ts',
      'private-directory.ts',
      'proc.ts',
      'runtime-directories.ts',
    ],
  },
  { in: 'lifecycle', except: [] },
  { in: 'options', except: [] },
  { in: 'signals', except: ['canary.ts', 'manager-idle.ts', 'source.ts'] },
  { in: 'watchdog', except: ['beat-file.ts', 'preload.ts', 'request.ts'] },
  { in: 'take-sockets', except: ['preload.ts', 'prepare.ts'] },
  { in: 'print-unit', except: ['host.ts', 'print-drop-in.ts', 'print-unit.ts'] },
];

/** Only one file imports each, so that it can be replaced. */
const DEPENDENCIES: Readonly<Record<string, string>> = {
  commander: 'options/command-line.ts',
  execa: 'unit/host-systemd.ts',
  pino: 'log/log.ts',
};

const REPOSITORY = resolve(import.meta.dirname, '../..');
const SRC = join(REPOSITORY, 'src');
const IMPORT = /^(?:import|export)(?:[^'"`;=]* from)? ['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
/** Type-only imports count too: they couple two files as others do. */
const imports = files.flatMap((file) =>
  [...readFileSync(join(SRC, file), 'utf8').matchAll(IMPORT)].map(([, fixed, lazy]) => {
    const target = (fixed ?? lazy) as string;
    return { file, target: target.startsWith('.') ? join(dirname(file), target) : target };
  }),
);

const roomOf = (file: string) => file.split('/')[0] as string;
const floorOf = (room: string) => FLOORS.findIndex((rooms) => rooms.includes(room));

it('each folder of src is on a floor, and each import leads to a file', () => {
  expect(files.map(roomOf).filter((room) => floorOf(room) < 0)).toEqual([]);
  expect(imports.length).toBeGreaterThan(files.length);
  expect(imports.filter(({ target }) => target.endsWith('.ts') && !existsSync(join(SRC, target)))).toEqual([]);
});

it('imports go to lower floors, so folders have no cycle', () => {
  const wrong = imports.filter(({ file, target }) => {
    const [from, to] = [roomOf(file), roomOf(target)];
    return target.endsWith('.ts') && from !== to && floorOf(to) <= floorOf(from);
  });
  expect(wrong.map(({ file, target }) => `${file} imports ${target}: ${roomOf(target)}/ is not below`)).toEqual([]);
});

it('files have no cycle', () => {
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) return [[...path.slice(path.indexOf(file)), file].join(' imports ')];
    if (done.has(file)) return [];
    const found = imports.filter((each) => each.file === file).flatMap(({ target }) => walk(target, [...path, file]));
    done.add(file);
    return found;
  };
  expect(files.flatMap((file) => walk(file, []))).toEqual([]);
});

it('pure files import no module of Node', () => {
  const isPure = (file: string) =>
    PURE.some((rule) => roomOf(file) === rule.in && !rule.except.includes(file.slice(rule.in.length + 1)));
  const wrong = imports.filter(({ file, target }) => isPure(file) && target.startsWith('node:'));
  expect(wrong.map(({ file, target }) => `${file} imports ${target}: it is listed as pure`)).toEqual([]);
});

it('one file imports each dependency', () => {
  const foreign = imports.filter(({ target }) => !target.endsWith('.ts') && !target.startsWith('node:'));
  const wrong = foreign.filter(({ file, target }) => DEPENDENCIES[target] !== file);
  expect(
    wrong.map(({ file, target }) => `${file} imports ${target}: ${DEPENDENCIES[target] ?? 'no file'} may`),
  ).toEqual([]);
  expect(foreign.map(({ target }) => target).sort()).toEqual(Object.keys(DEPENDENCIES).sort());
});

it('ARCHITECTURE.md names existing files', () => {
  const text = readFileSync(join(REPOSITORY, 'ARCHITECTURE.md'), 'utf8');
  const named = [...text.matchAll(/`([\w-]+\/[\w/-]+\.ts)`/g)].map(([, file]) => file as string);
  expect(named.length).toBeGreaterThan(40);
  const isThere = (file: string) => existsSync(join(SRC, file)) || existsSync(join(REPOSITORY, file));
  expect(named.filter((file) => !isThere(file))).toEqual([]);
});

it('no line of code or comment is longer than 120 columns', () => {
  const listed = execFileSync('git', ['ls-files', '*.ts', '*.js', '*.mjs', '*.cjs', '*.sh', '*.pl', '*.py'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  });
  const long = listed
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(REPOSITORY, file)))
    .flatMap((file) => {
      const lines = readFileSync(join(REPOSITORY, file), 'utf8').split('\n');
      // the kernel reads the first line of a program as one
      return lines.flatMap((line, at) => ([...line].length > 120 && !line.startsWith('#!') ? `${file}:${at + 1}` : []));
    });
  expect(long).toEqual([]);
});
