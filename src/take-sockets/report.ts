/** What the app's Node reports of the sockets that it took, and what the operator has to know of it. */
import { orElse } from '../base/or-else.ts';
import { type Asked, covers, nameOf, type Place } from './place.ts';

/** One line of the report, as JSON. */
export type ReportLine =
  /** The preload runs: these are the listening TCP sockets among the descriptors that it was told. */
  | { readonly passed: readonly Place[] }
  /** The app asks for a place, whatever comes of it. */
  | { readonly asked: Asked }
  /** It has got one that was passed. */
  | { readonly took: Place };

export interface Report {
  /** Undefined if the preload did not run. */
  readonly passed?: readonly Place[];
  readonly asked: readonly Asked[];
  readonly took: readonly Place[];
}

/** The app may have written there too: a line that is not one of ours is passed over. */
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

/** What is wrong with an app that is ready; undefined if it took what it could. */
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

/** What may keep an app from becoming ready: it asked for a port that it was passed, and did not get it. */
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
