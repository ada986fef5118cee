/** Names of service units (systemd.unit(5), "Description"). */

/** The longest name including `.service`, bytes (UNIT_NAME_MAX in systemd's source, without its NUL). */
const NAME_MAX = 255;

export interface UnitName {
  /** Without `.service`; that of a template ends in @. */
  readonly name: string;
  /** Whether it is a template for instances such as `shop@3001`, for which systemd replaces %i. */
  readonly template: boolean;
}

/**
 * Reads `shop`, `shop.service`, `shop@`, `shop@.service`.
 * @returns the problem, as a text, if it is not a valid name
 */
export function parseUnitName(text: string): UnitName | string {
  const name = text.trim().replace(/\.service$/, '');
  if (isOtherUnit(name)) return 'not a service';
  if (!/^[\w:.\\-]+(@.*)?$/.test(name)) return 'not a unit name, which has letters, digits and : - _ . \\';
  if (/@./.test(name)) return `an instance; write the name of its template, ${name.replace(/@.*/, '@')}`;
  if (`${name}.service`.length > NAME_MAX) return `longer than ${NAME_MAX} characters`;
  return { name, template: name.endsWith('@') };
}

/** Whether it names a unit of another kind. */
export function isOtherUnit(name: string): boolean {
  return /\.(socket|target|timer|path|mount|slice|scope|device|swap|automount|snapshot)$/.test(name);
}

/** Makes a name from the last part of a path. */
export function unitNameFrom(path: string): UnitName {
  const last = path.split('/').findLast((part) => part !== '') ?? '';
  const name = last
    .replace(/[^\w:.-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 100)
    .replace(/-+$/, '');
  return { name: name === '' ? 'app' : name, template: false };
}
