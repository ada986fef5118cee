/** Ready when a line of the app's output matches a regex. Colours do not count; the bytes pass on unaltered elsewhere. */
import { stripVTControlCharacters } from 'node:util';
import type { Disposer } from '../core/clock.ts';
import { lineScanner } from '../core/line-scanner.ts';
import type { ReadinessProbe } from '../core/probe.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import { anyMatches } from './bounded-regex.ts';
import type { ProbeContext } from './context.ts';

/** A line that stands unfinished for so long is a prompt: its end so far counts as `$`, ms. */
const PROMPT_AFTER = 100;

/** `--stdout`, `--stderr`, `--output`. */
export function logProbe(
  { option, streams, regex }: Extract<ProbeSpec, { kind: 'log' }>,
  { app, clock, warn }: ProbeContext,
): ReadinessProbe {
  const name = `${option} /${regex.source}/`;
  let lineSeen = false;
  let warned = false;

  const matches = (lines: readonly string[], open = ''): boolean => {
    const found = anyMatches(regex, lines.map(stripVTControlCharacters), stripVTControlCharacters(open));
    if (found === undefined && !warned) {
      warned = true;
      warn(
        `${name} took too long on a piece of output, which was passed on unscanned; write a regex that backtracks less`,
      );
    }
    return found ?? false;
  };

  return {
    name,
    get reason() {
      return lineSeen ? 'no line matched yet' : 'no output yet';
    },
    wait(signal) {
      return new Promise((resolve) => {
        const disposers: Disposer[] = [];
        const stop = () => {
          for (const dispose of disposers) dispose();
          signal.removeEventListener('abort', stop);
        };
        const ready = () => {
          stop();
          resolve(name);
        };
        for (const stream of streams) {
          const scan = lineScanner();
          let cancelPrompt: Disposer = () => {};
          disposers.push(
            () => cancelPrompt(),
            app.onOutput(stream, (piece) => {
              cancelPrompt();
              lineSeen = true;
              const { lines, open } = scan(piece);
              if (matches(lines, open)) return ready();
              if (open !== '') cancelPrompt = clock.after(PROMPT_AFTER, () => matches([open]) && ready());
            }),
          );
        }
        signal.addEventListener('abort', stop, { once: true });
      });
    },
  };
}
