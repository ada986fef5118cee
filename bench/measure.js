/** The measurements, each by its method in README.md. They return samples; what those mean is said in bench.js. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, until } from '../test/helpers/systemd/private-systemd.js';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const WRAPPER = path.resolve(HERE, '../bin/sd-ready-wrap.cjs');
const APP = path.join(HERE, 'app.cjs');
/** What getconf CLK_TCK says on every Linux that Node runs on; the unit of /proc/PID/stat. */
const TICKS_PER_SECOND = 100;
const PAUSE = 20;
/** V8 tidies the heap once, some 8 s after the last work (its "memory reducer"): 40 ms that belong to the start. */
const SETTLE = 10_000;

/** By each way to be ready that app.cjs knows: the option that waits for it. */
const PROBES = {
  tcp: (port) => ['--tcp', String(port)],
  listen: (port) => ['--listen', String(port)],
  auto: () => [],
  http: (port) => ['--http', `http://127.0.0.1:${port}/`],
  unix: (_, sign) => ['--unix', sign],
  file: (_, sign) => ['--file', sign],
  exec: (_, sign) => ['--exec', `test -e ${sign}`],
  stdout: () => ['--stdout', '^listening'],
  ipc: () => ['--ipc'],
  fd: () => ['--fd', '3'],
  notify: () => ['--notify'],
};
export const WAYS = Object.keys(PROBES);

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Of the same clock as the app's and the receiver's: CLOCK_MONOTONIC in ms. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

/** A directory, and a notify socket in it that is served by receiver.pl. */
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
    this.receiver = spawn('perl', [path.join(HERE, 'receiver.pl'), this.socket], {
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

  /** Runs the app, wrapped or not, until `look` is content, and ends it. */
  async #run(command, look, environment = { PATH: process.env.PATH }) {
    for (const file of [this.file, this.sign]) fs.rmSync(file, { force: true });
    this.#arrivals.length = 0;
    const log = fs.openSync(this.log, 'w');
    const began = now();
    const child = spawn(process.execPath, command, {
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

  #moment() {
    return fs.existsSync(this.file) && Number(fs.readFileSync(this.file, 'utf8'));
  }

  /** ms from spawn to the app's first instruction; `environment`: other than an almost empty one. */
  startUp(wrapped, port, environment) {
    const app = [APP, this.file];
    const command = wrapped ? [WRAPPER, ...PROBES.tcp(port), '--', process.execPath, ...app] : app;
    const look = async ({ began, gone }) => {
      await gone;
      return this.#moment() - began;
    };
    return this.#run(command, look, environment);
  }

  /** ms from the app's being ready to the arrival of READY=1. */
  async latency(way, delay) {
    const port = await freePort();
    const command = this.#wrapped(way, delay, port);
    return this.#run(command, async () => {
      const arrival = await until('READY=1', () => this.#arrivals[0], delay + 10_000);
      return arrival - (await until("the app's own moment", () => this.#moment()));
    });
  }

  /**
   * The wrapper's own use of the machine while it waits, and at rest after READY=1.
   * @returns {Promise<{waiting: Usage[], rest: Usage[]}>}
   * @typedef {{cpu: number, cpuFine: number, switches: number, rss: number, threads: number}} Usage
   */
  async usage(way, windows, windowMs) {
    const delay = 2000 + windows * windowMs;
    const port = await freePort();
    return this.#run(this.#wrapped(way, delay, port), async ({ child }) => {
      await sleep(1000);
      const waiting = await this.#windows(child.pid, windows, windowMs);
      if (this.#arrivals.length > 0) throw new Error('ready before the waiting was measured');
      await until('READY=1', () => this.#arrivals[0], 20_000);
      await sleep(SETTLE);
      return { waiting, rest: await this.#windows(child.pid, windows, windowMs) };
    });
  }

  async #windows(pid, windows, windowMs) {
    const found = [];
    for (let window = 0; window < windows; window += 1) {
      const before = { ...account(pid), at: now() };
      await sleep(windowMs);
      const after = { ...account(pid), at: now() };
      const took = after.at - before.at;
      found.push({
        cpu: ((after.cpuMs - before.cpuMs) / took) * 100,
        cpuFine: ((after.onCpuMs - before.onCpuMs) / took) * 100,
        switches: ((after.switches - before.switches) / took) * 1000,
        rss: after.rss,
        threads: after.threads,
      });
    }
    return found;
  }

  #wrapped(way, delay, port) {
    const app = [process.execPath, APP, this.file, way, String(delay), String(port), this.sign];
    return [WRAPPER, ...PROBES[way](port, this.sign), '--', ...app];
  }

  close() {
    this.receiver.kill();
    for (const child of this.#live) child.kill();
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

/** What the kernel has on record of a process, all its threads together (proc(5)). */
function account(pid) {
  const read = (file) => fs.readFileSync(`/proc/${pid}/${file}`, 'utf8');
  // Behind the name in parentheses, which may hold anything: utime and stime are the fields 14 and 15, state is 3
  const stat = read('stat').split(') ').pop().split(' ');
  const status = read('status');
  const field = (text, name) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1]);
  const threads = fs.readdirSync(`/proc/${pid}/task`);
  const perThread = (look) => threads.reduce((sum, thread) => sum + look(`task/${thread}`), 0);
  return {
    cpuMs: ((Number(stat[11]) + Number(stat[12])) * 1000) / TICKS_PER_SECOND,
    onCpuMs: perThread((thread) => Number(read(`${thread}/schedstat`).split(' ')[0])) / 1e6,
    switches: perThread((thread) => field(read(`${thread}/status`), 'voluntary_ctxt_switches')),
    rss: field(status, 'VmRSS') / 1024,
    threads: field(status, 'Threads'),
  };
}
