/** Where a row measures: a directory, a notify socket that is served by receiver.pl, and processes that end with it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../test/helpers/systemd/private-systemd.js';

const HERE = path.dirname(fileURLToPath(import.meta.url));
export const WRAPPER = path.resolve(HERE, '../bin/sd-ready-wrap.cjs');
export const PROGRAMS = path.join(HERE, 'programs');
export const APP = path.join(PROGRAMS, 'app.cjs');
const PAUSE = 20;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Of the same clock as the app's and the receiver's: CLOCK_MONOTONIC in ms. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

export class Lab {
  #arrivals = [];
  #live = new Set();

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
        else this.#arrivals.push(Number(line.split(' ')[1]));
      }
    });
  }

  /**
   * Runs a program until `look` is content, and ends it.
   * @template T
   * @param {string[]} command
   * @param {(run: {began: number, child: import('node:child_process').ChildProcess, gone: Promise<unknown>}) => Promise<T>} look
   * @param {Record<string, string | undefined>} [environment] an almost empty one, as in a unit, if not named
   */
  async run(command, look, environment = { PATH: process.env.PATH }) {
    for (const file of [this.file, this.sign]) fs.rmSync(file, { force: true });
    this.#arrivals.length = 0;
    const log = fs.openSync(this.log, 'w');
    const began = now();
    const child = spawn(command[0], command.slice(1), {
      env: { ...environment, NOTIFY_SOCKET: this.socket },
      stdio: ['ignore', 'ignore', log],
    });
    fs.closeSync(log);
    this.#live.add(child);
    const gone = once(child, 'exit').finally(() => this.#live.delete(child));
    try {
      return await look({ began, child, gone });
    } catch (error) {
      const end = `exit code ${child.exitCode}, signal ${child.signalCode}`;
      throw new Error(`${command.join(' ')}: ${end}\n${fs.readFileSync(this.log, 'utf8')}`, { cause: error });
    } finally {
      child.kill('SIGTERM');
      await gone;
      await sleep(PAUSE);
    }
  }

  /** The moment that the app noted in its file, ms; undefined before. */
  moment() {
    return fs.existsSync(this.file) ? Number(fs.readFileSync(this.file, 'utf8')) : undefined;
  }

  /** When the first READY=1 of this run arrived, ms; undefined before. */
  arrival() {
    return this.#arrivals[0];
  }

  /** Shown on a terminal while it is so. */
  progress(text) {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
  }

  close() {
    this.receiver.kill();
    for (const child of this.#live) child.kill();
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}
