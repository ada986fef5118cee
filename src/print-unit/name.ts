/** Names of service units (systemd.unit(5), "Description"). */

/** The most bytes of a name, `.service` and all (UNIT_NAME_MAX in systemd's source, less its NUL). */
const NAME_MAX = 255;

export interface UnitName {
  /** Without `.service`; a template's ends in @. */
  readonly name: string;
  /** Whether it stands for instances, `shop@3001`, each of which finds its own word where %i is written. */
  readonly template: boolean;
}

/**
 * Reads `shop`, `shop.service`, `shop@`, `shop@.service`.
 * @returns what is wrong with it, if it is no name
 */
export function parseUnitName(text: string): UnitName | string {
  const name = text.trim().replace(/\.service$/, '');
  if (isOtherUnit(name)) return 'not a service';
  if (!/^[\w:.\\-]+(@.*)?$/.test(name)) return 'not a unit name, which has letters, digits and : - _ . \\';
  if (/@./.test(name)) return `an instance; write the name of its template, ${name.replace(/@.*/, '@')}`;
  if (`${name}.service`.length > NAME_MAX) return `longer than ${NAME_MAX} characters`;
  return { name, template: name.endsWith('@') };
}

/** Whether it is the name of a unit of another kind. */
export function isOtherUnit(name: string): boolean {
  return /\.(socket|target|timer|path|mount|slice|scope|device|swap|automount|snapshot)$/.test(name);
}

/** A name for what has none yet, out of a path or a word. */
export function unitNameFrom(path: string): UnitName {
  const last = path.split('/').findLast((part) => part !== '') ?? '';
  const name = last
    .replace(/[^\w:.-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 100)
    .replace(/-+$/, '');
  return { name: name === '' ? 'app' : name, template: false };
}
