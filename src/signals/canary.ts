/**
 * Finds out whether a signal was sent to the whole unit or only to the wrapper. With KillMode=control-group (the
 * default) systemd signals the app as well as the wrapper (systemd.kill(5)), as a terminal does; a forwarded signal
 * would be the app's second. A signal does not carry this information. The wrapper therefore starts a canary in the
 * same cgroup and process group: a shell that reports the signals it gets. A signal that reached it has reached the app
 * too.
 *
 * No time is guessed, because the wrapper asks when the sender has finished: systemd signals all processes in one
 * go, the main process first (unit_kill_context() in its unit.c), and then sleeps; the kernel signals a process group
 * in one go. The canary answers a line after it has reported all earlier signals.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { isInUnitOf } from '../base/cgroup.ts';
import { orElse } from '../base/or-else.ts';
import { procText, stateOf } from '../base/proc.ts';
import { now, pause } from '../base/real-clock.ts';
import { noteOwnEpipe } from '../output/sigpipe.ts';
import { CHECK_INTERVAL, managerIsBusy, PATIENCE } from './manager-idle.ts';
import { FORWARDED_SIGNALS, type ForwardedSignal } from './signals.ts';

/** A signal that reached the canary this much earlier than the wrapper is a different one, ms. */
const FRESH = 100;

/** The pause before the next canary if one ended before it was up: perhaps none can run here, ms. */
const REST = 1000;

/** How long to wait for a canary that gets no core, ms. */
const PATIENCE_STARVED = 5000;

/** The canary's line once all its traps are set. */
const UP = 'up';

/**
 * A signal ends a shell's read, in dash with the same status as the end of file, hence `s`. The end of file means that
 * the wrapper has died, and ends the loop. Echoing to a closed pipe raises SIGPIPE (13); its trap must not nest, or it
 * would echo without end. SIGPIPE is not ignored, because a SIGPIPE from another process would then be lost. The status
 * of echo is not checked: a second signal gives it the status of the first one's trap (dotrap() in dash's trap.c).
 */
const SCRIPT = `{ p() { echo "$1"; s=1; }
for n in ${FORWARDED_SIGNALS.map((signal) => constants.signals[signal])
  .filter((number) => number !== constants.signals.SIGPIPE)
  .join(' ')}; do trap "p $n" $n; done
trap '[ "$g" ] || { g=1; p 13; g=; }' 13
echo ${UP}
while s=; read -r x || [ "$s" ]; do echo "p$x"; done; }
`;

/**
 * `systemctl status` shows these arguments, so the script is not one of them and comes on stdin. It is one compound
 * command: a shell may read ahead (dash does), so it must have parsed the loop before the wrapper writes lines to it.
 * argv[0] stays sh, because BusyBox selects its applet by it.
 */
const ARGUMENTS = ['-s', ...'sd-ready-wrap: checks which signals reach the whole unit'.split(' ')];

const NAMES = new Map(FORWARDED_SIGNALS.map((signal) => [`${constants.signals[signal]}`, signal]));

export interface Canary {
  start(): void;
  /**
   * Whether this signal, which the wrapper has just received, reached the app as well.
   * @returns undefined without a canary
   */
  hears(signal: ForwardedSignal): Promise<boolean> | undefined;
  /** Kills the canary; resolves when it has exited. */
  end(): Promise<void>;
}

export interface CanaryOptions {
  readonly appPid: number;
  /** In a separate session, like the app: signals of a terminal do not reach it. */
  readonly detached: boolean;
}

export function createCanary({ appPid, detached }: CanaryOptions): Canary {
  let shell: ChildProcessByStdio<Writable, Readable, null> | undefined;
  let ended = false;
  let isUp = false;
  let asked = 0;
  /** Signals of the canary that are not matched yet, with their time. */
  let heard: { readonly signal: string; readonly at: number }[] = [];
  const hear = (signal: string) => heard.push({ signal, at: now() });
  const isHeard = (signal: string) => heard.some((each) => each.signal === signal);
  let onLine: (line: string) => void = () => {};

  function start(): void {
    if (shell || ended) return;
    const mine = spawnShell(detached);
    if (!mine) return;
    shell = mine;
    isUp = false;
    // not at its exit, when some of its lines may still be unread
    mine.once('close', (_, signal) => {
      shell = undefined;
      // it got a signal before its traps were set
      if (signal) hear(signal);
      onLine('gone');
      // at once: without a canary, a signal to the whole unit reaches the app twice
      if (isUp) start();
      else setTimeout(start, REST).unref();
    });
    mine.stdin.on('error', noteOwnEpipe);
    let rest = '';
    mine.stdout.setEncoding('latin1').on('data', (piece: string) => {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const signal = NAMES.get(line);
        isUp ||= line === UP;
        if (signal) hear(signal);
        onLine(line);
      }
    });
  }

  /** Resolves when the canary has reported all signals that it had got by this call, or has ended. */
  function answer(): Promise<void> {
    asked += 1;
    const awaited = `p${asked}`;
    const question = `${asked}\n`;
    return new Promise((resolve) => {
      onLine = (line) => {
        if (line === UP) shell?.stdin.write(question);
        else if (line === awaited || line === 'gone') resolve();
      };
      if (isUp) shell?.stdin.write(question);
    });
  }

  /** One at a time: see route.ts. */
  async function ask(signal: ForwardedSignal, came: number): Promise<boolean> {
    const take = () => {
      heard = heard.filter(({ at }) => at >= came - FRESH);
      const index = heard.findIndex((each) => each.signal === signal);
      return index >= 0 && heard.splice(index, 1).length > 0;
    };
    const left = () => came + PATIENCE - now();
    while (!isHeard(signal) && left() > 0 && managerIsBusy(now() - came)) await pause(CHECK_INTERVAL);
    const state = () => (shell?.pid === undefined ? undefined : stateOf(shell.pid));
    // a stopped process gets its signals when it continues
    if (state() === 'T') shell?.kill('SIGCONT');
    if (!isHeard(signal) && shell) await patiently(answer(), came, () => state() === 'R');
    return take() && isInOurUnit(appPid);
  }

  let last: Promise<unknown> = Promise.resolve();
  return {
    start,
    hears(signal) {
      // before its traps are set, it may have died of this signal
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
 * Waits longer for a canary that could answer, but waits for a core.
 * @param since when the signal came, ms of now()
 */
export async function patiently(answered: Promise<void>, since: number, isRunnable: () => boolean): Promise<void> {
  const answer = answered.then(() => true);
  while (!(await Promise.race([answer, pause(PATIENCE)])) && isRunnable() && now() - since < PATIENCE_STARVED);
}

/** Undefined if the unit's limits or its SystemCallFilter= forbid it; every signal is then forwarded. */
function spawnShell(detached: boolean): ChildProcessByStdio<Writable, Readable, null> | undefined {
  return orElse(() => {
    const shell = spawn('/bin/sh', ARGUMENTS, { stdio: ['pipe', 'pipe', 'ignore'], detached, env: {} });
    shell.on('error', () => {});
    if (shell.pid === undefined) return undefined;
    shell.stdin.write(SCRIPT);
    return shell;
  }, undefined);
}

/** systemd's signals to this unit do not reach a process that moved to another unit's cgroup. */
function isInOurUnit(pid: number): boolean {
  const [ours, its] = [procText('self', 'cgroup'), procText(pid, 'cgroup')];
  return ours === undefined || its === undefined || isInUnitOf(ours, its);
}
