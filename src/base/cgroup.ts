/**
 * The units of a process, from the text of its /proc/PID/cgroup (cgroups(7)): a line for each hierarchy. systemd's is
 * the unnamed one or name=systemd; the other of these two may exist and be empty.
 */

/** The service of a process in that cgroup: the innermost one, because a user manager is itself a service. */
export function unitOfCgroup(cgroup: string): string | undefined {
  const unit = unitsOf(cgroup).at(-1);
  return unit?.endsWith('.service') ? unit : undefined;
}

/**
 * For people: the service of a process, `old.service`, or `old.service of user@1000.service` if another manager than
 * ours runs it. Undefined for our own service, and if no service contains only this program: a login session, a
 * terminal, a container, a manager.
 */
export function otherService(cgroup: string, own: string): string | undefined {
  const name = unitOfCgroup(cgroup);
  if (name === undefined || name.startsWith('user@')) return undefined;
  const [outer, ownOuter] = [cgroup, own].map((each) => unitsOf(each).slice(0, -1).reverse());
  if (outer?.join() !== ownOuter?.join()) return [name, ...(outer ?? [])].join(' of ');
  return name === unitOfCgroup(own) ? undefined : name;
}

/**
 * Whether a signal that systemd sends to the whole unit of the first process reaches the other: its cgroup is the
 * unit's or below it, as is possible with Delegate= (systemd.resource-control(5)). Outside of a unit the first
 * process's cgroup is used.
 */
export function isInUnitOf(cgroup: string, other: string): boolean {
  const others = pathsOf(other);
  return pathsOf(cgroup).every((path, index) => {
    const parts = path.split('/');
    const unit = parts.slice(0, parts.findLastIndex(isUnit) + 1).join('/') || path;
    return `${others[index]}/`.startsWith(unit.replace(/\/?$/, '/'));
  });
}

/** The outermost first. */
function unitsOf(cgroup: string): readonly string[] {
  const units = pathsOf(cgroup).map((path) => path.split('/').filter(isUnit));
  return units.find(({ length }) => length > 0) ?? [];
}

function pathsOf(cgroup: string): readonly string[] {
  return cgroup.split('\n').flatMap((line) => /^(?:0:|\d+:name=systemd):(.*)$/s.exec(line)?.[1] ?? []);
}

function isUnit(part: string): boolean {
  return /\.(service|scope)$/.test(part);
}
