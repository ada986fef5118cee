/**
 * Tells whether a signal was sent to everybody or to us alone. With KillMode=control-group, its default, systemd
 * signals the app as well as us (systemd.kill(5)), as a terminal does, and what we forward would then be a second one.
 * The signal itself does not say. So beside us, in the same cgroup and process group, sits a canary: a shell that says
 * which signals it got. What reached it has reached the app.
 *
 * It is asked once the sender is done, so no time is guessed: systemd signals all it wants to in one go, us first
 * (unit_kill_context() in its unit.c), and then sleeps; the kernel signals a process group in one go. The canary
 * answers our line behind all signals that it got before.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { orElse } from '../base/or-else.ts';
import { procText, statFields } from '../base/proc.ts';
import { now, pause } from '../base/real-clock.ts';
import { noteOwnEpipe } from '../output/sigpipe.ts';
import { isInUnitOf } from '../unit/settings.ts';
import { LOOK_INTERVAL, managerIsBusy, PATIENCE } from './manager-idle.ts';
import { FORWARDED_SIGNALS, type ForwardedSignal } from './signals.ts';

/** A signal that reached the canary so long before us is another one, ms. */
const FRESH = 100;

/** From a canary that ended before it stood to the next: perhaps none can live here, ms. */
const REST = 1000;

/** What it says when all of its traps stand. */
const STANDS = 'up';

/**
 * A signal ends the read of a shell, in some with the same status as the end of file (dash), hence `s`. At the end of
 * file, which is our death, it ends too. The echo to nobody raises a SIGPIPE, which is a signal as well: 13, whose trap
 * does not nest, or it would echo for ever. It is never ignored, as one that somebody sent would be lost then. Whether
 * an echo failed is not asked: the status of what a second signal interrupts is that of what the first one did (dash's
 * dotrap(), in its trap.c).
 */
const SCRIPT = `{ p() { echo "$1"; s=1; }
for n in ${FORWARDED_SIGNALS.map((signal) => constants.signals[signal])
  .filter((number) => number !== constants.signals.SIGPIPE)
  .join(' ')}; do trap "p $n" $n; done
trap '[ "$g" ] || { g=1; p 13; g=; }' 13
echo ${STANDS}
while s=; read -r x || [ "$s" ]; do echo "p$x"; done; }
`;

/**
 * What `systemctl status` shows. The script comes on stdin, because as an argument it would be shown too. It is one
 * compound command: a shell may read ahead (dash does), so it must have parsed the loop before we write a line for it.
 * argv[0] stays sh, because BusyBox selects its applet by it.
 */
const ARGUMENTS = ['-s', ...'sd-ready-wrap: checks which signals reach the whole unit'.split(' ')];

const NAMES = new Map(FORWARDED_SIGNALS.map((signal) => [`${constants.signals[signal]}`, signal]));

export interface Canary {
  start(): void;
  /**
   * Whether this signal, which came for us just now, went to the app as well.
   * @returns undefined where there is no canary
   */
  hears(signal: ForwardedSignal): Promise<boolean> | undefined;
  /** Resolves when it is gone. */
  end(): Promise<void>;
}

export interface CanaryOptions {
  readonly appPid: number;
  /** In a session of its own, as the app is then: what a terminal sends does not reach it. */
  readonly detached: boolean;
}

export function createCanary({ appPid, detached }: CanaryOptions): Canary {
  let shell: ChildProcessByStdio<Writable, Readable, null> | undefined;
  let ended = false;
  let stands = false;
  let asked = 0;
  /** What reached the canary and was not asked about yet, with the time. */
  let heard: { readonly signal: string; readonly at: number }[] = [];
  const hear = (signal: string) => heard.push({ signal, at: now() });
  const isHeard = (signal: string) => heard.some((each) => each.signal === signal);
  let onLine: (line: string) => void = () => {};

  function start(): void {
    if (shell || ended) return;
    const mine = spawnShell(detached);
    if (!mine) return;
    shell = mine;
    stands = false;
    // and not at its exit, as what it has said may still be unread then
    mine.once('close', (_, signal) => {
      shell = undefined;
      // before its traps stood
      if (signal) hear(signal);
      onLine('gone');
      // at once: as long as there is none, a signal for the whole unit reaches the app a second time
      if (stands) start();
      else setTimeout(start, REST).unref();
    });
    mine.stdin.on('error', noteOwnEpipe);
    let rest = '';
    mine.stdout.setEncoding('latin1').on('data', (piece: string) => {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const signal = NAMES.get(line);
        stands ||= line === STANDS;
        if (signal) hear(signal);
        onLine(line);
      }
    });
  }

  /** Resolves when it has told all that had reached it when this was called, or is gone. */
  function answer(): Promise<void> {
    asked += 1;
    const awaited = `p${asked}`;
    const question = `${asked}\n`;
    return new Promise((resolve) => {
      onLine = (line) => {
        if (line === STANDS) shell?.stdin.write(question);
        else if (line === awaited || line === 'gone') resolve();
      };
      if (stands) shell?.stdin.write(question);
    });
  }

  /** One at a time: see signal-route.ts. */
  async function ask(signal: ForwardedSignal, came: number): Promise<boolean> {
    const take = () => {
      heard = heard.filter(({ at }) => at >= came - FRESH);
      const index = heard.findIndex((each) => each.signal === signal);
      return index >= 0 && heard.splice(index, 1).length > 0;
    };
    const left = () => came + PATIENCE - now();
    while (!isHeard(signal) && left() > 0 && managerIsBusy(now() - came)) await pause(LOOK_INTERVAL);
    // what reaches a stopped process waits for it to go on
    if (shell?.pid !== undefined && statFields(shell.pid)?.[0] === 'T') shell.kill('SIGCONT');
    if (!isHeard(signal) && shell) await Promise.race([answer(), pause(PATIENCE)]);
    return take() && isInOurUnit(appPid);
  }

  let last: Promise<unknown> = Promise.resolve();
  return {
    start,
    hears(signal) {
      // it may have died of it: as long as its traps do not stand
      if (!shell && !isHeard(signal)) return undefined;
      const came = now();
      const mine = last.then(() => ask(signal, came));
      last = mine;
      return mine;
    },
    async end() {
      ended = true;
      const mine = shell;
      if (!mine) return;
      const gone = new Promise((resolve) => mine.once('exit', resolve));
      mine.kill('SIGKILL');
      await Promise.race([gone, pause(PATIENCE)]);
    },
  };
}

/**
 * Undefined where none can be had, by the limits of the unit or its SystemCallFilter=: then what comes is forwarded.
 */
function spawnShell(detached: boolean): ChildProcessByStdio<Writable, Readable, null> | undefined {
  return orElse(() => {
    const shell = spawn('/bin/sh', ARGUMENTS, { stdio: ['pipe', 'pipe', 'ignore'], detached, env: {} });
    shell.on('error', () => {});
    if (shell.pid === undefined) return undefined;
    shell.stdin.write(SCRIPT);
    return shell;
  }, undefined);
}

/** One that went to another unit's cgroup gets nothing of what systemd sends to this one. */
function isInOurUnit(pid: number): boolean {
  const [ours, its] = [procText('self', 'cgroup'), procText(pid, 'cgroup')];
  return ours === undefined || its === undefined || isInUnitOf(ours, its);
}
