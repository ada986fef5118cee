import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { scaled } from '../helpers/pace.js';
import { type TestSystemd, until } from '../helpers/systemd/private-systemd.js';

let count = 0;

/** Number of units that are started at once. */
const AT_ONCE = 24;

interface Recipe {
  /** The app's commands (see obeys.pl); by default `%i`, the name of the instance. */
  readonly words?: string;
  /** Options of the wrapper. */
  readonly options?: string;
  /** The probe; by default the app's own READY=1. */
  readonly probe?: string;
  /** Whether the wrapper is started by its own name, and not by its Node. */
  readonly byName?: boolean;
  /** More lines of the [Service] section. */
  readonly lines?: readonly string[];
}

/** $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS (systemd.exec(5)) of each run of each instance. */
type Results = Record<string, string[]>;

export interface Both<T> {
  readonly direct: T;
  readonly wrapped: T;
}

/** Two templates of a unit which differ only in ExecStart=: the app directly, and wrapped. */
export class Pair {
  readonly name: string = `pair-${++count}`;
  readonly dir: string;
  readonly systemd: TestSystemd;

  constructor(
    systemd: TestSystemd,
    { words = '%i', options = '', probe = '--notify', byName = false, lines = [] }: Recipe = {},
  ) {
    this.systemd = systemd;
    this.dir = systemd.makeDir();
    chmodSync(this.dir, 0o777);
    const { repo, node } = systemd;
    const app = `/usr/bin/perl ${repo}/test/fixtures/systemd/obeys.pl`;
    const wrapper = `${byName ? '' : `${node} `}${repo}/bin/sd-ready-wrap.cjs`;
    const commands = {
      direct: `${app} ${words}`,
      wrapped: `${wrapper} ${probe} --log-level error ${options} -- ${app} ${words}`,
    };
    for (const [way, command] of Object.entries(commands)) {
      mkdirSync(`${this.dir}/${way}`);
      chmodSync(`${this.dir}/${way}`, 0o777);
      systemd.writeUnit(
        this.template(way),
        [
          '[Service]',
          'Type=notify',
          'NotifyAccess=main',
          `TimeoutStartSec=${scaled(60)}`,
          `TimeoutStopSec=${scaled(60)}`,
          'LimitCORE=0',
          `Environment="SYSTEMCTL=systemctl ${systemd.flags.join(' ')}" UNIT=%n DIR=${this.dir}/${way}`,
          `StandardError=append:${this.dir}/${way}/stderr`,
          `ExecStart=${command}`,
          `ExecStopPost=/bin/sh -c 'echo "%i $$SERVICE_RESULT $$EXIT_CODE $$EXIT_STATUS" >>${this.dir}/${way}/results'`,
          ...lines,
          '',
        ].join('\n'),
      );
    }
  }

  template(way: string): string {
    return `${this.name}-${way}@.service`;
  }

  instance(way: string, instance: string): string {
    return `${this.name}-${way}@${instance}.service`;
  }

  /** Starts them all, both ways. Resolves with systemd's results of each run when all have ended for good. */
  async run(instances: readonly string[]): Promise<Both<Results>> {
    for (let at = 0; at < instances.length; at += AT_ONCE) {
      const some = instances.slice(at, at + AT_ONCE);
      const units = some.flatMap((each) => [this.instance('direct', each), this.instance('wrapped', each)]);
      const { code, stderr } = await this.systemd.systemctl('start', '--no-block', ...units);
      if (code !== 0) throw new Error(stderr);
      await this.ended(some);
    }
    return this.#both(instances);
  }

  /** Resolves with systemd's results of each run when all have ended for good. */
  async ended(instances: readonly string[]): Promise<Both<Results>> {
    await until(`the end of ${instances.join(' ')}`, () => this.#haveEnded(instances));
    return this.#both(instances);
  }

  #both(instances: readonly string[]): Both<Results> {
    return { direct: this.#results('direct', instances), wrapped: this.#results('wrapped', instances) };
  }

  /** Starts both, and resolves when they are ready. */
  async start(instance: string): Promise<void> {
    for (const way of ['direct', 'wrapped']) {
      const { code, stderr } = await this.systemd.systemctl('start', this.instance(way, instance));
      if (code !== 0) throw new Error(`${way}: ${stderr} ${this.text(way, 'stderr')}`);
    }
  }

  async stop(instance: string): Promise<void> {
    for (const way of ['direct', 'wrapped']) await this.systemd.systemctl('stop', this.instance(way, instance));
  }

  /** A file of one of the two. */
  text(way: string, file: string): string {
    const path = `${this.dir}/${way}/${file}`;
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** What the app reported about itself (see obeys.pl), without what identifies one of the two. */
  told(way: string): string[] {
    const lines = this.text(way, 'told')
      .replaceAll(`${this.dir}/${way}`, 'DIR')
      .replaceAll(`${this.name}-${way}`, 'NAME')
      .replaceAll(`${this.name}-${way}`.replaceAll('-', '\\x2d'), 'NAME');
    return lines.split('\n').filter(Boolean);
  }

  async #haveEnded(instances: readonly string[]): Promise<boolean> {
    const ways = ['direct', 'wrapped'];
    const ran = (way: string) => Object.values(this.#results(way, instances)).every((lines) => lines.length > 0);
    if (!ways.every(ran)) return false;
    const living = ['activating', 'active', 'reloading', 'deactivating'].map((state) => `--state=${state}`);
    const units = ways.flatMap((way) => instances.map((instance) => this.instance(way, instance)));
    const { stdout } = await this.systemd.systemctl('list-units', '--plain', '--no-legend', ...living, ...units);
    return stdout === '';
  }

  #results(way: string, instances: readonly string[]): Results {
    const all = this.text(way, 'results').split('\n').filter(Boolean);
    const of = (instance: string) => all.filter((line) => line.startsWith(`${instance} `));
    return Object.fromEntries(instances.map((each) => [each, of(each).map((line) => line.slice(each.length + 1))]));
  }
}
