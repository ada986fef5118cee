import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { scaled } from '../helpers/pace.js';
import { freePort, type TestSystemd, until } from '../helpers/systemd/private-systemd.js';

let count = 0;

interface Recipe {
  /** Options of the wrapper, in addition to the probe. */
  readonly options?: string;
  /** The probe; by default the app's port. */
  readonly probe?: string;
  /** The app; by default the gated server. */
  readonly command?: string;
  /** More lines of the [Service] section. */
  readonly lines?: readonly string[];
}

interface AppEvent {
  readonly at: bigint;
  readonly pid: string;
  readonly what: string;
}

/** A unit that runs an app under the wrapper, and the means to control the app. */
export class Service {
  readonly name: string = `service-${++count}.service`;
  readonly dir: string;

  readonly systemd: TestSystemd;
  readonly port: number;

  private constructor(systemd: TestSystemd, port: number) {
    this.systemd = systemd;
    this.port = port;
    this.dir = systemd.makeDir();
  }

  static async write(systemd: TestSystemd, recipe: Recipe = {}): Promise<Service> {
    const service = new Service(systemd, await freePort());
    const { repo, node } = systemd;
    const options = `${recipe.options ?? ''} ${recipe.probe ?? `--tcp ${service.port}`}`;
    const command = recipe.command ?? `${node} ${repo}/test/fixtures/systemd/gated-server.mjs`;
    // ExecStopPost, because a unit that ended cleanly is unloaded at once, and `systemctl show` then knows nothing
    // about it
    systemd.writeUnit(
      service.name,
      [
        '[Service]',
        'Type=notify',
        'NotifyAccess=main',
        'KillMode=mixed',
        `TimeoutStartSec=${scaled(60)}`,
        `TimeoutStopSec=${scaled(60)}`,
        'LimitCORE=0',
        `Environment=DIR=${service.dir} PORT=${service.port}`,
        `StandardError=append:${service.dir}/stderr`,
        `ExecStart=${node} ${repo}/bin/sd-ready-wrap.cjs ${options} -- ${command}`,
        `ExecStopPost=/bin/sh -c 'echo "$$SERVICE_RESULT $$EXIT_CODE $$EXIT_STATUS" >>${service.dir}/results'`,
        ...(recipe.lines ?? []),
        '',
      ].join('\n'),
    );
    return service;
  }

  /** Lets the app become ready, starts the unit, and resolves when `systemctl start` returns. */
  async startReady(): Promise<this> {
    this.letGo();
    const { code, stderr } = await this.systemctl('start');
    if (code !== 0) throw new Error(`${stderr}${this.stderr}`);
    return this;
  }

  systemctl(verb: string, ...flags: string[]) {
    return this.systemd.systemctl(verb, ...flags, this.name);
  }

  show(property: string): Promise<string> {
    return this.systemd.show(this.name, property);
  }

  /** Lets the app become ready now. */
  letGo(): void {
    writeFileSync(`${this.dir}/go`, '');
  }

  /** Lets the app end with this status now. */
  letExit(status: number): void {
    // Renamed into place, so that the app never reads half of it
    writeFileSync(`${this.dir}/exit.new`, String(status));
    renameSync(`${this.dir}/exit.new`, `${this.dir}/exit`);
  }

  get events(): AppEvent[] {
    return this.#lines('events').map((line) => {
      const [at = '0', pid = '', what = ''] = line.split(' ');
      return { at: BigInt(at), pid, what };
    });
  }

  /** The app's events, in order, without the probe's connections. */
  get story(): string[] {
    return this.events.map(({ what }) => what).filter((what) => what !== 'asked');
  }

  event(what: string, nth = 1): Promise<AppEvent> {
    return until(`the app's ${nth}. "${what}" in: ${this.stderr}`, () => {
      return this.events.filter((event) => event.what === what)[nth - 1];
    });
  }

  /** $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS of each run that ended, systemd.exec(5). */
  async results(atLeast = 1): Promise<string[]> {
    return until('ExecStopPost', () => this.#lines('results').length >= atLeast && this.#lines('results'));
  }

  get stderr(): string {
    return this.#lines('stderr').join('\n');
  }

  get environment(): Record<string, string> {
    return JSON.parse(readFileSync(`${this.dir}/environment`, 'utf8'));
  }

  #lines(file: string): string[] {
    if (!existsSync(`${this.dir}/${file}`)) return [];
    return readFileSync(`${this.dir}/${file}`, 'utf8').split('\n').filter(Boolean);
  }
}
