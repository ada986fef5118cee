import { expect, it } from 'vitest';
import { parseUnitName, unitNameFrom } from '../../../src/print-unit/name.ts';

it.each([
  ['shop', 'shop', false],
  ['shop.service', 'shop', false],
  ['shop@', 'shop@', true],
  ['shop@.service', 'shop@', true],
  ['a-b_c.d:e', 'a-b_c.d:e', false],
])('%s', (text, name, template) => {
  expect(parseUnitName(text)).toEqual({ name, template });
});

it.each([
  ['', 'not a unit name'],
  ['a b', 'not a unit name'],
  ['../x', 'not a unit name'],
  ['@', 'not a unit name'],
  ['shop@3001', 'an instance; write the name of its template, shop@'],
  ['shop.socket', 'not a service'],
  ['x'.repeat(300), 'longer than'],
])('%j is refused', (text, why) => {
  expect(parseUnitName(text)).toContain(why);
});

it.each([
  ['/srv/shop', 'shop'],
  ['/srv/my shop (new)/', 'my-shop-new'],
  ['/srv/.hidden', 'hidden'],
  ['/', 'app'],
])('from %s', (path, name) => {
  expect(unitNameFrom(path).name).toBe(name);
});
