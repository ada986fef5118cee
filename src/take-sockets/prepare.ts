/** Finds the sockets that systemd passed, and prepares the app's Node to take them. */
import { chmodSync, fstatSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasPermissionModel, nodeOptions } from '../base/command-kind.ts';
import { appEnvironment } from '../base/environment.ts';
import { KnownError, UsageError } from '../base/errors.ts';
import { EXIT } from '../base/exit-status.ts';
import { readHead } from '../base/files.ts';
import { orElse } from '../base/or-else.ts';
import { placePreload } from '../base/preload.ts';
import { procText } from '../base/proc.ts';
import { parseTcpRow, TCP_TABLES } from '../sockets/rows.ts';
import { tcpListeners } from '../sockets/tables.ts';
import { REPORT_FILE, type Taking } from './hand-over.ts';
import { parseReport, type Report } from './report.ts';

export interface PreparedTaking extends Taking {
  /** What the app's Node has reported so far. */
  report(): Report;
  close(): void;
}

/** A descriptor that systemd passed: its number here, and in the app. */
interface Passed {
  readonly from: number;
  readonly to: number;
}

/**
 * @param args the arguments after `node`
 * @param env the wrapper's environment
 * @throws {KnownError} if the app cannot take a socket
 */
export function prepareTaking(args: readonly string[], env: NodeJS.ProcessEnv, passed: readonly Passed[]) {
  refusePermissionModel(args, env);
  const fds = passed.filter(({ from }) => mayListen(from)).map(({ to }) => to);
  if (fds.length === 0) throw nothingPassed(env, passed);
  const preload = placePreload('take-sockets.cjs', env);
  if ('problem' in preload) throw new KnownError(`--take-sockets: ${preload.problem}`, EXIT.OWN_FAILURE);
  const file = join(preload.directory, REPORT_FILE);
  writeFileSync(file, '', { mode: 0o600 });
  // the unit may have UMask=0777
  chmodSync(file, 0o600);
  const report = () => parseReport(orElse(() => readFileSync(file, 'utf8'), ''));
  return { preload: preload.path, fds, report, close: preload.close };
}

function refusePermissionModel(args: readonly string[], env: NodeJS.ProcessEnv): void {
  const options = [appEnvironment(env)['NODE_OPTIONS'] ?? '', ...envFileOptions(args)].join(' ');
  if (!hasPermissionModel(args, options)) return;
  throw new UsageError(
    '--take-sockets',
    "Node's permission model keeps the app from loading the preload of sd-ready-wrap",
    'remove --permission, or let the app listen on the descriptor itself: server.listen({ fd: 3 })',
  );
}

/** NODE_OPTIONS in the files of --env-file. */
function envFileOptions(args: readonly string[]): readonly string[] {
  const options = nodeOptions(args);
  return options.flatMap((word, at) => {
    const [, inWord] = /^--env-file(?:-if-exists)?(?:=(.*))?$/.exec(word) ?? [];
    const path = inWord ?? (word.startsWith('--env-file') ? options[at + 1] : undefined);
    const [, value = ''] = /^\s*(?:export\s+)?NODE_OPTIONS\s*=(.*)$/m.exec(readHead(path ?? '') ?? '') ?? [];
    return value.replace(/["'`]/g, ' ');
  });
}

function nothingPassed(env: NodeJS.ProcessEnv, passed: readonly Passed[]): UsageError {
  const other = env['LISTEN_PID'];
  if (passed.length === 0 && env['LISTEN_FDS'] !== undefined && other !== undefined && other !== `${process.pid}`) {
    return new UsageError(
      '--take-sockets',
      `systemd passed its sockets to another process (LISTEN_PID=${other})`,
      'start sd-ready-wrap directly by ExecStart=, without a shell',
    );
  }
  return new UsageError(
    '--take-sockets',
    'systemd passed no listening TCP socket',
    'write ListenStream=3000 in shop.socket, and Sockets=shop.socket under [Service]',
  );
}

/**
 * Whether it is a listening TCP socket. A socket in no table counts too: it may belong to systemd's network namespace,
 * whose tables are hidden (PrivateNetwork= in systemd.exec(5)). The preload then finds out.
 */
function mayListen(fd: number): boolean {
  const stat = orElse(() => fstatSync(fd), undefined);
  if (!stat?.isSocket()) return false;
  for (const table of TCP_TABLES) {
    for (const { inode } of orElse(() => [...tcpListeners(table)], [])) if (inode === stat.ino) return true;
  }
  for (const pid of ['self', process.ppid] as const) {
    for (const table of ['unix', 'udp', 'udp6', ...TCP_TABLES]) {
      // the inode is the seventh column for Unix sockets, and the tenth for others (proc(5))
      const column = table === 'unix' ? 6 : 9;
      const rows = procText(pid, `net/${table}`)?.split('\n') ?? [];
      const row = rows.find((each) => each.trim().split(/\s+/)[column] === `${stat.ino}`);
      if (row !== undefined) return table.startsWith('tcp') && parseTcpRow(row) !== undefined;
    }
  }
  return true;
}
