/** Finds out what may be wrong with an app that is not ready. Loaded where one is not. */

import { stopProblem } from '../base/command-kind.ts';
import { readText } from '../base/files.ts';
import { procText } from '../base/proc.ts';
import { parseTimeSpan } from '../base/time-span.ts';
import type { Config, SignalScope } from '../options/config.ts';
import { RELOAD_SINCE } from '../print-unit/service-file.ts';
import { awaitedPort } from '../probes/spec.ts';
import type { Listeners } from '../sockets/ownership.ts';
import { TCP_TABLES } from '../sockets/rows.ts';
import { sockDiag } from '../sockets/sock-diag.ts';
import { ownUnit, unitTexts } from '../unit/files.ts';
import { majorVersion, socketUnits, systemdVersion } from '../unit/host-systemd.ts';
import { lastWord, serviceType } from '../unit/settings.ts';
import { advice, type Findings, type Moment } from './advice.ts';

export interface Patient {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  /** Whether systemd started us as the main process of a service. */
  readonly inUnit: boolean;
  /** Since the wrapper was started, which is what systemd counts from, ms. */
  readonly elapsed: number;
  readonly listeners: Listeners;
  readonly isAlive: () => boolean;
}

/** What was found when it was last looked, while nobody had asked the app to end if that is `whole`. */
let seen: (Pick<Findings, 'listening' | 'holders'> & { readonly whole: boolean }) | undefined;

/**
 * It is looked while the app lives, and remembered, as one that was asked to end closes its sockets: then it is looked
 * only where nobody has before. Of the dead, who has its port.
 */
export async function diagnose(moment: Moment, { config, env, inUnit, elapsed, listeners, isAlive }: Patient) {
  const whole = moment === 'waiting' || moment === 'timeout';
  if (whole || (moment === 'stopped' && !seen)) {
    // where a Unix socket was renamed to
    if (config.probes.some(({ kind }) => kind === 'unix' || kind === 'listen')) await sockDiag();
    const look = listeners.ofApp('tcp and unix');
    const listening = look(TCP_TABLES).filter((socket) => socket.kind === 'tcp' || !socket.gone);
    const holding = holders(config, listeners);
    const known = listening.length > 0 ? listening : (seen?.listening ?? []);
    // of one that ends meanwhile the kernel does not tell any more what is its own
    if (isAlive()) seen = { listening: known, holders: holding, whole };
  }
  const held = moment === 'died' ? holders(config, listeners) : (seen?.holders ?? new Map<number, string>());
  // a socket of systemd's that we were passed is the app's to take
  const mentioned = listeners.inherits() ? [] : mentionedPorts(config, env);
  const texts = inUnit ? (unitTexts(env) ?? []) : [];
  return advice(moment, {
    probes: config.probes,
    listening: seen?.listening ?? [],
    looked: seen?.whole === true,
    holders: held,
    socketUnits: await unitsHolding([...held.keys(), ...mentioned], env),
    reserved: moment === 'died' ? reservedPorts(config) : [],
    tooLong: inUnit && elapsed >= startLimit(texts) - EARLY,
    handoff: config.handoff,
    killMode: lastWord('KillMode', texts),
  });
}

/** CAP_NET_BIND_SERVICE, by its bit in CapEff of proc(5) (capabilities(7)). */
const MAY_BIND = 10n;

/** Awaited ports that the app cannot open without a privilege, which it has if we do (ip(7)). */
function reservedPorts({ probes }: Config): readonly number[] {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(procText('self', 'status') ?? '')?.[1];
  if (effective === undefined || (BigInt(`0x${effective}`) >> MAY_BIND) & 1n) return [];
  const first = Number(readText('/proc/sys/net/ipv4/ip_unprivileged_port_start') ?? 1024);
  return probes.flatMap((spec) => awaitedPort(spec) ?? []).filter((port) => port < first);
}

/** The `.socket` units of those ports. */
async function unitsHolding(ports: readonly number[], env: NodeJS.ProcessEnv): Promise<ReadonlyMap<number, string>> {
  if (ports.length === 0) return new Map();
  const units = await socketUnits(env['XDG_RUNTIME_DIR'] !== undefined);
  return new Map([...units].filter(([port]) => ports.includes(port)));
}

/** Where no probe says which port the app will take, its command line and its variables may. */
function mentionedPorts({ probes, command, args }: Config, env: NodeJS.ProcessEnv): readonly number[] {
  if (!probes.some(({ kind }) => kind === 'auto')) return [];
  const variables = Object.entries(env).flatMap(([name, value]) => (/PORT|LISTEN|ADDR|URL/i.test(name) ? [value] : []));
  return [command, ...args, ...variables].flatMap((text) => text?.match(/(?<!\d)\d{2,5}(?!\d)/g) ?? []).map(Number);
}

/** systemd counts from before we live, ms. */
const EARLY = 2000;

/** TimeoutStartSec=, ms. 90 s is systemd's default, which its own configuration may change (systemd-system.conf(5)). */
function startLimit(texts: readonly string[]): number {
  const written = lastWord('TimeoutStartSec', texts) ?? lastWord('TimeoutSec', texts) ?? '90s';
  return parseTimeSpan(written) || Number.POSITIVE_INFINITY;
}

export interface OwnUnit {
  readonly env: NodeJS.ProcessEnv;
  /** Whether there is a notify socket. */
  readonly toldSystemd: boolean;
  /** What starts the app and passes no signals on, if it is not the app itself: `npm`. */
  readonly launcher: string | undefined;
  /** Whom signals are passed on to. */
  readonly scope: SignalScope;
}

/** Tells what is wrong with the unit itself. */
export async function unitProblems({ env, toldSystemd, launcher, scope }: OwnUnit, tell: (problem: string) => void) {
  const killMode = launcher === undefined ? undefined : killModeProblem(launcher, scope, env);
  const type = toldSystemd ? await waitProblem(env) : await typeProblem(env);
  for (const problem of [killMode, type]) if (problem !== undefined) tell(problem);
}

/** That systemd does not wait for this unit, though it may be told: NotifyAccess= alone gives it a notify socket. */
async function waitProblem(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const texts = unitTexts(env);
  if (texts === undefined) return undefined;
  const { type, passedOver } = await typeOf(texts);
  if (type.startsWith('notify')) return undefined;
  const unit = ownUnit(env) ?? 'the unit';
  const problem = WAITS[type] ?? 'systemd does not wait for the app';
  return `${problem}: ${unit} has ${passedOver || `Type=${type}`} and needs Type=notify; ${howToWrite(unit, env)}`;
}

/** What else than READY=1 ends a start (systemd.service(5), Type=). */
const WAITS: Readonly<Record<string, string>> = {
  forking: 'systemd waits for the wrapper to exit, not for READY=1',
  oneshot: 'systemd waits for the wrapper to exit, not for READY=1',
  dbus: 'systemd waits for a D-Bus name, not for READY=1',
};

/** That the unit is none that waits for READY=1, and how it becomes one. */
async function typeProblem(env: NodeJS.ProcessEnv): Promise<string> {
  const unit = ownUnit(env) ?? 'the unit';
  const { type, passedOver } = await typeOf(unitTexts(env) ?? ['Type=notify']);
  const now = passedOver || (type.startsWith('notify') ? '' : `Type=${type}`);
  return (
    'NOTIFY_SOCKET is not set, so systemd cannot receive READY=1: the unit needs Type=notify' +
    `${now && ` and has ${now}`}; ${howToWrite(unit, env)}`
  );
}

/** As the local systemd takes it; `passedOver` is what it does not know, in words. */
async function typeOf(texts: readonly string[]) {
  const type = serviceType(texts) ?? 'simple';
  const version = type === 'notify-reload' ? majorVersion(await systemdVersion()) : undefined;
  if (version === undefined || version >= RELOAD_SINCE) return { type, passedOver: '' };
  const taken = serviceType(texts, [type]) ?? 'simple';
  return {
    type: taken,
    passedOver: `Type=${type}, which systemd ${version} reads as Type=${taken} (it needs systemd ${RELOAD_SINCE}),`,
  };
}

function howToWrite(unit: string, env: NodeJS.ProcessEnv): string {
  return `add it under [Service] (${systemctl(env)} edit ${unit}), then restart the unit`;
}

/** What is wrong with the unit's KillMode=, if anything. */
function killModeProblem(launcher: string, scope: SignalScope, env: NodeJS.ProcessEnv): string | undefined {
  const mode = lastWord('KillMode', unitTexts(env) ?? []);
  const problem = stopProblem(launcher, mode, scope === 'group');
  if (problem === undefined) return undefined;
  return `KillMode=${mode} of ${ownUnit(env)}: ${problem}; write KillMode=control-group, or start node directly`;
}

function systemctl(env: NodeJS.ProcessEnv): string {
  return env['MANAGERPID'] === undefined ? 'systemctl' : 'systemctl --user';
}

/** Who else has a port that is awaited of the app. */
function holders({ probes }: Config, listeners: Listeners): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const spec of probes) {
    const port = awaitedPort(spec);
    if (port === undefined) continue;
    for (const host of 'hosts' in spec ? spec.hosts : ['127.0.0.1', '::1']) {
      const owner = listeners.ownerOf(host, port);
      if (owner?.by === 'other') found.set(port, owner.holder);
    }
  }
  return found;
}
