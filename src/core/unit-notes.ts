/** What is to be said to whoever has a unit printed, beside the unit: a line each. Nothing of it keeps the unit from being printed. */
import type { ProbeSpec } from './probe-spec.ts';
import { quote, type RawOptions, text } from './raw-options.ts';

export interface Printed {
  readonly raw: RawOptions;
  readonly probes: readonly ProbeSpec[];
  /** Of a template its name: `shop@`. */
  readonly template: string | undefined;
  /** PORT= as the app will have it. */
  readonly port: string | undefined;
}

export function unitNotes({ raw, probes, template, port }: Printed): readonly string[] {
  if (template !== undefined) return sameForAll(raw, template, port);
  const ports = new Set(probes.flatMap(portOf));
  if (port === undefined || ports.size === 0 || ports.has(Number(port))) return [];
  const [first] = ports;
  return [
    `PORT=${port} goes along into the unit, and an app that listens there is not awaited on port ${first}: write PORT=${first} in front, or --tcp ${port}`,
  ];
}

/** What instances on one host cannot have in common. */
function sameForAll(raw: RawOptions, template: string, port: string | undefined): readonly string[] {
  const instances = `${template}3001 and ${template}3002`;
  const sockets = (['tcp', 'listen', 'unix', 'http'] as const).flatMap((name) => raw[name] ?? []);
  const fixed = sockets.filter((value) => !/%[iI]/.test(text(value)) && text(value) !== 'any');
  const notes = fixed.map(
    (value) =>
      `${quote(value)} is the same for each instance of ${template}: write %i in it, --tcp %i for ${instances}, say`,
  );
  if (fixed.length > 0 || port === undefined || /%[iI]/.test(port)) return notes;
  return [`PORT=${port} is the same for each instance of ${template}: with --tcp %i it is that of ${instances}`];
}

/** Where the app itself is awaited on this host. */
function portOf(spec: ProbeSpec): number[] {
  if (spec.kind === 'tcp') return spec.owner === 'app' ? [spec.port] : [];
  if (spec.kind === 'listen') return typeof spec.target === 'number' ? [spec.target] : [];
  if (spec.kind !== 'http' || !spec.onThisHost || spec.owner === 'any') return [];
  return [Number(spec.url.port || (spec.url.protocol === 'https:' ? 443 : 80))];
}
