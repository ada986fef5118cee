/**
 * Which processes are the app: the started process, its descendants, and orphans of them in the unit's cgroup (a
 * daemon's double fork). The cgroup may hold other processes too: those left from an earlier run (KillMode=process,
 * systemd.kill(5)), and our own commands.
 */
import { entriesOf, readText } from '../base/files.ts';
import { parentOf, procText, procWords } from '../base/proc.ts';

/** The directory of our unit's cgroup; undefined outside of a .service. */
export function unitCgroup(): string | undefined {
  for (const line of (procText('self', 'cgroup') ?? '').split('\n')) {
    // cgroup v2 is `0::/path`; systemd's own v1 tree is the fallback
    const match = /^(?:0::|\d+:name=systemd:)(\/.*\.service)(?:\/|$)/.exec(line);
    if (!match) continue;
    const roots = line.startsWith('0:') ? ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'] : ['/sys/fs/cgroup/systemd'];
    const found = roots.map((root) => root + match[1]).find((dir) => readText(`${dir}/cgroup.procs`));
    if (found) return found;
  }
  return undefined;
}

/** The pids in a cgroup and all cgroups below it. */
export function cgroupMembers(dir: string): readonly number[] {
  const own = (readText(`${dir}/cgroup.procs`) ?? '').split('\n').filter(Boolean).map(Number);
  const below = entriesOf(dir).flatMap((entry) => (entry.isDirectory() ? cgroupMembers(`${dir}/${entry.name}`) : []));
  return [...own, ...below];
}

/**
 * The app's current processes. The started one comes first, because callers mostly look for that.
 * @param root the started process
 * @param cgroup the unit's cgroup, if there is one
 * @param bystanders the cgroup's processes from before the start: they and their descendants are not the app
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

/** Adds the descendants to the set. */
function* descendants(found: Set<number>): Generator<number> {
  // iterating a set includes members that are added meanwhile
  for (const pid of found) {
    yield pid;
    for (const thread of entriesOf(`/proc/${pid}/task`)) {
      const children = procText(pid, `task/${thread.name}/children`) ?? '';
      for (const child of children.split(' ').filter(Boolean)) found.add(Number(child));
    }
  }
}

/** Whether a process of the cgroup is the app's: not ours, not a bystander's, not from another run of the unit. */
function isOrphanOfApp(pid: number, members: ReadonlySet<number>, bystanders: ReadonlySet<number>): boolean {
  for (let each = pid; members.has(each); each = parentOf(each) ?? 0) {
    if (each === process.pid || bystanders.has(each)) return false;
  }
  // each run of a unit has its own id (systemd.exec(5)); processes left from an earlier run may start new ones
  const id = procWords(pid, 'environ').find((word) => word.startsWith('INVOCATION_ID='));
  return id === undefined || id === `INVOCATION_ID=${process.env['INVOCATION_ID']}`;
}
