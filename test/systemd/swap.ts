/** An app behind swap.socket: the units of systemd-units/ with the paths of this machine. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort, type TestSystemd } from '../helpers/systemd/private-systemd.js';
import { SWAP_UNITS, swapUnits } from '../helpers/systemd/swap-units.js';

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

let count = 0;

interface Recipe {
  /** Lines that replace the ExecStart= of the instances. */
  readonly command?: string;
  /** More lines of their section [Service]; DIR is the directory of the app. */
  readonly lines?: readonly string[];
}

/** Has the instances a and b, and switches between them by swap.sh. */
export class Swap {
  readonly systemd: TestSystemd;
  readonly port: number;
  readonly dir: string;
  /** `swap1`, as the manager knows it. */
  readonly name: string;
  readonly files: ReadonlyMap<string, string>;

  private constructor(systemd: TestSystemd, port: number, { command, lines = [] }: Recipe) {
    this.systemd = systemd;
    this.port = port;
    this.dir = systemd.makeDir();
    chmodSync(this.dir, 0o777);
    const { node, repo } = systemd;
    const plain = `swap${++count}`;
    const fileOf = (unit: string) => unit.replace('swap', plain);
    // first, so that the manager's name for each is known
    for (const unit of SWAP_UNITS) systemd.writeUnit(fileOf(unit), '');
    this.name = systemd.unit(`${plain}.socket`).replace('.socket', '');
    const units = swapUnits({
      name: this.name,
      port,
      wrapper: `${node} ${repo}/bin/sd-ready-wrap.cjs`,
      command: `${node} ${repo}/test/fixtures/systemd/swaps.mjs ${this.dir}`,
      lines: [`StandardError=append:${this.dir}/log`, ...lines.map((line) => line.replaceAll('DIR', this.dir))],
    });
    const text = (unit: string) => units.get(unit) as string;
    const changed = (unit: string) =>
      command ? text(unit).replace(/^ExecStart=.*sd-ready-wrap.*/m, command) : text(unit);
    this.files = new Map(SWAP_UNITS.map((unit) => [fileOf(unit), changed(unit)]));
    for (const [file, written] of this.files) systemd.writeUnit(file, written);
  }

  static async write(systemd: TestSystemd, recipe: Recipe = {}): Promise<Swap> {
    const swap = new Swap(systemd, await freePort(), recipe);
    swap.release('good');
    await systemd.systemctl('daemon-reload');
    return swap;
  }

  /** The next start is of that version: see swaps.mjs. */
  release(what: 'good' | 'broken' | 'held'): void {
    writeFileSync(`${this.dir}/release`, what);
  }

  /** Lets a held version listen now. */
  letGo(): void {
    writeFileSync(`${this.dir}/go`, '');
  }

  unit(instance: 'a' | 'b'): string {
    return `${this.name}@${instance}.service`;
  }

  show(instance: 'a' | 'b', property: string): Promise<string> {
    return this.systemd.show(this.unit(instance), property);
  }

  /** `a active enabled, b inactive disabled` */
  async state(): Promise<string> {
    const each = (['a', 'b'] as const).map(async (instance) => {
      const { stdout } = await this.systemd.systemctl('is-enabled', this.unit(instance));
      return `${instance} ${await this.show(instance, 'ActiveState')} ${stdout.trim()}`;
    });
    return (await Promise.all(each)).join(', ');
  }

  /** swap.sh for this app. The file `pid` in its directory has the pid of the shell while it runs. */
  run(env: Readonly<Record<string, string>> = {}) {
    return this.runWords([`${this.name}@`], env);
  }

  runWords(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const script = `${this.systemd.repo}/systemd-units/swap.sh`;
    const manager = this.systemd.mode === 'system' ? [] : ['--user'];
    const shell = ['-c', `echo $$ >${this.dir}/pid; exec sh "$@"`, 'sh', script, ...manager, ...words];
    const variables = Object.entries({ PATH, ...env }).map(([name, value]) => `${name}=${value}`);
    return this.systemd.run('env', [...variables, 'sh', ...shell]);
  }

  get pid(): string {
    return readFileSync(`${this.dir}/pid`, 'utf8').trim();
  }

  get log(): string {
    return readFileSync(`${this.dir}/log`, 'utf8');
  }

  /** A program that replaces another. @returns its directory */
  program(name: string, script: string): string {
    const directory = path.join(this.dir, 'bin');
    mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, name), `#!/bin/sh\n${script}\n`);
    chmodSync(path.join(directory, name), 0o755);
    return directory;
  }

  async stop(): Promise<void> {
    const { systemd, name } = this;
    await systemd.systemctl('stop', `${name}.socket`, this.unit('a'), this.unit('b'));
    await systemd.systemctl('disable', this.unit('a'), this.unit('b'));
  }
}
