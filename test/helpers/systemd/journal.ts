/** A journald for a private systemd, which has none: in its namespaces, on its /run. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { childrenOf } from '../pids.ts';
import { until } from '../until.ts';
import type { TestSystemd } from './private-systemd.js';

/** Reads nothing from the host, and keeps nothing. */
const CONFIG = '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nForwardToSyslog=no\nForwardToWall=no\n';

export interface Journal extends AsyncDisposable {
  /** The entries that journalctl(1) finds with these arguments, as root. */
  entries(...words: string[]): Promise<readonly Readonly<Record<string, string>>[]>;
}

/** @returns undefined in a session, whose journal is not ours, and if another release's tree has none */
export async function startJournal(systemd: TestSystemd): Promise<Journal | undefined> {
  const { root, init } = systemd;
  const program = ['/lib/systemd/systemd-journald', '/usr/lib/systemd/systemd-journald'].find((file) =>
    existsSync(root + file),
  );
  if (init === undefined || program === undefined || !existsSync(`${root}/etc/machine-id`)) return undefined;
  mkdirSync(`${root}/run/systemd/journald.conf.d`, { recursive: true });
  mkdirSync(`${root}/run/systemd/journal`, { recursive: true });
  writeFileSync(`${root}/run/systemd/journald.conf.d/test.conf`, CONFIG);
  const inside = ['--target', String(init), '--mount', '--pid', '--ipc', '--uts', '--cgroup', '--'];
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' };
  const journald = spawn('nsenter', [...inside, program], { env, stdio: 'ignore' });
  await until('journald to listen', () => existsSync(`${root}/run/systemd/journal/stdout`));
  return {
    async entries(...words) {
      const args = [...inside, 'journalctl', '--output', 'json', '--no-pager', '--quiet', ...words];
      // it exits with 1 if no entry matches
      const { stdout } = await promisify(execFile)('nsenter', args, { env, maxBuffer: 1e8 }).catch((error) => error);
      const lines = String(stdout).split('\n').filter(Boolean);
      return lines.map((line) => JSON.parse(line) as Readonly<Record<string, string>>);
    },
    async [Symbol.asyncDispose]() {
      // nsenter(1) waits for it, and passes no signal on
      const ended = new Promise((resolve) => journald.once('exit', resolve));
      const pid = await until('the pid of journald', () => childrenOf(journald.pid as number)[0]);
      process.kill(pid);
      await ended;
    },
  };
}
