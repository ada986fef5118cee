/** Starts the receiver of notify-receiver.pl and keeps what it receives. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type TempDir, tempDir } from './temp.ts';
import { until } from './until.ts';

const SCRIPT = fileURLToPath(new URL('notify-receiver.pl', import.meta.url));

export interface Datagram {
  /** The sender's pid, from the kernel. */
  readonly pid: number;
  /** When it was read, in ms on CLOCK_MONOTONIC, the clock of process.hrtime(). */
  readonly at: number;
  readonly text: string;
}

type Command = 'bind' | 'pause' | 'resume' | 'fill' | 'ping';

export class NotifyReceiver implements AsyncDisposable {
  /** The value for $NOTIFY_SOCKET. */
  readonly path: string;
  readonly #dir: TempDir;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #datagrams: Datagram[] = [];
  readonly #done: string[] = [];

  private constructor(path: string | undefined) {
    this.#dir = tempDir();
    this.path = path ?? this.#dir.file('notify');
    // its directory may have been removed with an earlier receiver
    if (!this.#isAbstract) mkdirSync(dirname(this.path), { recursive: true });
    this.#process = spawn('perl', [SCRIPT, this.path], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface(this.#process.stdout).on('line', (line) => {
      const answer = JSON.parse(line) as Datagram | { done: string };
      if ('done' in answer) this.#done.push(answer.done);
      else this.#datagrams.push(answer);
    });
  }

  /** @param path or `@name` of an abstract socket; by default in a directory of its own */
  static async start(path?: string): Promise<NotifyReceiver> {
    const receiver = new NotifyReceiver(path);
    await receiver.#isDone('bind', 1);
    return receiver;
  }

  get #isAbstract(): boolean {
    return this.path.startsWith('@');
  }

  /** Everything received so far, except what {@link fill} sent. */
  messages(): readonly Datagram[] {
    return this.#datagrams.filter(({ text }) => !text.startsWith('X_FILL='));
  }

  /** Every assignment received so far, in order. */
  assignments(): string[] {
    return this.messages().flatMap(({ text }) => text.split('\n'));
  }

  isReady(): boolean {
    return this.assignments().includes('READY=1');
  }

  until(predicate: (datagram: Datagram) => boolean): Promise<Datagram> {
    return until(
      () => `the datagram; received: ${JSON.stringify(this.messages())}`,
      () => this.messages().find(predicate),
    );
  }

  untilReady(): Promise<Datagram> {
    return this.until(({ text }) => text.split('\n').includes('READY=1'));
  }

  /** Resolves when everything that had arrived is in {@link messages}. */
  settled(): Promise<void> {
    return this.#command('ping');
  }

  /** Stops reading, so that the queue can fill. */
  pause(): Promise<void> {
    return this.#command('pause');
  }

  resume(): Promise<void> {
    return this.#command('resume');
  }

  /** Fills the queue completely: the next sender gets EAGAIN. Pause first. */
  fill(): Promise<void> {
    return this.#command('fill');
  }

  async #command(command: Command): Promise<void> {
    const before = this.#done.filter((done) => done === command).length;
    this.#process.stdin.write(`${command}\n`);
    await this.#isDone(command, before + 1);
  }

  async #isDone(command: Command, times: number): Promise<void> {
    await until(`the receiver's answer to ${command}`, () => {
      return this.#done.filter((done) => done === command).length >= times;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.stdin.end();
      await once(this.#process, 'exit');
    }
    this.#dir[Symbol.dispose]();
    if (!this.#isAbstract) rmSync(dirname(this.path), { recursive: true, force: true });
  }
}
