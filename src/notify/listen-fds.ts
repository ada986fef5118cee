/** Descriptors that systemd passes, by number and name (sd_listen_fds_with_names(3)). */

/** SD_LISTEN_FDS_START: the first number after the standard streams. */
export const FIRST_FREE_FD = 3;

/** The lowest number above the standard streams that is not taken. */
export function firstFree(taken: readonly number[]): number {
  let fd = FIRST_FREE_FD;
  while (taken.includes(fd)) fd += 1;
  return fd;
}

/** The default limit of open descriptors (fs.nr_open in proc(5)). */
const OPEN_MAX = 1024 * 1024;

/** The name of the connected notify socket: `OpenFile=/run/systemd/notify:notify`. */
const NOTIFY_NAME = 'notify';

export interface NamedDescriptor {
  readonly fd: number;
  readonly name: string;
}

/** The descriptors passed to this process; empty if LISTEN_PID= names another process. */
export function listenFds(env: NodeJS.ProcessEnv, pid: number): readonly NamedDescriptor[] {
  const written = env['LISTEN_FDS'] ?? '';
  const count = /^\d+$/.test(written) ? Number(written) : 0;
  if (env['LISTEN_PID'] !== String(pid) || count > OPEN_MAX) return [];
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':');
  return Array.from({ length: count }, (_, index) => ({ fd: FIRST_FREE_FD + index, name: names[index] ?? 'unknown' }));
}

/** The descriptor that has the name of a notify socket. */
export function namedNotify(passed: readonly NamedDescriptor[]): number | undefined {
  return passed.find(({ name }) => name === NOTIFY_NAME)?.fd;
}

/** The variables for a process that gets `passed` from 3 on. The process itself has to set LISTEN_PID=. */
export function listenEnvironment(env: NodeJS.ProcessEnv, passed: readonly NamedDescriptor[]): NodeJS.ProcessEnv {
  const { LISTEN_FDS: _, LISTEN_FDNAMES: names, LISTEN_PID: pid, ...others } = env;
  if (passed.length === 0) return others;
  const renamed = names === undefined ? {} : { LISTEN_FDNAMES: passed.map(({ name }) => name).join(':') };
  return { ...others, LISTEN_FDS: String(passed.length), LISTEN_PID: pid, ...renamed };
}
