/** Reads the parts of XML, CSS and SVG that docs/*.svg use, to check what a reader sees. */
import { BOLD, textWidth } from '../../../docs/drawing.js';

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: (Element | string)[];
}

const TOKEN = /<(\/?)([\w:-]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|([^<>]+)/y;
const REFERENCE = /&(?:lt|gt|amp|quot|apos|#\d+);/g;
const CHARACTERS: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&amp;': '&', '&quot;': '"', '&apos;': "'" };

/** @throws if it is not XML, or has what no picture needs, such as comments */
export function parseXml(source: string): Element {
  const top: Element = { name: '', attributes: {}, children: [] };
  const open = [top];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(source);
    if (!token) throw new Error(`not XML: ${source.slice(at, at + 60)}`);
    const [, end, name = '', attributes = '', empty, words] = token;
    const parent = open.at(-1) as Element;
    if (words !== undefined) parent.children.push(unescaped(words));
    else if (end) {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes <${parent.name}>`);
    } else {
      const element: Element = { name, attributes: parseAttributes(attributes), children: [] };
      parent.children.push(element);
      if (!empty) open.push(element);
    }
  }
  const roots = top.children.filter((child) => typeof child !== 'string');
  if (open.length !== 1 || roots.length !== 1) throw new Error(`<${open.at(-1)?.name}> is not closed`);
  return roots[0] as Element;
}

function parseAttributes(source: string): Record<string, string> {
  const pairs = [...source.matchAll(/([\w:-]+)="([^"]*)"/g)].map(
    ([, name, value]) => [name, value] as [string, string],
  );
  if (new Set(pairs.map(([name]) => name)).size < pairs.length) throw new Error(`an attribute twice: ${source}`);
  return Object.fromEntries(pairs.map(([name, value]) => [name, unescaped(value)]));
}

function unescaped(words: string): string {
  if (words.replace(REFERENCE, '').includes('&')) throw new Error(`a bare & in ${words}`);
  return words.replace(REFERENCE, (reference) => CHARACTERS[reference] ?? reference);
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A piece of text in one style. */
export interface Piece {
  readonly words: string;
  readonly size: number;
  readonly fill: string;
}

export interface Text extends Box {
  readonly words: string;
  readonly pieces: readonly Piece[];
  /** The colour under it. */
  readonly ground: string;
  /** The rectangle of the box that it belongs to, if it belongs to one. */
  readonly owner: Box | undefined;
}

export interface Drawing {
  readonly frame: Box;
  readonly texts: readonly Text[];
  /** The rectangles of boxes. */
  readonly boxes: readonly Box[];
}

/** The picture as a reader sees it in that colour scheme. */
export function drawing(root: Element, scheme: 'light' | 'dark'): Drawing {
  const styleOf = cascade(textOf(find(root, 'style')), scheme);
  const rects: (Box & { fill: string })[] = [];
  const boxes: Box[] = [];
  const texts: Text[] = [];
  const visit = (element: Element, owner: Box | undefined) => {
    let mine = owner;
    for (const child of element.children) {
      if (typeof child === 'string') continue;
      if (child.name === 'rect') {
        const rect = { ...rectOf(child), fill: styleOf(child)['fill'] ?? 'black' };
        rects.push(rect);
        if (element.name === 'g') {
          mine = rect;
          boxes.push(rect);
        }
      } else if (child.name === 'text') texts.push(textAt(child, styleOf, rects, mine));
      else if (child.name === 'g') visit(child, undefined);
    }
  };
  visit(root, undefined);
  const [, , width, height] = (root.attributes['viewBox'] ?? '').split(' ').map(Number) as [
    number,
    number,
    number,
    number,
  ];
  return { frame: { left: 0, top: 0, right: width, bottom: height }, texts: texts.filter(({ words }) => words), boxes };
}

type Style = Readonly<Record<string, string>>;

/** The rules of `text` and of classes: a class overrides `text`, a later class an earlier one. */
function cascade(css: string, scheme: 'light' | 'dark'): (element: Element) => Style {
  const [light = '', dark = ''] = css.split(/@media \(prefers-color-scheme: dark\) \{/);
  const source = scheme === 'dark' ? light + dark : light;
  const rules = [...source.matchAll(/([^{}]+)\{([^{}]*)\}/g)].flatMap(([, selectors = '', body = '']) => {
    const declared = body.split(';').map((line) => line.split(/:(.*)/s, 2).map((word) => word.trim()));
    const style = Object.fromEntries(declared.filter(([name]) => name));
    const font = /^(?:(\w+) )?([\d.]+px) (.*)/.exec(style['font'] ?? '');
    const longhand = font ? { 'font-size': font[2], 'font-family': font[3] } : {};
    return selectors.split(',').map((selector) => ({ selector: selector.trim(), style: { ...style, ...longhand } }));
  });
  return ({ name, attributes }) => {
    const wanted = [name, ...(attributes['class'] ?? '').split(' ').map((each) => `.${each}`)];
    const found = rules.filter(({ selector }) => wanted.includes(selector));
    const sorted = [
      ...found.filter(({ selector }) => selector === name),
      ...found.filter(({ selector }) => selector !== name),
    ];
    return Object.assign({}, ...sorted.map(({ style }) => style)) as Style;
  };
}

function textAt(
  element: Element,
  styleOf: (element: Element) => Style,
  rects: readonly (Box & { fill: string })[],
  owner: Box | undefined,
): Text {
  const outer = styleOf(element);
  const pieces = element.children.map((child) => {
    const style = typeof child === 'string' ? outer : { ...outer, ...styleOf(child) };
    const words = typeof child === 'string' ? child : textOf(child);
    const size = Number.parseFloat(style['font-size'] ?? '16');
    const isMono = style['font-family']?.includes('monospace') ?? false;
    const isBold = /^(bold|600)$/.test(style['font-weight'] ?? '');
    const width = textWidth(isMono ? `\`${words}\`` : words, size) * (isBold && !isMono ? BOLD : 1);
    return { words, size, fill: style['fill'] ?? 'black', width };
  });
  const width = pieces.reduce((sum, piece) => sum + piece.width, 0);
  const size = Math.max(...pieces.map((piece) => piece.size));
  const [x, y] = [Number(element.attributes['x']), Number(element.attributes['y'])];
  const left = x - width * ({ middle: 0.5, end: 1 }[outer['text-anchor'] ?? ''] ?? 0);
  const at = { left, right: left + width, top: y - size * 0.8, bottom: y + size * 0.25 };
  const ground = rects.findLast((rect) => rect.fill !== 'none' && isInside(at, rect))?.fill ?? 'none';
  return { ...at, words: pieces.map(({ words }) => words).join(''), pieces, ground, owner };
}

function rectOf({ attributes }: Element): Box {
  const [x, y, width, height] = ['x', 'y', 'width', 'height'].map((name) => Number(attributes[name] ?? 0)) as [
    ...[number, number, number, number],
  ];
  return { left: x, top: y, right: x + width, bottom: y + height };
}

export function isInside(inner: Box, outer: Box, room = 0): boolean {
  return (
    inner.left >= outer.left + room &&
    inner.right <= outer.right - room &&
    inner.top >= outer.top &&
    inner.bottom <= outer.bottom
  );
}

export function overlaps(one: Box, other: Box): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

export function find(element: Element, name: string): Element {
  const found = element.children.find((child) => typeof child !== 'string' && child.name === name);
  if (!found) throw new Error(`<${element.name}> has no <${name}>`);
  return found as Element;
}

export function textOf({ children }: Element): string {
  return children.map((child) => (typeof child === 'string' ? child : textOf(child))).join('');
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
export function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: string): number {
  if (!/^#[\da-f]{6}$/.test(colour)) throw new Error(`${colour} is not a colour as #rrggbb`);
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
