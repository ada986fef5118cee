/** Ready when a line of the app's output matches a regex. Colours are ignored. */
import type { Disposer } from '../../base/clock.ts';
import { withoutControlSequences as plain } from '../../base/control-sequences.ts';
import type { ProbeContext } from '../context.ts';
import { messageProbe } from '../message.ts';
import type { ReadinessProbe } from '../probe.ts';
import type { ProbeSpec } from '../spec.ts';
import { anyMatches } from './bounded-regex.ts';
import { lineScanner } from './line-scanner.ts';
import { literalSlashes } from './literal-slashes.ts';
import { requiredText } from './required-text.ts';

/** A line that stays unfinished this long is a prompt: its end so far counts as `$`, ms. */
const PROMPT_AFTER = 100;

/** The next try if other processes used the CPU during the test of some lines, ms. */
const RETRY_AFTER = 5;

/** After this time without a match the reason names the other stream, ms. */
const HINT_AFTER = 1000;

const WARM_UP = Buffer.from('\n');

/** The most lines that wait for such a retry. */
const BACKLOG_MAX = 10_000;

/** `--stdout`, `--stderr`, `--output`. */
export function logProbe(
  { option, streams, regex }: Extract<ProbeSpec, { kind: 'log' }>,
  { app, clock, warn }: ProbeContext,
): ReadinessProbe {
  const name = `${option} /${regex.source}/`;
  const required = requiredText(regex);
  const slashes = literalSlashes(option, regex);
  const other = option === 'stdout' ? 'stderr' : 'stdout';
  const both = option === 'output' ? '' : `if the line is on ${other}, write --${other}`;
  let lineSeen = false;
  let since = clock.now();
  let warned = false;

  const complain = () => {
    if (!warned) {
      warn(`${name} was too slow for some output, which was not checked; write a regex with less backtracking`);
    }
    warned = true;
  };

  const reason = (wasReady: boolean) => {
    const seen = lineSeen ? 'no line matched yet' : 'no output yet';
    if (wasReady) return seen;
    const hints = [lineSeen ? slashes : '', clock.now() - since < HINT_AFTER ? '' : both];
    return [seen, ...hints].filter(Boolean).join('; ');
  };
  return messageProbe(name, reason, (ready) => {
    lineSeen = false;
    since = clock.now();
    // the first test takes milliseconds (a vm context, compilation): do it now, and not when the line comes
    anyMatches(regex, lineScanner({ plain })(WARM_UP).lines);
    const disposers = streams.map((stream): Disposer => {
      const scan = lineScanner({ required, plain });
      let backlog: readonly string[] = [];
      let spent = 0;
      let cancelLater: Disposer = () => {};

      const test = (lines: readonly string[], open: string) => {
        const verdict = anyMatches(regex, lines, open, spent);
        if (verdict === 'match') return ready();
        if (verdict === 'too-slow') complain();
        const starved = typeof verdict === 'object';
        backlog = starved ? lines.slice(-BACKLOG_MAX) : [];
        spent = starved ? verdict.spent : 0;
        if (starved) cancelLater = clock.after(RETRY_AFTER, () => test(backlog, open));
        else if (open !== '') cancelLater = clock.after(PROMPT_AFTER, () => test([open], ''));
      };
      const stop = app.onOutput(stream, (piece) => {
        cancelLater();
        lineSeen = true;
        const { lines, open } = scan(piece);
        test([...backlog, ...lines], open);
      });
      return () => {
        cancelLater();
        stop();
      };
    });
    return () => {
      for (const dispose of disposers) dispose();
    };
  });
}
