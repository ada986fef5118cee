/**
 * Which processes are the app: the one that was started, its descendants, and those of the unit's cgroup that it left
 * behind (a daemon's double fork). The cgroup may hold others: what an earlier run left there (KillMode=process,
 * systemd.kill(5)), and commands of our own.
 */
import { entriesOf, readText } from '../base/files.ts';
import { parentOf, procText, procWords } from '../base/proc.ts';

/** The cgroup of the unit this process runs in, as the path of a directory; undefined outside of a .service. */
export function unitCgroup(): string | undefined {
  for (const line of (procText('self', 'cgroup') ?? '').split('\n')) {
    // version 2 is `0::/path`, and where it has no controllers (hybrid) systemd's own tree of version 1 is as good
    const match = /^(?:0::|\d+:name=systemd:)(\/.*\.service)(?:\/|$)/.exec(line);
    if (!match) continue;
    const roots = line.startsWith('0:') ? ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'] : ['/sys/fs/cgroup/systemd'];
    const found = roots.map((root) => root + match[1]).find((dir) => readText(`${dir}/cgroup.procs`));
    if (found) return found;
  }
  return undefined;
}

/** The pids of a cgroup and of those below it. */
export function cgroupMembers(dir: string): readonly number[] {
  const own = (readText(`${dir}/cgroup.procs`) ?? '').split('\n').filter(Boolean).map(Number);
  const below = entriesOf(dir).flatMap((entry) => (entry.isDirectory() ? cgroupMembers(`${dir}/${entry.name}`) : []));
  return [...own, ...below];
}

/**
 * The app's processes at this moment, as they are found: the one that was started first, as it mostly is the one that
 * is sought.
 * @param root the process that was started
 * @param cgroup the unit's, if there is one
 * @param bystanders who was in the cgroup before the start: they and their descendants are not the app
 */
export function* appPids(root: number, cgroup: string | undefined, bystanders: ReadonlySet<number>): Generator<number> {
  const found = new Set([root]);
  yield* descendants(found);
  if (cgroup === undefined) return;
  const members = new Set(cgroupMembers(cgroup));
  for (const pid of members) {
    if (!found.has(pid) && !bystanders.has(pid) && isOrphanOfApp(pid, members, bystanders)) yield pid;
  }
}

/** Adds to the set. */
function* descendants(found: Set<number>): Generator<number> {
  // a set may grow while it is walked
  for (const pid of found) {
    yield pid;
    for (const thread of entriesOf(`/proc/${pid}/task`)) {
      const children = procText(pid, `task/${thread.name}/children`) ?? '';
      for (const child of children.split(' ').filter(Boolean)) found.add(Number(child));
    }
  }
}

/** A process of the cgroup that is nobody's child in there, and not of another run of the unit. */
function isOrphanOfApp(pid: number, members: ReadonlySet<number>, bystanders: ReadonlySet<number>): boolean {
  for (let each = pid; members.has(each); each = parentOf(each) ?? 0) {
    if (each === process.pid || bystanders.has(each)) return false;
  }
  // each run of a unit has an id of its own (systemd.exec(5)); what an earlier run left may start processes too
  const id = procWords(pid, 'environ').find((word) => word.startsWith('INVOCATION_ID='));
  return id === undefined || id === `INVOCATION_ID=${process.env['INVOCATION_ID']}`;
}
