/** The descriptors that systemd passes on, by number and name (sd_listen_fds_with_names(3)). */

/** SD_LISTEN_FDS_START: the first that is no standard stream. */
export const FIRST_FREE_FD = 3;

/** The lowest number above the standard streams that is not among these. */
export function firstFree(taken: readonly number[]): number {
  let fd = FIRST_FREE_FD;
  while (taken.includes(fd)) fd += 1;
  return fd;
}

/** The most that a process can have open (fs.nr_open in proc(5), by default). */
const OPEN_MAX = 1024 * 1024;

/** The name of the connected notify socket: `OpenFile=/run/systemd/notify:notify`. */
const NOTIFY_NAME = 'notify';

export interface NamedDescriptor {
  readonly fd: number;
  readonly name: string;
}

/** Those that were passed to this process; none where LISTEN_PID= names another. */
export function listenFds(env: NodeJS.ProcessEnv, pid: number): readonly NamedDescriptor[] {
  const written = env['LISTEN_FDS'] ?? '';
  const count = /^\d+$/.test(written) ? Number(written) : 0;
  if (env['LISTEN_PID'] !== String(pid) || count > OPEN_MAX) return [];
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':');
  return Array.from({ length: count }, (_, index) => ({ fd: FIRST_FREE_FD + index, name: names[index] ?? 'unknown' }));
}

/** The one that may be a notify socket, by its name. */
export function namedNotify(passed: readonly NamedDescriptor[]): number | undefined {
  return passed.find(({ name }) => name === NOTIFY_NAME)?.fd;
}

/** The variables for whoever gets these, in this order, from 3 on. LISTEN_PID is up to the new process itself. */
export function listenEnvironment(env: NodeJS.ProcessEnv, passed: readonly NamedDescriptor[]): NodeJS.ProcessEnv {
  const { LISTEN_FDS: _, LISTEN_FDNAMES: names, LISTEN_PID: pid, ...others } = env;
  if (passed.length === 0) return others;
  const renamed = names === undefined ? {} : { LISTEN_FDNAMES: passed.map(({ name }) => name).join(':') };
  return { ...others, LISTEN_FDS: String(passed.length), LISTEN_PID: pid, ...renamed };
}
