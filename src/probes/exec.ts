/** Ready when a command says so by its exit status. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Disposer } from '../core/clock.ts';
import { pollUntil } from '../core/poll.ts';
import type { ReadinessProbe } from '../core/probe.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import type { ProbeContext } from './context.ts';

/** What is kept of a command's last line on stderr, bytes. */
const LAST_WORDS_MAX = 200;

/**
 * Runs the command once for each line that it reads, and writes its exit status. It is small, where we are not: to start
 * a process from Node takes a millisecond of ours, and there are fifty attempts a second.
 */
const RUNNER = 'while read -r line; do sh -c "$1" </dev/null >/dev/null; echo $?; done';

/** `--exec`: `sh -c COMMAND` in a process group that is killed, all of it, when the attempt's time is over. */
export function execProbe(
  { command }: Extract<ProbeSpec, { kind: 'exec' }>,
  { clock, timing, env }: ProbeContext,
): ReadinessProbe {
  const name = `exec ${command}`;
  let reason = '';
  return {
    name,
    get reason() {
      return reason;
    },
    async wait(signal) {
      let runner: Runner | undefined;
      const end = () => runner?.end();
      signal.addEventListener('abort', end, { once: true });
      await pollUntil(
        (done) => {
          runner ??= startRunner(command, env);
          const stop = runner.run((status, lastWords) => {
            if (status === 0) done();
            else done(`exit status ${status}${lastWords === '' ? '' : `: ${lastWords}`}`);
          });
          return () => {
            stop();
            runner?.kill();
            runner = undefined;
          };
        },
        timing,
        clock,
        signal,
        (latest) => {
          reason = latest;
        },
      );
      signal.removeEventListener('abort', end);
      end();
      return name;
    },
  };
}

interface Runner {
  /** Tells the command's exit status and the last line that it wrote to stderr; not after the disposer was called. */
  run(tell: (status: number, lastWords: string) => void): Disposer;
  /** Lets it go, once it has nothing to do. What a command left in the background is its own affair. */
  end(): void;
  /** Kills it and whatever the command started. */
  kill(): void;
}

function startRunner(command: string, env: Readonly<Record<string, string>>): Runner {
  const shell: ChildProcessWithoutNullStreams = spawn('sh', ['-c', RUNNER, 'sh', command], { detached: true, env });
  let tell: (status: number) => void = () => {};
  let lastWords = '';
  shell.stdout.on('data', (text: Buffer) => tell(Number(text)));
  shell.stderr.on('data', (text: Buffer) => {
    lastWords = lastLine(lastWords + text.toString('latin1'));
  });
  // no shell to be had, or it was killed: the attempt ends with its timeout
  for (const each of [shell, shell.stdin, shell.stdout, shell.stderr]) each.on('error', () => {});
  return {
    run(listener) {
      lastWords = '';
      tell = (status) => {
        tell = () => {};
        // what it wrote before it ended has arrived by then, or is about to
        setImmediate(() => listener(status, Buffer.from(lastWords.trim(), 'latin1').toString()));
      };
      shell.stdin.write('\n');
      return () => {
        tell = () => {};
      };
    },
    end() {
      shell.stdin.end();
      for (const each of [shell, shell.stdout, shell.stderr]) (each as { unref?: () => void }).unref?.();
    },
    kill() {
      for (const stream of [shell.stdin, shell.stdout, shell.stderr]) stream.destroy();
      try {
        process.kill(-(shell.pid as number), 'SIGKILL');
      } catch {
        // all of it has ended
      }
    },
  };
}

/** The last line that is not empty, and an end of it. */
function lastLine(text: string): string {
  return (text.trimEnd().split('\n').at(-1) as string).slice(-LAST_WORDS_MAX) + (text.endsWith('\n') ? '\n' : '');
}
