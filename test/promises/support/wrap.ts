/** Runs the program as a user would and gives what it showed and how it ended. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { until } from './until.ts';

export const BIN: string = new URL('../../../bin/sd-ready-wrap.cjs', import.meta.url).pathname;
const APPS = new URL('../../fixtures/promises/', import.meta.url).pathname;

/** `node` and a fixture app. */
export const node = (name: string, ...args: string[]): string[] => [process.execPath, `${APPS}${name}.mjs`, ...args];

export interface Run extends AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly stdout: () => Buffer;
  /** Everything on stderr so far: the wrapper's log, and what the app wrote there. */
  readonly stderr: () => string;
  /** The wrapper's log records, where it logs JSON. */
  readonly log: () => Record<string, unknown>[];
  /** The app's pid, once it was started. */
  appPid(): Promise<number>;
  /** Waits until a stream shows a text. */
  shows(text: string): Promise<void>;
}

/** Starts a command with an environment of PATH and what is given. */
export function start(command: string, args: readonly string[], env: Record<string, string> = {}): Run {
  const child = spawn(command, args, { env: { PATH: process.env['PATH'], ...env } });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => out.push(piece));
  child.stderr.on('data', (piece: Buffer) => err.push(piece));
  child.stdin.on('error', () => {});
  const exit = new Promise<Awaited<Run['exit']>>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const stderr = () => Buffer.concat(err).toString();
  const log = () =>
    stderr()
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{"level"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    child,
    exit,
    stdout: () => Buffer.concat(out),
    stderr,
    log,
    appPid: () => until('the app', () => log().find((line) => line['event'] === 'started')?.['app_pid'] as number),
    async shows(text) {
      await until(text, () => Buffer.concat(out).includes(text) || stderr().includes(text));
    },
    async [Symbol.asyncDispose]() {
      for (const pid of [...descendants(child.pid as number), child.pid as number]) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // it has ended already
        }
      }
      child.stdout.destroy();
      child.stderr.destroy();
      await exit;
    },
  };
}

/** Starts the program under test. */
export function wrap(args: readonly string[], env: Record<string, string> = {}): Run {
  return start(process.execPath, [BIN, ...args], env);
}

/** Every process below one, from /proc. */
function descendants(of: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {
      // it has ended meanwhile
    }
  }
  const below = (pid: number): number[] => (children.get(pid) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(of);
}

/** A port that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
