/** Where a row measures: a directory, a notify socket that is served by receiver.pl, and processes that end with it. */
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
/** Nothing that is run takes that long, ms. */
const DEADLINE = 120_000;
const UNIT = { PATH: process.env.PATH };

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Of the same clock as the app's and the receiver's: CLOCK_MONOTONIC in ms. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

/** What is to be undone however this process ends. */
const undone = new Set();
process.once('exit', () => {
  for (const undo of undone) undo();
});

/**
 * @param {() => void} undo called at the exit of this process, unless what is returned here was called before, which
 * calls it
 */
export function atExit(undo) {
  const once = () => undone.delete(once) && undo();
  undone.add(once);
  return once;
}

export class Lab {
  #arrival = deferred();
  #live = new Set();
  #adopted = [];
  /** What a run waits for before it ends its program: nothing, or until its neighbours are measured as well. */
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
    // /tmp by name: a socket's path holds 107 bytes (unix(7))
    this.dir = fs.mkdtempSync('/tmp/sd-ready-wrap-bench-');
    this.file = path.join(this.dir, 'moment');
    this.socket = path.join(this.dir, 'notify');
    this.log = path.join(this.dir, 'log');
    this.sign = path.join(this.dir, 'sign');
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
   * Runs a program until `look` is content, and ends it.
   * @template T
   * @param {string[]} command
   * @param {(run: {began: number, child: import('node:child_process').ChildProcess, gone: Promise<unknown>}) =>
   * Promise<T>} look
   * @param {object} [options]
   * @param {Record<string, string | undefined>} [options.environment] an almost empty one, as in a unit, if not named
   * @param {'ignore' | 'pipe'} [options.stdout]
   */
  async run(command, look, { environment = UNIT, stdout = 'ignore' } = {}) {
    for (const file of [this.file, this.sign]) fs.rmSync(file, { force: true });
    this.#arrival = deferred();
    fs.writeFileSync(this.log, '');
    const began = now();
    const { child, gone } = this.#spawn(command, { ...environment, NOTIFY_SOCKET: this.socket }, stdout);
    try {
      const found = await within(DEADLINE, look({ began, child, gone }));
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

  /** A process that a program under measurement left behind, to be ended with the run. */
  adopt(pid) {
    this.#adopted.push(pid);
  }

  /** ms from the app's being ready to the end of that command, which is started now and has to succeed. */
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

  /** When the first READY=1 of this run arrived, ms; told and not asked for, as many labs may wait at a time. */
  arrival(deadline) {
    return within(deadline, this.#arrival.promise);
  }

  #spawn([program, ...args], environment, stdout = 'ignore') {
    const log = fs.openSync(this.log, 'a');
    // the journal's, as in a unit: the wrapper then writes text, and JSON elsewhere
    const { dev, ino } = fs.fstatSync(log);
    const env = { ...environment, JOURNAL_STREAM: `${dev}:${ino}` };
    const child = spawn(program, args, { env, stdio: ['ignore', stdout, log] });
    fs.closeSync(log);
    this.#live.add(child);
    return { child, gone: once(child, 'exit').finally(() => this.#live.delete(child)) };
  }

  /** Shown on a terminal while it is so. */
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
        throw new Error(`nothing came of it within ${ms} ms`);
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
