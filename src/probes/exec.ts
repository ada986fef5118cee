/** Ready when a command says so by its exit status. */
import { spawn } from 'node:child_process';
import { pollUntil } from '../core/poll.ts';
import type { ReadinessProbe } from '../core/probe.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import type { ProbeContext } from './context.ts';

/** What is kept of a command's last line on stderr, characters. */
const LAST_WORDS_MAX = 200;

/** To start a command may take us one part in so many of the time: the next waits so many times as long. */
const SHARE = 20;

/**
 * `--exec`: `sh -c COMMAND`, in a process group of its own, which is killed when the attempt's time is over. Only its
 * exit counts: what it leaves in the background is its own affair.
 */
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
      let restUntil = Number.NEGATIVE_INFINITY;
      await pollUntil(
        (done) => {
          const began = clock.now();
          if (began < restUntil) {
            done(reason);
            return () => {};
          }
          const child = spawn('sh', ['-c', command], { detached: true, env, stdio: ['ignore', 'ignore', 'pipe'] });
          restUntil = began + (clock.now() - began) * SHARE;
          const lastWords = keepLastLine();
          child.stderr.on('data', lastWords.add).on('error', () => {});
          child.once('error', (error) => done(error.message));
          child.once('exit', (code, killedBy) => {
            // what it left in the background may hold the other end
            child.stderr.destroy();
            if (code === 0) done();
            else done([killedBy ? `killed by ${killedBy}` : `exit status ${code}`, lastWords.text()].join(''));
          });
          return () => {
            child.removeAllListeners('exit');
            child.stderr.destroy();
            killGroup(child.pid);
          };
        },
        timing,
        clock,
        signal,
        (latest) => {
          reason = latest;
        },
      );
      return name;
    },
  };
}

function keepLastLine() {
  let kept = '';
  return {
    add: (piece: Buffer) => {
      const lines = (kept + piece.toString('latin1').slice(-4 * LAST_WORDS_MAX)).trimEnd().split('\n');
      kept = `${(lines.at(-1) as string).slice(-LAST_WORDS_MAX)}${piece.at(-1) === 10 ? '\n' : ''}`;
    },
    text: () => (kept.trim() === '' ? '' : `: ${Buffer.from(kept.trim(), 'latin1').toString()}`),
  };
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // all of it has ended
  }
}
