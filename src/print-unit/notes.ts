/** Hints for the operator beside a printed unit, one per line. They do not prevent printing. */
import { isOn, quote, type RawOptions, text } from '../options/raw.ts';
import { awaitedPort, type ProbeSpec } from '../probes/spec.ts';

export interface Printed {
  readonly raw: RawOptions;
  readonly probes: readonly ProbeSpec[];
  /** The name of a template: `shop@`. */
  readonly template: string | undefined;
  /** The app's PORT=. */
  readonly port: string | undefined;
}

export function unitNotes({ raw, probes, template, port }: Printed): readonly string[] {
  if (isOn(raw, 'swap') && !isOn(raw, 'take-sockets')) {
    return [
      'the app must listen on the descriptor that systemd passes; an unchanged Node app does so with --take-sockets',
    ];
  }
  if (template !== undefined) return sameForAll(raw, probes, template, port);
  const awaited = probes.flatMap((spec) => awaitedPort(spec) ?? []);
  const [first] = awaited;
  if (port === undefined || !/^\d+$/.test(port) || first === undefined || awaited.includes(Number(port))) return [];
  return [
    `PORT=${port} of your shell goes into the unit, but the probe waits for port ${first}: write PORT=${first} ` +
      `before the command, or probe port ${port}`,
  ];
}

/** Ports and paths of the app that instances on one host cannot share. */
function sameForAll(
  raw: RawOptions,
  probes: readonly ProbeSpec[],
  template: string,
  port: string | undefined,
): readonly string[] {
  const instances = `${template}3001 and ${template}3002`;
  const isOwn = new Set(probes.flatMap((spec) => (isOnThisHost(spec) ? spec.kind : [])));
  const sockets = (['tcp', 'listen', 'unix', 'http'] as const).flatMap((name) =>
    isOwn.has(name) ? (raw[name] ?? []) : [],
  );
  const fixed = sockets.filter((value) => !/%[iI]/.test(text(value)) && text(value) !== 'any');
  const notes = fixed.map(
    (value) => `${quote(value)} is the same for each instance of ${template}: use %i, e.g. --tcp %i for ${instances}`,
  );
  if (fixed.length > 0 || port === undefined || /%[iI]/.test(port)) return notes;
  return [
    `PORT=${port} is the same for each instance of ${template}: with --tcp %i each gets its own, e.g. ${instances}`,
  ];
}

function isOnThisHost(spec: ProbeSpec): boolean {
  return awaitedPort(spec) !== undefined || (spec.kind === 'unix' && spec.owner === 'app') || spec.kind === 'listen';
}
