/** Ready when a command exits with status 0. */
import { spawn } from 'node:child_process';
import { RAISE_LIMIT } from '../base/exit-status.ts';
import { orElse } from '../base/or-else.ts';
import { noteOwnEpipe } from '../output/sigpipe.ts';
import type { ProbeContext } from './context.ts';
import { polled } from './polled.ts';
import type { ReadinessProbe } from './probe.ts';
import type { ProbeSpec } from './spec.ts';

/** How much of the command's last line on stderr is quoted, characters. */
const COMPLAINT_MAX = 200;

/** How much of its stderr is kept, bytes. */
const TAIL_MAX = 4096;

/**
 * Runs the command once for each line that it reads, and writes its exit status. A small shell starts processes faster
 * than Node, which needs a millisecond for each, and there are fifty attempts a second.
 */
const RUNNER = 'while read -r line; do /bin/sh -c "$1" </dev/null >/dev/null; echo $?; done';

/**
 * `--exec`: `sh -c COMMAND`. After the attempt timeout the command's whole process group is killed. At the end of the
 * wait so are processes that a command left in the background.
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
  /** Runs the command and reports its outcome; not after {@link kill}. */
  run(report: (outcome: Outcome) => void): void;
  /** Kills the shell and all that the command started. */
  kill(): void;
}

/** If sh is bash, a function that another bash exported would replace a command (bash(1), "export -f"). */
function withoutFunctions(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('BASH_FUNC_')));
}

function startRunner(command: string, env: Readonly<Record<string, string>>): Runner {
  let report: (outcome: Outcome) => void = () => {};
  const once = (outcome: Outcome) => {
    const listener = report;
    report = () => {};
    listener(outcome);
  };
  // detached: a process group that can be killed as a whole
  const shell = spawn('/bin/sh', ['-c', RUNNER, 'sh', command], { detached: true, env: withoutFunctions(env) });
  let tail: Buffer = Buffer.alloc(0);
  // undefined if no descriptors were left for the pipes
  shell.stderr?.on('data', (piece: Buffer) => {
    tail = Buffer.concat([tail, piece]).subarray(-TAIL_MAX);
  });
  shell.stdout?.on('data', (text: Buffer) => {
    const status = Number(text);
    if (status === 0) once(0);
    // stderr from before its end is read in the next turns
    else afterTurns(QUIET_TURNS, () => once({ status, complaint: lastLine(tail) }));
  });
  shell.once('error', ({ code, message }: NodeJS.ErrnoException) =>
    once({ error: code === 'EMFILE' ? `no free file descriptors (EMFILE); ${RAISE_LIMIT}` : (code ?? message) }),
  );
  shell.once('exit', (_, signal) => {
    if (signal !== null) return once({ error: 'its shell was killed' });
    // stderr has the reason: it could not start a process
    afterTurns(QUIET_TURNS, () => once({ error: lastLine(tail) || 'its shell ended' }));
  });
  const streams = [shell.stdin, shell.stdout, shell.stderr].filter(Boolean);
  for (const stream of streams) stream.on('error', noteOwnEpipe);
  return {
    run(listener) {
      tail = Buffer.alloc(0);
      report = listener;
      shell.stdin?.write('\n');
    },
    kill() {
      report = () => {};
      for (const stream of streams) stream.destroy();
      const { pid } = shell;
      // ESRCH: no process is left
      if (pid !== undefined) orElse(() => process.kill(-pid, 'SIGKILL'), false);
    },
  };
}

/** Turns of the event loop after which all data in a pipe has been read: each polls it once. */
const QUIET_TURNS = 3;

function afterTurns(turns: number, callback: () => void): void {
  setImmediate(turns > 1 ? () => afterTurns(turns - 1, callback) : callback);
}

function lastLine(tail: Buffer): string {
  return (tail.toString().trimEnd().split('\n').at(-1) as string).trim().slice(0, COMPLAINT_MAX);
}

/** A signal appears as the shell's status: 137 for SIGKILL. */
function describe(outcome: Exclude<Outcome, 0>): string {
  if ('error' in outcome) return outcome.error;
  return `exit status ${outcome.status}${outcome.complaint === '' ? '' : `: ${outcome.complaint}`}`;
}
