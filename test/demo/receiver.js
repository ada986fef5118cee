/**
 * The built-in receiver: the least of systemd that the demo needs, for machines without it. It gives each service a
 * notify socket, and its `start` waits for READY=1 as `systemctl start` does for Type=notify.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { REPOSITORY } from '../helpers/systemd/private-systemd.js';
import { listen } from './notify-listener.js';

const STOP_DEADLINE = 10_000;

export class Receiver {
  /** @param {string} why there is no systemd */
  static async open(why) {
    return new Receiver(why);
  }

  #definitions = new Map();
  /** @type {Map<string, {child: import('node:child_process').ChildProcess, gone: Promise<unknown>, text: string}>} */
  #running = new Map();
  #closing = false;

  constructor(why) {
    this.title = `under the built-in receiver, not systemd: ${why}`;
    // /tmp by name: a socket's path holds 107 bytes (unix(7)), and $TMPDIR may be long
    this.dir = fs.mkdtempSync('/tmp/sd-ready-wrap-demo-');
  }

  async define({ name, port, env }) {
    this.#definitions.set(name, { port, env });
    const variables = Object.entries({ NOTIFY_SOCKET: this.#socketPath(name.replace('@', '@%i')), ...env, PORT: port });
    const text = `${variables.map(([key, value]) => `${key}=${value}`).join(' ')} \\
  node bin/sd-ready-wrap.cjs --tcp ${port} -- node test/demo/app.js
`;
    return { title: `in place of the unit ${name}.service`, text };
  }

  shown(verb, name) {
    return `receiver ${verb} ${name}`;
  }

  async start(...names) {
    await Promise.all(names.map((name) => this.#start(name)));
  }

  async restart(...names) {
    for (const name of names) {
      await this.#stop(name);
      await this.#start(name);
    }
  }

  async status(name) {
    const { child, text } = this.#running.get(name);
    return (
      `  ${name} - as received on its notify socket\n     Active: active (READY=1 received)\n   Main PID: ` +
      `${child.pid}\n     Status: "${text}"\n`
    );
  }

  async state(name) {
    const service = this.#running.get(name);
    return { active: service?.child.exitCode === null, text: service?.text ?? '' };
  }

  async close() {
    this.#closing = true;
    await Promise.all([...this.#running.keys()].map((name) => this.#stop(name)));
    fs.rmSync(this.dir, { recursive: true, force: true });
  }

  /** Resolves at READY=1; rejects when the service ends before. */
  async #start(name) {
    if (this.#closing) throw new Error('the receiver is being closed');
    const [base, instance] = name.split('@');
    const { port, env } = this.#definitions.get(instance === undefined ? base : `${base}@`);
    const ownPort = port === '%i' ? instance : String(port);
    const wrapped = [process.execPath, 'test/demo/app.js'];
    const service = { text: '' };
    let onReady = () => {};
    const close = await listen(this.#socketPath(name), (text) => {
      for (const line of text.split('\n')) {
        if (line.startsWith('STATUS=')) service.text = line.slice('STATUS='.length);
        if (line === 'READY=1') onReady();
      }
    });
    if (this.#closing) {
      close();
      throw new Error('the receiver is being closed');
    }
    service.child = spawn(process.execPath, ['bin/sd-ready-wrap.cjs', '--tcp', ownPort, '--', ...wrapped], {
      cwd: REPOSITORY,
      env: { PATH: process.env.PATH, ...env, PORT: ownPort, NOTIFY_SOCKET: this.#socketPath(name) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaints = '';
    service.child.stderr.setEncoding('utf8').on('data', (chunk) => {
      complaints += chunk;
    });
    service.gone = once(service.child, 'exit').then(() => {
      close();
      fs.rmSync(this.#socketPath(name), { force: true });
    });
    this.#running.set(name, service);
    await new Promise((resolve, reject) => {
      onReady = resolve;
      service.gone.then(() => reject(new Error(`${name} ended before it was ready: ${complaints}`)), reject);
    });
  }

  /** SIGTERM to the main process alone, as KillMode=mixed has it, and its end awaited. */
  async #stop(name) {
    const { child, gone } = this.#running.get(name);
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE);
    await gone;
    clearTimeout(timer);
    this.#running.delete(name);
  }

  #socketPath(name) {
    return path.join(this.dir, `${name}.notify`);
  }
}
