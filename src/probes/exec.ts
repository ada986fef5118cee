/** Ready when a command says so by its exit status. */
import { spawn } from 'node:child_process';
import { RAISE_LIMIT } from '../base/exit-status.ts';
import { orElse } from '../base/or-else.ts';
import { noteOwnEpipe } from '../output/sigpipe.ts';
import type { ProbeContext } from './context.ts';
import { polled } from './polled.ts';
import type { ReadinessProbe } from './probe.ts';
import type { ProbeSpec } from './spec.ts';

/** Of the last line that a command wrote to stderr so much is told, characters. */
const COMPLAINT_MAX = 200;

/** Of what it wrote so much is kept, bytes. */
const TAIL_MAX = 4096;

/**
 * Runs the command once for each line that it reads, and writes its exit status. It is small, where we are not: to
 * start a process from Node takes a millisecond of ours, and there are fifty attempts a second.
 */
const RUNNER = 'while read -r line; do /bin/sh -c "$1" </dev/null >/dev/null; echo $?; done';

/**
 * `--exec`: `sh -c COMMAND`. One that takes longer than an attempt may is killed, with all of its process group, and so
 * is at the end of the wait what a command left in the background.
 */
export function execProbe({ command }: Extract<ProbeSpec, { kind: 'exec' }>, context: ProbeContext): ReadinessProbe {
  return polled(`exec ${command}`, context, () => {
    let runner: Runner | undefined;
    const end = () => {
      runner?.kill();
      runner = undefined;
    };
    return {
      attempt(done) {
        runner ??= startRunner(command, context.env);
        runner.run((outcome) => {
          if (outcome !== 0 && 'error' in outcome) end();
          done(outcome === 0 ? undefined : describe(outcome));
        });
        return end;
      },
      end,
    };
  });
}

/** 0, or why the command did not succeed. */
type Outcome = 0 | { readonly status: number; readonly complaint: string } | { readonly error: string };

interface Runner {
  /** Runs the command and tells what came of it; not after {@link kill}. */
  run(tell: (outcome: Outcome) => void): void;
  /** Kills it and whatever the command started. */
  kill(): void;
}

/** A function that a bash has exported would take the place of a command, where sh is bash (bash(1), "export -f"). */
function withoutFunctions(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('BASH_FUNC_')));
}

function startRunner(command: string, env: Readonly<Record<string, string>>): Runner {
  let tell: (outcome: Outcome) => void = () => {};
  const once = (outcome: Outcome) => {
    const listener = tell;
    tell = () => {};
    listener(outcome);
  };
  // detached: a process group of its own, which can be killed as one
  const shell = spawn('/bin/sh', ['-c', RUNNER, 'sh', command], { detached: true, env: withoutFunctions(env) });
  let tail: Buffer = Buffer.alloc(0);
  // without descriptors for them it has no streams
  shell.stderr?.on('data', (piece: Buffer) => {
    tail = Buffer.concat([tail, piece]).subarray(-TAIL_MAX);
  });
  shell.stdout?.on('data', (text: Buffer) => {
    const status = Number(text);
    if (status === 0) once(0);
    // what it wrote before it ended is read in the next turns
    else afterTurns(QUIET_TURNS, () => once({ status, complaint: lastLine(tail) }));
  });
  shell.once('error', ({ code, message }: NodeJS.ErrnoException) =>
    once({ error: code === 'EMFILE' ? `no free file descriptors (EMFILE); ${RAISE_LIMIT}` : (code ?? message) }),
  );
  shell.once('exit', (_, signal) => {
    if (signal !== null) return once({ error: 'its shell was killed' });
    // it has said why: it could start no process
    afterTurns(QUIET_TURNS, () => once({ error: lastLine(tail) || 'its shell ended' }));
  });
  const streams = [shell.stdin, shell.stdout, shell.stderr].filter(Boolean);
  for (const stream of streams) stream.on('error', noteOwnEpipe);
  return {
    run(listener) {
      tail = Buffer.alloc(0);
      tell = listener;
      shell.stdin?.write('\n');
    },
    kill() {
      tell = () => {};
      for (const stream of streams) stream.destroy();
      const { pid } = shell;
      // ESRCH: nobody is left
      if (pid !== undefined) orElse(() => process.kill(-pid, 'SIGKILL'), false);
    },
  };
}

/** Turns of the event loop after which a pipe that holds something has been read: each polls it once. */
const QUIET_TURNS = 3;

function afterTurns(turns: number, callback: () => void): void {
  setImmediate(turns > 1 ? () => afterTurns(turns - 1, callback) : callback);
}

function lastLine(tail: Buffer): string {
  return (tail.toString().trimEnd().split('\n').at(-1) as string).trim().slice(0, COMPLAINT_MAX);
}

/** A signal is told as the shell tells it: 137 for SIGKILL. */
function describe(outcome: Exclude<Outcome, 0>): string {
  if ('error' in outcome) return outcome.error;
  return `exit status ${outcome.status}${outcome.complaint === '' ? '' : `: ${outcome.complaint}`}`;
}
