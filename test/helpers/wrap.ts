/** Runs bin/sd-ready-wrap.cjs as an operator's shell or systemd would, and watches it from outside. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { NODE } from './apps.ts';
import { childrenOf, killPid, pidsWithVariable, stateOf } from './pids.ts';
import { type TempDir, tempDir } from './temp.ts';
import { until } from './until.ts';

export const BIN: string = fileURLToPath(new URL('../../bin/sd-ready-wrap.cjs', import.meta.url));

/** Marks every process of a run, so that none outlives its test. */
const MARK = 'WRAP_TEST_RUN';

let runs = 0;

export type Exit = { readonly code: number } | { readonly signal: NodeJS.Signals };

export interface WrapOptions {
  /** Added to PATH, the only variable kept from this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdio?: StdioOptions;
  /** A temporary directory by default: a core file goes there. */
  readonly cwd?: string;
  /** A command to run it by, such as setpriv(1). */
  readonly under?: readonly string[];
}

/** A line of the wrapper's log in JSON. */
export interface LogRecord {
  readonly event: string;
  readonly msg: string;
  readonly level: number;
  readonly [field: string]: unknown;
}

/** The output of one of its streams so far. */
export class Captured {
  readonly #pieces: Buffer[] = [];

  add(piece: Buffer): void {
    this.#pieces.push(piece);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  get text(): string {
    return this.bytes.toString();
  }

  /** Lines, without their ends and without the empty string after the last end. */
  get lines(): string[] {
    return this.text.split('\n').filter((line, index, all) => line !== '' || index < all.length - 1);
  }

  count(line: string): number {
    return this.lines.filter((each) => each === line).length;
  }
}

export class Run implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly stdout: Captured = new Captured();
  readonly stderr: Captured = new Captured();
  /** The process ended. Its last output may still be on its way. */
  readonly exit: Promise<Exit>;
  /** The process ended and all of its output has arrived. */
  readonly closed: Promise<Exit>;
  readonly #mark = `${process.pid}-${++runs}`;
  readonly #dir: TempDir = tempDir();

  constructor(command: string, args: readonly string[], { env, stdio, cwd }: WrapOptions) {
    this.process = spawn(command, args, {
      cwd: cwd ?? this.#dir.path,
      env: { PATH: process.env['PATH'] ?? '', [MARK]: this.#mark, ...env },
      stdio: stdio ?? 'pipe',
    });
    this.process.stdout?.on('data', (piece: Buffer) => this.stdout.add(piece));
    this.process.stderr?.on('data', (piece: Buffer) => this.stderr.add(piece));
    // a process that ends before it read all of its stdin is not a test failure
    this.process.stdin?.on('error', () => {});
    this.exit = once(this.process, 'exit').then(toExit);
    this.closed = once(this.process, 'close').then(toExit);
    // a test may wait for only one of them
    this.exit.catch(() => {});
    this.closed.catch(() => {});
  }

  get pid(): number {
    return this.process.pid as number;
  }

  /** The wrapper's log. Lines of the app on the same stream are skipped. */
  get log(): LogRecord[] {
    return this.stderr.lines.flatMap((line) => {
      try {
        const record = JSON.parse(line) as LogRecord;
        return typeof record.event === 'string' ? [record] : [];
      } catch {
        return [];
      }
    });
  }

  /** The first record with that event. */
  logged(event: string): Promise<LogRecord> {
    return until(
      () => `"${event}" in the log:\n${this.stderr.text}`,
      () => this.log.find((record) => record.event === event),
    );
  }

  /** Resolves when the text is there. */
  until(stream: 'stdout' | 'stderr', text: string | RegExp): Promise<true> {
    return until(
      () => `${text} on ${stream}; there: ${this[stream].text.slice(-2000)}\nstderr: ${this.stderr.text.slice(-2000)}`,
      () => (typeof text === 'string' ? this[stream].text.includes(text) : text.test(this[stream].text)),
    );
  }

  /** The pid that the app printed, as the fixtures do: `started (pid 12)`. */
  async appPid(): Promise<number> {
    await this.until('stdout', /\(pid \d+\)/);
    return Number(/\(pid (\d+)\)/.exec(this.stdout.text)?.[1]);
  }

  /** The only child of the wrapper. */
  child(): Promise<number> {
    return until('a child of the wrapper', () => childrenOf(this.pid)[0]);
  }

  /** Sends a line to the app's stdin. */
  tell(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /**
   * Resolves when the wrapper has handled everything that reached it before: it answers a signal, which an app ignores
   * by default, with a line in its log.
   */
  async settled(): Promise<void> {
    const answers = () => this.log.filter(({ signal }) => signal === 'SIGURG').length;
    const before = answers();
    this.kill('SIGURG');
    await until('the answer to SIGURG', () => answers() > before);
  }

  /** Stops the wrapper by SIGSTOP, not the app. Resolves when it is stopped. */
  async freeze(): Promise<void> {
    this.kill('SIGSTOP');
    await until('the wrapper to stop', () => stateOf(this.pid) === 'T');
  }

  /** All processes of the run: found by their mark, also if their parent is gone. */
  pids(): number[] {
    return pidsWithVariable(MARK, this.#mark);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // repeated: one of them may be starting another
    await until('all processes of the run to end', () => {
      const left = this.pids();
      for (const pid of left) killPid(pid);
      return left.length === 0;
    });
    for (const stream of this.process.stdio) stream?.destroy();
    this.#dir[Symbol.dispose]();
  }
}

/** `sd-ready-wrap ...args`. */
export function wrap(args: readonly string[], options: WrapOptions = {}): Run {
  const [command = NODE, ...words] = [...(options.under ?? []), NODE, BIN, ...args];
  return new Run(command, words, options);
}

/** The command itself, without the wrapper: for comparison with a wrapped run. */
export function direct([command = '', ...args]: readonly string[], options: WrapOptions = {}): Run {
  return new Run(command, args, options);
}

function toExit([code, signal]: unknown[]): Exit {
  return signal ? { signal: signal as NodeJS.Signals } : { code: code as number };
}
