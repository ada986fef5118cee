/** A unit under the wrapper whose app is serves.mjs or serves.pl, and other listeners at the same address. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { scaled } from '../helpers/pace.js';
import type { TestSystemd } from '../helpers/systemd/private-systemd.js';
import { until } from '../helpers/until.ts';
import { Service } from './service.ts';

/** A unit whose app may share its listening address with another unit. */
export class Scene {
  readonly systemd: TestSystemd;
  readonly service: Service;

  private constructor(systemd: TestSystemd, service: Service) {
    this.systemd = systemd;
    this.service = service;
  }

  /**
   * @param probe options of the wrapper
   * @param command of the app: NODE is replaced by serves.mjs, PERL by serves.pl; PORT, PATH and %DIR% are filled in
   */
  static async write(systemd: TestSystemd, probe: string, command: string, lines: readonly string[] = []) {
    const service = await Service.write(systemd, {
      probe: `--timeout ${scaled(4000)}ms PROBE`,
      command: 'COMMAND',
      lines,
    });
    const scene = new Scene(systemd, service);
    scene.#replace({ PROBE: probe, COMMAND: scene.commandLine(command) });
    return scene;
  }

  get path(): string {
    return `${this.service.dir}/socket`;
  }

  /** Replaces words of the unit file, and reloads the manager. */
  async edit(words: Readonly<Record<string, string>>): Promise<void> {
    this.#replace(words);
    await this.systemd.systemctl('daemon-reload');
  }

  #replace(words: Readonly<Record<string, string>>): void {
    const file = `${this.systemd.unitDir}/${this.systemd.unit(this.service.name)}`;
    let text = readFileSync(file, 'utf8');
    for (const [word, value] of Object.entries(words)) text = text.replace(word, this.filled(value));
    writeFileSync(file, text);
  }

  filled(text: string): string {
    const { dir, port } = this.service;
    return text.replaceAll('PORT', `${port}`).replaceAll('PATH', this.path).replaceAll('%DIR%', dir);
  }

  commandLine(words: string): string {
    const { repo, node } = this.systemd;
    const program = words
      .replace(/(^| )PERL /, `$1/usr/bin/perl ${repo}/test/fixtures/apps/serves.pl `)
      .replace(/(^| )NODE /, `$1${node} ${repo}/test/fixtures/systemd/serves.mjs `);
    return this.filled(program);
  }

  /** Starts another unit that listens, and resolves when it does. */
  async other(words: string, lines: readonly string[] = []): Promise<string> {
    const name = this.service.name.replace('service-', 'other-');
    this.systemd.writeUnit(
      name,
      ['[Service]', `ExecStart=${this.commandLine(`PERL %DIR%/other ${words}`)}`, ...lines, ''].join('\n'),
    );
    await this.mustStart(name);
    await until(`it to listen: ${words}`, () => this.log('other').includes('listening'));
    return name;
  }

  /** A socket unit whose traffic starts nothing. */
  async socket(where = this.filled('127.0.0.1:PORT')): Promise<string> {
    const name = this.service.name.replace('service-', 'shop-').replace('.service', '.socket');
    const holder = name.replace('.socket', '-holder.service');
    const units = this.systemd;
    units.writeUnit(holder, '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n');
    units.writeUnit(name, `[Socket]\nListenStream=${where}\nService=${units.unit(holder)}\n`);
    await this.mustStart(name);
    return name;
  }

  async mustStart(name: string): Promise<void> {
    const { code, stderr } = await this.systemd.systemctl('start', name);
    if (code !== 0) throw new Error(stderr);
  }

  log(who: 'other' | 'app'): string[] {
    const file = `${this.service.dir}/${who}`;
    return existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .map((line) => line.split(' ')[0] ?? '')
      : [];
  }

  async begin(): Promise<void> {
    await this.service.systemctl('start', '--no-block');
  }

  /** The outcome: `ready`, or the results of the failed run. */
  async outcome(runs = 1): Promise<string> {
    return until(
      () => `an outcome; stderr: ${this.service.stderr}`,
      async () => {
        // systemd is asked only then, because each question starts a process
        const said = this.service.stderr.includes('"event":"ready"');
        if (said && (await this.service.show('ActiveState')) === 'active') return 'ready';
        const file = `${this.service.dir}/results`;
        const results = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
        return results.length >= runs && results.at(-1);
      },
    );
  }

  async stop(): Promise<void> {
    const all = ['service-', 'other-'].map((prefix) => this.service.name.replace('service-', prefix));
    const socket = this.service.name.replace('service-', 'shop-').replace('.service', '.socket');
    for (const name of [...all, socket]) await this.systemd.systemctl('stop', name);
  }
}
