/** Finds out what may be wrong with an app that is not ready. Loaded where one is not. */
import type { Config, SignalScope } from '../core/config.ts';
import { advice, type Moment } from '../core/diagnosis.ts';
import type { Environment } from '../core/environment.ts';
import { stopProblem } from '../core/launcher.ts';
import type { Listeners, ListeningSocket } from '../core/ports.ts';
import { awaitedPort } from '../core/probe-spec.ts';
import { TCP_TABLES } from '../core/socket-table.ts';
import { parseTimeSpan } from '../core/time-span.ts';
import { RELOAD_SINCE } from '../core/unit-file.ts';
import { lastWord } from '../core/unit-setting.ts';
import { majorVersion, systemdVersion } from '../process/host-systemd.ts';
import { ownUnit, unitTexts } from '../process/unit-files.ts';

export interface Patient {
  readonly config: Config;
  readonly env: Environment;
  /** Whether systemd started us as the main process of a service. */
  readonly inUnit: boolean;
  /** Since the start, ms. */
  readonly elapsed: number;
  readonly listeners: Listeners;
}

/** What the app listened on when it was last looked, as it may be gone when that counts. */
let lastSeen: readonly ListeningSocket[] = [];
let looked = false;

export function diagnose(moment: Moment, { config, env, inUnit, elapsed, listeners }: Patient): readonly string[] {
  const texts = inUnit ? (unitTexts(env) ?? []) : [];
  const now = listeners.ofApp('tcp and unix')(TCP_TABLES);
  if (now.length > 0) lastSeen = now;
  looked ||= moment === 'waiting' || moment === 'timeout';
  return advice(moment, {
    probes: config.probes,
    listening: lastSeen,
    looked,
    holders: holders(config, listeners),
    tooLong: inUnit && elapsed >= startLimit(texts) - EARLY,
    handoff: config.handoff,
    killMode: lastWord('KillMode', texts),
  });
}

/** systemd counts from before we live, ms. */
const EARLY = 2000;

/** TimeoutStartSec=, ms. 90 s is systemd's default, which its own configuration may change (systemd-system.conf(5)). */
function startLimit(texts: readonly string[]): number {
  const written = lastWord('TimeoutStartSec', texts) ?? lastWord('TimeoutSec', texts) ?? '90s';
  return parseTimeSpan(written) || Number.POSITIVE_INFINITY;
}

/** That systemd does not wait for this unit, though it may be told: NotifyAccess= alone gives it a notify socket. */
export function waitProblem(env: Environment): string | undefined {
  const texts = unitTexts(env);
  if (texts === undefined) return undefined;
  const type = lastWord('Type', texts) ?? 'simple';
  if (type === 'notify') return undefined;
  const unknown = type === 'notify-reload' ? unknownReloadType() : '';
  if (unknown === undefined) return undefined;
  const unit = ownUnit(env) ?? 'the unit';
  return (
    `systemd does not wait for the app: ${unit} has Type=${type}${unknown}${unknown && ','} and needs Type=notify; ` +
    `write it under [Service] (${systemctl(env)} edit ${unit}), and restart the unit`
  );
}

/** Where the local systemd passes over Type=notify-reload: that it does. */
function unknownReloadType(): string | undefined {
  const version = majorVersion(systemdVersion());
  if (version === undefined || version >= RELOAD_SINCE) return undefined;
  return `, which systemd ${version} takes for Type=simple (${RELOAD_SINCE} is the first to know it)`;
}

/** That the unit is none that waits for READY=1, and how it becomes one. */
export function typeProblem(env: Environment): string {
  const unit = ownUnit(env) ?? 'the unit';
  const type = lastWord('Type', unitTexts(env) ?? []);
  const unknown = type === 'notify-reload' ? (unknownReloadType() ?? '') : '';
  const now = type === undefined || type === 'notify' ? '' : ` and has Type=${type}${unknown}`;
  return (
    `NOTIFY_SOCKET is not set, so systemd cannot be told when the app is ready: the unit needs Type=notify${now}; ` +
    `write it under [Service] (${systemctl(env)} edit ${unit}), and restart the unit`
  );
}

/**
 * @param launcher what starts the app and passes no signals on: `npm`
 * @param scope whom we pass them on to
 * @returns what is wrong with the unit's KillMode= then, if anything
 */
export function killModeProblem(launcher: string, scope: SignalScope, env: Environment): string | undefined {
  const mode = lastWord('KillMode', unitTexts(env) ?? []);
  const problem = stopProblem(launcher, mode, scope === 'group');
  if (problem === undefined) return undefined;
  return `KillMode=${mode} of ${ownUnit(env)}: ${problem}; write KillMode=control-group there, or start the app itself`;
}

function systemctl(env: Environment): string {
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
