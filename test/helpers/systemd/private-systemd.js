/**
 * A real systemd for tests and the demo: a private one, booted in namespaces by boot.sh next to this file; without
 * root, the manager of the user's own session. Plain JavaScript, so that the demo can use it unbuilt.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { scaled } from '../pace.js';

const HERE = path.dirname(fileURLToPath(import.meta.url));
export const REPOSITORY = path.resolve(HERE, '../../..');
const BOOT_DEADLINE = scaled(60_000);
const COMMAND_DEADLINE = scaled(120_000);
const TOOLS = ['systemctl', 'unshare', 'nsenter', 'setpriv'];

/** Every supported way to get a systemd, by name. */
export const MODES = {
  'user-root': { mode: 'user', uid: 0 },
  'user-1000': { mode: 'user', uid: 1000 },
  system: { mode: 'system', uid: 0 },
  session: { mode: 'session', uid: process.getuid?.() ?? 0 },
};

/**
 * Calls `check` until it returns something truthy, and returns that; an exception counts as "not yet".
 * @template T
 * @param {string} what for the message
 * @param {() => T | Promise<T>} check
 * @param {number} [deadline] milliseconds
 * @returns {Promise<T>}
 */
export async function until(what, check, deadline = scaled(60_000)) {
  const end = performance.now() + deadline;
  let last;
  let pause = 5;
  do {
    const began = performance.now();
    try {
      last = await check();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    // a check is often a systemctl: without a rest the caller spends most of its CPU time on asking
    const rest = Math.min(250, 6 * (performance.now() - began));
    await new Promise((resolve) => setTimeout(resolve, Math.max(pause, rest)));
    pause = Math.min(100, 1.2 * pause);
  } while (performance.now() < end);
  throw new Error(`waited ${deadline} ms for ${what}; last seen: ${last}`);
}

/**
 * An unused TCP port, chosen at random so that parallel runs do not clash, and below the range from which the kernel
 * takes the port of an outgoing connection: it may assign one of those at any time, ip(7).
 * @returns {Promise<number>}
 */
export async function freePort() {
  const [lowest = 32768] = fs.readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split('\t').map(Number);
  const floor = Math.min(10_000, lowest - 1000);
  return until('a free port', async () => {
    const server = net.createServer();
    const port = randomInt(floor, lowest);
    server.listen(port);
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return port;
  });
}

/**
 * Which of MODES are possible here, and what is missing for the rest.
 * @returns {{modes: string[], missing: string}}
 */
export function possibleModes() {
  const path_ = (process.env.PATH ?? '').split(':');
  const lacking = TOOLS.filter((tool) => !path_.some((dir) => fs.existsSync(path.join(dir, tool))));
  if (!managerBinary()) lacking.unshift('systemd');
  if (lacking.length > 0) return { modes: [], missing: `not installed: ${lacking.join(', ')}` };
  if (process.getuid?.() === 0) {
    const attempt = spawnSync('unshare', ['--mount', '--pid', '--fork', '--cgroup', '--ipc', '--uts', 'true']);
    if (attempt.status !== 0) return { modes: [], missing: `no namespaces: ${attempt.stderr}`.trim() };
    try {
      fs.accessSync(cgroupTop(), fs.constants.W_OK);
    } catch {
      return { modes: [], missing: `cannot write to ${cgroupTop()}` };
    }
    return { modes: ['user-root', 'user-1000', 'system'], missing: '' };
  }
  const own = process.env.XDG_RUNTIME_DIR && spawnSync('systemctl', ['--user', 'show-environment']).status === 0;
  return { modes: own ? ['session'] : [], missing: own ? 'not root' : 'neither root nor a user session with systemd' };
}

function managerBinary() {
  return ['/lib/systemd/systemd', '/usr/lib/systemd/systemd'].find((file) => fs.existsSync(file));
}

function cgroupTop() {
  return fs.existsSync('/sys/fs/cgroup/unified') ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup';
}

/**
 * @param {keyof typeof MODES} name
 * @param {{logLevel?: string}} [options]
 */
export async function bootSystemd(name, options = {}) {
  if (name === 'session') return new SessionSystemd();
  const systemd = new PrivateSystemd(MODES[name]);
  await systemd.boot(options.logLevel ?? 'info');
  return systemd;
}

/** Common to both kinds. */
class Systemd {
  constructor({ mode, uid }) {
    this.mode = mode;
    this.uid = uid;
    this.flags = mode === 'system' ? [] : ['--user'];
    // /tmp by name: the directory in $TMPDIR may be closed to other users
    this.dir = fs.mkdtempSync('/tmp/private-systemd-');
    fs.chmodSync(this.dir, 0o755);
  }

  /** A fresh directory that the services may write to, with the same path inside and outside. */
  makeDir() {
    const dir = fs.mkdtempSync(path.join(this.dir, 'd-'));
    fs.chmodSync(dir, 0o755);
    if (process.getuid?.() === 0) fs.chownSync(dir, this.uid, this.uid);
    return dir;
  }

  /** Writes a unit file. The caller must run `systemctl daemon-reload` only if the unit was already loaded. */
  writeUnit(name, text) {
    const file = path.join(this.unitDir, this.unit(name));
    fs.writeFileSync(file, text, { mode: 0o644 });
    return file;
  }

  /** The name under which the manager knows a unit. */
  unit(name) {
    return name;
  }

  systemctl(...args) {
    return this.run('systemctl', [...this.flags, ...args]);
  }

  async show(unit, property) {
    const { stdout } = await this.systemctl('show', '--value', '-p', property, this.unit(unit));
    return stdout.trimEnd();
  }

  async [Symbol.asyncDispose]() {
    await this.stop();
  }
}

/** Booted by boot.sh; commands are run by nsenter(1), files reached through /proc/PID/root. */
class PrivateSystemd extends Systemd {
  /** The paths of the repository and of this Node inside: the real ones may be closed to uid 1000, e.g. below /root. */
  repo = '/run/host/repository';
  node = '/run/host/node';

  async boot(logLevel) {
    const began = performance.now();
    const bind = `${readableRepository(this.dir)} host/repository\n${process.execPath} host/node`;
    this.holder = spawn('bash', [path.join(HERE, 'boot.sh'), this.mode, String(this.uid)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // none of our variables, because a user's manager passes its own environment to each service: with
      // NODE_EXTRA_CA_CERTS= each boot of Node 20 would take three times as long
      env: { PATH: process.env.PATH ?? '', PS_BIND: bind, PS_LOG: logLevel, PS_ROOT: process.env.PS_ROOT ?? '' },
    });
    let said = '';
    let complaints = '';
    this.gone = once(this.holder, 'exit');
    this.holder.stdin.on('error', () => {});
    this.holder.stdout.on('data', (chunk) => {
      said += chunk;
    });
    this.holder.stderr.on('data', (chunk) => {
      complaints += chunk;
    });
    try {
      const outer = await until('boot.sh to say its pid', () => said.endsWith('\n') && said.trim(), BOOT_DEADLINE);
      this.init = await until('pid 1', () => childrenOf(outer)[0], BOOT_DEADLINE);
      this.root = `/proc/${this.init}/root`;
      const runtime = this.mode === 'user' ? `/run/user/${this.uid}` : '/run';
      this.unitDir = `${this.root}${runtime}/systemd/${this.mode}`;
      this.notifySocket = `${runtime}/systemd/notify`;
      await until('the manager to take orders', () => accepts(`${this.root}${runtime}/systemd/private`), BOOT_DEADLINE);
      this.manager =
        this.mode === 'system'
          ? this.init
          : await until('the manager', () => childrenOf(this.init).find((pid) => commOf(pid) === 'systemd'));
    } catch (error) {
      await this.stop();
      throw new Error(`${error.message}\n${complaints}`);
    }
    this.bootMs = performance.now() - began;
  }

  /**
   * Runs a command inside, as the user of the manager.
   * @param {string} command
   * @param {string[]} [args]
   * @param {Record<string, string>} [env]
   */
  run(command, args = [], env = {}) {
    const become = ['setpriv', '--reuid', this.uid, '--regid', this.uid, '--clear-groups'].map(String);
    const inside = ['--target', String(this.init), '--mount', '--pid', '--ipc', '--uts', '--cgroup', '--'];
    return collect('nsenter', [...inside, ...(this.uid ? become : []), command, ...args], {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      LANG: 'C.UTF-8',
      HOME: '/tmp',
      ...(this.mode === 'user' ? { XDG_RUNTIME_DIR: `/run/user/${this.uid}` } : {}),
      ...env,
    });
  }

  async managerLog() {
    return fs.readFileSync(`${this.root}/run/manager.log`, 'utf8');
  }

  /** Freezes the manager: it reads nothing from the notify socket until thaw(). */
  async freeze() {
    process.kill(this.manager, 'SIGSTOP');
    await until('the manager to stand still', () => stateOf(this.manager) === 'T');
  }

  async thaw() {
    process.kill(this.manager, 'SIGCONT');
    await until('the manager to go on', () => stateOf(this.manager) !== 'T');
  }

  async stop() {
    this.holder.stdin.end();
    await this.gone;
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

/** The manager of this process's session: units get names unique to this run and are removed at the end. */
class SessionSystemd extends Systemd {
  static #count = 0;
  repo = REPOSITORY;
  node = process.execPath;
  bootMs = 0;
  root = '';
  #prefix = `private-${process.pid}-${++SessionSystemd.#count}-${randomBytes(3).toString('hex')}-`;
  #began = new Date();
  /** @type {Set<string>} */
  #written = new Set();

  constructor() {
    super(MODES.session);
    this.unitDir = path.join(process.env.XDG_RUNTIME_DIR ?? '', 'systemd/user');
    this.notifySocket = path.join(process.env.XDG_RUNTIME_DIR ?? '', 'systemd/notify');
    fs.mkdirSync(this.unitDir, { recursive: true });
  }

  writeUnit(name, text) {
    this.#written.add(name);
    return super.writeUnit(name, text);
  }

  unit(name) {
    const template = name.replace(/@[^.]+\./, '@.');
    return this.#written.has(name) || this.#written.has(template) ? this.#prefix + name : name;
  }

  systemctl(...args) {
    return super.systemctl(...args.map((arg) => this.unit(arg)));
  }

  run(command, args = [], env = {}) {
    return collect(command, args, { ...process.env, LANG: 'C.UTF-8', ...env });
  }

  async managerLog() {
    const since = `@${Math.floor(this.#began.getTime() / 1000)}`;
    return (await this.run('journalctl', ['--user', '--no-pager', '-o', 'cat', '--since', since])).stdout;
  }

  async freeze() {
    throw new Error('the manager of a real session is not ours to stop');
  }

  async thaw() {}

  async stop() {
    await this.run('systemctl', ['--user', 'stop', `${this.#prefix}*`]);
    for (const name of this.#written) fs.rmSync(path.join(this.unitDir, this.#prefix + name), { force: true });
    await this.run('systemctl', ['--user', 'daemon-reload']);
    await this.run('systemctl', ['--user', 'reset-failed', `${this.#prefix}*`]);
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Runs to the end and returns the result; never rejects because of an exit status. */
async function collect(command, args, env) {
  const began = performance.now();
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: COMMAND_DEADLINE });
  const text = { stdout: '', stderr: '' };
  for (const stream of /** @type {const} */ (['stdout', 'stderr'])) {
    child[stream].setEncoding('utf8').on('data', (chunk) => {
      text[stream] += chunk;
    });
  }
  const [code, signal] = await once(child, 'close');
  return { code, signal, ...text, ms: performance.now() - began };
}

/**
 * The repository itself if it is readable for all users, which takes no time; otherwise (a clone made with umask 077) a
 * copy of what runs, readable for all.
 */
function readableRepository(dir) {
  const needed = ['bin', 'dist', 'package.json', 'test/fixtures', 'systemd-units', ...productionModules()];
  const present = needed.map((name) => [name, path.join(REPOSITORY, name)]).filter(([, from]) => fs.existsSync(from));
  if (isOpen(REPOSITORY) && present.every(([, from]) => isOpen(from))) return REPOSITORY;
  const copy = path.join(dir, 'repository');
  for (const [name, from] of present) fs.cpSync(from, path.join(copy, name), { recursive: true });
  const opened = spawnSync('chmod', ['-R', 'a+rX', copy]);
  if (opened.status !== 0) throw new Error(`chmod: ${opened.stderr}`);
  return copy;
}

function isOpen(file) {
  const stat = fs.statSync(file);
  const wanted = stat.isDirectory() ? 0o5 : 0o4;
  return (stat.mode & wanted) === wanted;
}

function productionModules() {
  const lock = path.join(REPOSITORY, 'package-lock.json');
  if (!fs.existsSync(lock)) return [];
  return Object.entries(JSON.parse(fs.readFileSync(lock, 'utf8')).packages)
    .filter(([name, entry]) => name.startsWith('node_modules/') && !entry.dev)
    .map(([name]) => name);
}

function childrenOf(pid) {
  return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

function commOf(pid) {
  return fs.readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}

function stateOf(pid) {
  // The name in parentheses may contain anything, so use what follows the last one, proc(5)
  return fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop()?.[0];
}

function accepts(socketPath) {
  return new Promise((resolve) => {
    const socket = net.connect(socketPath);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
