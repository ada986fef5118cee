/** Finds out what may be wrong with an app that is not ready. Loaded only then. */

import { runnerIn, stopProblem } from '../base/command-kind.ts';
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

export interface DiagnosisInput {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  /** Whether the wrapper is the main process of a service. */
  readonly inUnit: boolean;
  /** ms since the wrapper's start, where systemd's start timeout begins. */
  readonly elapsed: number;
  readonly listeners: Listeners;
  readonly isAlive: () => boolean;
}

/** The last findings. `complete`: from before the app was asked to end. */
let last: (Pick<Findings, 'listening' | 'holders'> & { readonly complete: boolean }) | undefined;

/**
 * Reads the sockets while the app runs and keeps the result: after a stop signal the app closes them, so an earlier
 * result is better then. For a dead app, finds the holder of its port.
 */
export async function diagnose(moment: Moment, { config, env, inUnit, elapsed, listeners, isAlive }: DiagnosisInput) {
  const complete = moment === 'waiting' || moment === 'timeout';
  if (complete || (moment === 'stopped' && !last)) {
    // needed to find the new path of a renamed Unix socket
    if (config.probes.some(({ kind }) => kind === 'unix' || kind === 'listen')) await sockDiag();
    const found = listeners.ofApp('tcp and unix')(TCP_TABLES);
    const current = found.filter((socket) => socket.kind === 'tcp' || !socket.gone);
    const listening = current.length > 0 ? current : (last?.listening ?? []);
    const others = holders(config, listeners);
    // the kernel hides the descriptors of a process that exits meanwhile
    if (isAlive()) last = { listening, holders: others, complete };
  }
  const held = moment === 'died' ? holders(config, listeners) : (last?.holders ?? new Map<number, string>());
  // sockets that systemd passed to this unit are meant for the app, which then opens none itself
  const inherits = listeners.inherits();
  const mentioned = inherits ? [] : mentionedPorts(config, env);
  const texts = inUnit ? (unitTexts(env) ?? []) : [];
  return advice(moment, {
    probes: config.probes,
    listening: last?.listening ?? [],
    looked: last?.complete === true,
    holders: held,
    socketUnits: await unitsHolding([...held.keys(), ...mentioned], env),
    passed: inherits ? passedPorts(config, listeners) : [],
    canTake: !config.handoff && runnerIn([config.command, ...config.args]) === undefined,
    reserved: moment === 'died' && !inherits ? reservedPorts(config) : [],
    byUserManager: isOfUser(env),
    tooLong: inUnit && elapsed >= startLimit(texts) - EARLY,
    handoff: config.handoff,
    killMode: lastWord('KillMode', texts),
  });
}

/** CAP_NET_BIND_SERVICE, by its bit in CapEff of proc(5) (capabilities(7)). */
const MAY_BIND = 10n;

/** Probed ports that need a privilege (ip(7)), if the wrapper does not have it: the app then lacks it too. */
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

/** Without a probed port: all numbers in the command line and the variables that may be the app's port. */
function mentionedPorts({ probes, command, args }: Config, env: NodeJS.ProcessEnv): readonly number[] {
  if (!probes.some(({ kind }) => kind === 'auto')) return [];
  const variables = Object.entries(env).flatMap(([name, value]) => (/PORT|LISTEN|ADDR|URL/i.test(name) ? [value] : []));
  return [command, ...args, ...variables].flatMap((text) => text?.match(/(?<!\d)\d{2,5}(?!\d)/g) ?? []).map(Number);
}

/** ms. systemd's start timeout begins before the wrapper runs. */
const EARLY = 2000;

/** TimeoutStartSec= in ms. Without it systemd's default of 90 s, though systemd-system.conf(5) may change that. */
function startLimit(texts: readonly string[]): number {
  const written = lastWord('TimeoutStartSec', texts) ?? lastWord('TimeoutSec', texts) ?? '90s';
  return parseTimeSpan(written) || Number.POSITIVE_INFINITY;
}

export interface OwnUnit {
  readonly env: NodeJS.ProcessEnv;
  readonly hasNotifySocket: boolean;
  /** See launcherOf(): `npm`. */
  readonly launcher: string | undefined;
  /** Which processes get forwarded signals. */
  readonly scope: SignalScope;
}

/** Reports problems of the unit file. */
export async function unitProblems(
  { env, hasNotifySocket, launcher, scope }: OwnUnit,
  tell: (problem: string) => void,
) {
  const killMode = launcher === undefined ? undefined : killModeProblem(launcher, scope, env);
  const type = hasNotifySocket ? await waitProblem(env) : await typeProblem(env);
  for (const problem of [killMode, type]) if (problem !== undefined) tell(problem);
}

/** There is a notify socket, but no Type=notify: NotifyAccess= alone is enough to get the socket. */
async function waitProblem(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const texts = unitTexts(env);
  if (texts === undefined) return undefined;
  const { type, passedOver } = await typeOf(texts);
  if (type.startsWith('notify')) return undefined;
  const unit = ownUnit(env) ?? 'the unit';
  const problem = WAITS[type] ?? 'systemd does not wait for the app';
  return `${problem}: ${unit} has ${passedOver || `Type=${type}`} and needs Type=notify; ${howToWrite(unit, env)}`;
}

/** What ends a start with another Type= (systemd.service(5)). */
const WAITS: Readonly<Record<string, string>> = {
  forking: 'systemd waits for the wrapper to exit, not for READY=1',
  oneshot: 'systemd waits for the wrapper to exit, not for READY=1',
  dbus: 'systemd waits for a D-Bus name, not for READY=1',
};

/** Without a notify socket the unit cannot have Type=notify. */
async function typeProblem(env: NodeJS.ProcessEnv): Promise<string> {
  const unit = ownUnit(env) ?? 'the unit';
  const { type, passedOver } = await typeOf(unitTexts(env) ?? ['Type=notify']);
  const now = passedOver || (type.startsWith('notify') ? '' : `Type=${type}`);
  return (
    'NOTIFY_SOCKET is not set, so systemd cannot receive READY=1: the unit needs Type=notify' +
    `${now && ` and has ${now}`}; ${howToWrite(unit, env)}`
  );
}

/** The effective Type= on this host's systemd; `passedOver` describes a Type= that it does not know. */
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

function killModeProblem(launcher: string, scope: SignalScope, env: NodeJS.ProcessEnv): string | undefined {
  const mode = lastWord('KillMode', unitTexts(env) ?? []);
  const problem = stopProblem(launcher, mode, scope === 'group');
  if (problem === undefined) return undefined;
  return `KillMode=${mode} of ${ownUnit(env)}: ${problem}; write KillMode=control-group, or start node directly`;
}

/** Whether a user manager started the wrapper ($MANAGERPID in systemd.exec(5)). */
function isOfUser(env: NodeJS.ProcessEnv): boolean {
  return env['MANAGERPID'] !== undefined;
}

function systemctl(env: NodeJS.ProcessEnv): string {
  return isOfUser(env) ? 'systemctl --user' : 'systemctl';
}

/** Other processes that hold a probed port. */
function holders({ probes }: Config, listeners: Listeners): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const [port, owner] of ownersOf(probes, listeners)) if (owner?.by === 'other') found.set(port, owner.holder);
  return found;
}

/** Probed ports whose sockets systemd passed to this unit; none with --take-sockets, which reports on them itself. */
function passedPorts({ probes, takeSockets }: Config, listeners: Listeners) {
  if (takeSockets) return [];
  const owners = ownersOf(probes, listeners);
  const passed = owners.filter(([, owner]) => owner?.by === 'shared' && owner.otherwise?.by === 'systemd');
  return [...new Set(passed.map(([port]) => port))];
}

/** The owners of the probed ports. */
function ownersOf(probes: Config['probes'], listeners: Listeners) {
  return probes.flatMap((spec) => {
    const port = awaitedPort(spec);
    if (port === undefined) return [];
    const hosts = 'hosts' in spec ? spec.hosts : ['127.0.0.1', '::1'];
    return hosts.map((host) => [port, listeners.ownerOf(host, port)] as const);
  });
}
