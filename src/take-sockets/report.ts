/** The preload's report of the sockets that the app took, and the warnings for the operator. */
import { orElse } from '../base/or-else.ts';
import { type Asked, covers, nameOf, type Place } from './place.ts';

/** One line of the report, as JSON. */
export type ReportLine =
  /** The preload runs. These are the listening TCP sockets among its descriptors. */
  | { readonly passed: readonly Place[] }
  /** The app requested this address. */
  | { readonly asked: Asked }
  /** It took this passed socket. */
  | { readonly took: Place };

export interface Report {
  /** Undefined if the preload did not run. */
  readonly passed?: readonly Place[];
  readonly asked: readonly Asked[];
  readonly took: readonly Place[];
}

/** Ignores lines that are not ours: the app can write to the file too. */
export function parseReport(text: string): Report {
  const lines = text.split('\n').flatMap((line) => orElse(() => [Object(JSON.parse(line))], []));
  const all = (name: string) => lines.flatMap((line) => (line[name] ?? []) as Place[]).filter(isPlace);
  return {
    ...(lines.some((line) => 'passed' in line) && { passed: all('passed') }),
    asked: all('asked'),
    took: all('took'),
  };
}

function isPlace(place: Place): boolean {
  return orElse(() => covers(place, place), false);
}

/** A warning for a ready app; undefined if it took all sockets that it could. */
export function problemWhenReady({ passed, asked, took }: Report): string | undefined {
  if (passed === undefined) {
    return "--take-sockets: the app's Node did not load the preload and took no socket; start the app with node";
  }
  if (took.length === 0) return tookNone(passed, asked);
  const taken = took.map(nameOf);
  const left = passed.filter((each) => !taken.includes(nameOf(each)) && asked.some((one) => covers(one, each)));
  if (left.length === 0) return undefined;
  return (
    `--take-sockets: no process accepts on ${names(left)}; the app took only ${names(took)}: let the ` +
    'app listen there too, or remove that ListenStream= from the .socket'
  );
}

/** A possible reason why an app did not get ready: it requested the port of a passed socket, and did not get it. */
export function problemWhenFailed({ passed, asked, took }: Report): string | undefined {
  const isPassed = asked.some((wished) => passed?.some(({ port }) => port === wished.port));
  return isPassed && took.length === 0 ? tookNone(passed ?? [], asked) : undefined;
}

function tookNone(passed: readonly Place[], asked: readonly Asked[]): string {
  const wished =
    asked.length > 0
      ? `it wants to listen on ${names(asked)}; ${remedy(passed, asked)}`
      : 'its main process has not opened a port; children and worker threads cannot take a socket';
  return `--take-sockets: the app took none of the sockets that systemd passed (${names(passed)}): ${wished}`;
}

function remedy(passed: readonly Place[], asked: readonly Asked[]): string {
  for (const wished of asked) {
    const wider = passed.find((each) => covers(each, wished));
    if (wider) return `${nameOf(wider)} is wider: write ListenStream=${nameOf(wished)} in the .socket`;
  }
  const [first] = asked;
  return `write ListenStream=${nameOf(first as Asked)} in the .socket, or give the app that port`;
}

function names(places: readonly Place[]): string {
  return [...new Set(places.map(nameOf))].join(', ') || 'none';
}
