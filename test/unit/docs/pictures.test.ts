/** The pictures of the documentation are readable, in light and dark, and by a screen reader. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DIAGRAMS } from '../../../docs/diagrams.js';
import { contrast, drawing, find, isInside, overlaps, parseXml, textOf } from './svg.ts';

const DOCS = join(import.meta.dirname, '../../../docs');
const read = (name: string) => readFileSync(join(DOCS, name), 'utf8');
const PICTURES = readdirSync(DOCS).filter((name) => name.endsWith('.svg'));

describe.each(PICTURES)('%s', (name) => {
  test('is XML, and has a title and a description', () => {
    const root = parseXml(read(name));
    expect(root.attributes['role']).toBe('img');
    expect(textOf(find(root, 'title'))).toMatch(/\w/);
    expect(textOf(find(root, 'desc'))).toMatch(/\w/);
  });

  test.each(['light', 'dark'] as const)('in %s: each text stands out, at 12 px or more', (scheme) => {
    const { texts } = drawing(parseXml(read(name)), scheme);
    expect(texts.length).toBeGreaterThan(5);
    const faint = texts.flatMap(({ words, ground, pieces }) =>
      pieces
        .filter(({ fill, size }) => size < 12 || contrast(fill, ground) < 4.5)
        .map(({ fill, size }) => `${words}: ${size} px, ${fill} on ${ground}`),
    );
    expect(faint).toEqual([]);
  });

  test('each text stays inside its frame and its box, apart from other texts and boxes', () => {
    const { frame, texts, boxes } = drawing(parseXml(read(name)), 'light');
    const wrong = texts.flatMap((text, index) => [
      ...(isInside(text, frame, 8) ? [] : [`${text.words}: leaves the picture`]),
      ...(text.owner && !isInside(text, text.owner, 2) ? [`${text.words}: leaves its box`] : []),
      ...boxes
        .filter((box) => box !== text.owner && overlaps(text, box))
        .map(() => `${text.words}: touches another box`),
      ...texts
        .slice(index + 1)
        .filter((other) => overlaps(text, other))
        .map((other) => `${text.words}: touches ${other.words}`),
    ]);
    expect(wrong).toEqual([]);
  });
});

test.each(Object.entries(DIAGRAMS))('%s.svg is what its program draws: npm run pictures', (name, draw) => {
  expect(read(`${name}.svg`)).toBe(draw());
});

describe('the checks', () => {
  test.each(['<a>', '<a></b>', '<a b="1" b="2"/>', '<a>&nbsp;</a>', '<a>1 & 2</a>', '<a b=1/>', '<a/><b/>'])(
    'not XML: %s',
    (source) => {
      expect(() => parseXml(source)).toThrow();
    },
  );

  test('contrast: black on white, and a grey that just fails', () => {
    expect(contrast('#000000', '#ffffff')).toBe(21);
    expect(contrast('#777777', '#ffffff')).toBeLessThan(4.5);
    expect(contrast('#767676', '#ffffff')).toBeGreaterThan(4.5);
  });
});
