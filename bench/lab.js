/** Where a row measures: a directory, a notify socket that receiver.pl serves, and processes that end with it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../test/helpers/systemd/private-systemd.js';

const HERE = path.dirname(fileURLToPath(import.meta.url));
/** Where install.js puts the program. */
export const PREFIX = path.join(HERE, 'installed');
export const WRAPPER = path.join(PREFIX, 'bin/sd-ready-wrap');
export const PROGRAMS = path.join(HERE, 'programs');
export const APP = path.join(PROGRAMS, 'app.cjs');
const PAUSE = 20;
/** Longer than any run takes, ms. */
const DEADLINE = 120_000;
const UNIT = { PATH: process.env.PATH };

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** On the clock of the app and the receiver: CLOCK_MONOTONIC, ms. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

/** What to undo however this process ends. */
const toUndo = new Set();
process.once('exit', () => {
  for (const undo of toUndo) undo();
});

/**
 * @param {() => void} undo called at the exit of this process, or earlier by the returned function; once
 */
export function atExit(undo) {
  const once = () => toUndo.delete(once) && undo();
  toUndo.add(once);
  return once;
}

export class Lab {
  #arrival = deferred();
  #live = new Set();
  #adopted = [];
  /** What a run waits for before it ends its program: nothing, or until its neighbours are measured too. */
  hold = async () => {};

  static async open() {
    const lab = new Lab();
    try {
      await until('receiver.pl', () => lab.listening, 5000);
    } catch (error) {
      lab.close();
      throw error;
    }
    return lab;
  }

  constructor() {
    // not os.tmpdir(), which may be long: a socket's path holds 107 bytes (unix(7))
    this.dir = fs.mkdtempSync('/tmp/sd-ready-wrap-bench-');
    this.file = path.join(this.dir, 'moment');
    this.socket = path.join(this.dir, 'notify');
    this.log = path.join(this.dir, 'log');
    this.marker = path.join(this.dir, 'marker');
    this.receiver = spawn('perl', [path.join(PROGRAMS, 'receiver.pl'), this.socket], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let pending = '';
    this.receiver.stdout.setEncoding('utf8').on('data', (chunk) => {
      const lines = (pending + chunk).split('\n');
      pending = lines.pop();
      for (const line of lines) {
        if (line === 'listening') this.listening = true;
        else this.#arrival.resolve(Number(line.split(' ')[1]));
      }
    });
  }

  /**
   * Runs a program until `measure` resolves, and ends it.
   * @template T
   * @param {string[]} command
   * @param {(run: {began: number, child: import('node:child_process').ChildProcess, gone: Promise<unknown>}) =>
   * Promise<T>} measure
   * @param {object} [options]
   * @param {Record<string, string | undefined>} [options.environment] by default almost empty, as in a unit
   * @param {'ignore' | 'pipe'} [options.stdout]
   */
  async run(command, measure, { environment = UNIT, stdout = 'ignore' } = {}) {
    for (const file of [this.file, this.marker]) fs.rmSync(file, { force: true });
    this.#arrival = deferred();
    fs.writeFileSync(this.log, '');
    const began = now();
    const { child, gone } = this.#spawn(command, { ...environment, NOTIFY_SOCKET: this.socket }, stdout);
    try {
      const found = await within(DEADLINE, measure({ began, child, gone }));
      await this.hold();
      return found;
    } catch (error) {
      const end = `exit code ${child.exitCode}, signal ${child.signalCode}`;
      const log = fs.readFileSync(this.log, 'utf8');
      throw new Error(`${command.join(' ')}: ${error.message}; ${end}\n${log}`, { cause: error });
    } finally {
      child.kill('SIGTERM');
      await gone;
      for (const pid of this.#adopted.splice(0)) kill(pid);
      await sleep(PAUSE);
    }
  }

  /** Takes a process that a measured program left behind: it ends with the run. */
  adopt(pid) {
    this.#adopted.push(pid);
  }

  /** ms from the app's readiness to the end of that command, which starts now and must succeed. */
  async lateness(command, environment = UNIT) {
    const { gone } = this.#spawn(command, environment);
    const [code] = await gone;
    const at = now();
    if (code !== 0) throw new Error(`${command.join(' ')}: exit code ${code}`);
    return at - (await this.moment());
  }

  /** The moment that the app noted in its file, ms. */
  moment() {
    return until("the app's own moment", () => Number(fs.readFileSync(this.file, 'utf8')), 5000);
  }

  /** When the first READY=1 of this run arrived, ms. Not polled, as many labs may wait at a time. */
  arrival(deadline) {
    return within(deadline, this.#arrival.promise);
  }

  #spawn([program, ...args], environment, stdout = 'ignore') {
    const log = fs.openSync(this.log, 'a');
    // as if it were the journal's, as in a unit: the wrapper then writes text, otherwise JSON
    const { dev, ino } = fs.fstatSync(log);
    const env = { ...environment, JOURNAL_STREAM: `${dev}:${ino}` };
    const child = spawn(program, args, { env, stdio: ['ignore', stdout, log] });
    fs.closeSync(log);
    this.#live.add(child);
    return { child, gone: once(child, 'exit').finally(() => this.#live.delete(child)) };
  }

  /** Shows the current step on a terminal. */
  progress(text) {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
  }

  close = atExit(() => {
    this.receiver?.kill();
    for (const child of this.#live) child.kill();
    for (const pid of this.#adopted) kill(pid);
    fs.rmSync(this.dir, { recursive: true, force: true });
  });
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve) => {
    made.resolve = resolve;
  });
  return made;
}

async function within(ms, promise) {
  const late = deferred();
  const timer = setTimeout(late.resolve, ms);
  try {
    return await Promise.race([
      promise,
      late.promise.then(() => {
        throw new Error(`no result within ${ms} ms`);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

function kill(pid) {
  try {
    process.kill(pid);
  } catch {
    // gone already
  }
}
