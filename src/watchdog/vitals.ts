/** Ways to see whether the app is well, for the watchdog. */
import type { Readiness } from '../probes/readiness.ts';

export interface Vitals {
  /** What was seen since the look before: undefined where the app showed life, else why not, in a few words. */
  look(): string | undefined;
  /** No more looks. */
  end(): void;
}

/** It exists: the end of it is told elsewhere. */
export const existing: Vitals = { look: () => undefined, end() {} };

/**
 * Its readiness probes still answer. Each is asked again as soon as it answered and a look is due; a question stays
 * open until then, so an answer may take its time.
 * @param ask makes the probes anew for each question, so that nothing is taken over from the one before
 */
export function answering(ask: () => Readiness): Vitals {
  let question: { readonly asked: Readiness; readonly stop: AbortController } | undefined;
  let bug: string | undefined;
  const put = () => {
    // one each: a signal that lives on would keep a trace of every question
    const mine = { asked: ask(), stop: new AbortController() };
    question = mine;
    mine.asked
      .wait(mine.stop.signal)
      .catch((error: unknown) => {
        bug = String(error);
      })
      .finally(() => {
        question = undefined;
      });
  };
  return {
    look() {
      if (question) return question.asked.waitingFor();
      const failure = bug;
      bug = undefined;
      put();
      return failure;
    },
    end: () => question?.stop.abort(),
  };
}

/**
 * The same until the app is asked to end, or says that it does: then it may close its port and take its time, while
 * systemd's watchdog runs on (measured on 252, 257 and 262). That it exists must do.
 */
export function untilItEnds(vitals: Vitals, isEnding: () => boolean): Vitals {
  return { look: () => (isEnding() ? undefined : vitals.look()), end: vitals.end };
}

/**
 * Its event loop turns.
 * @param beats how often it has, as far as it was counted; 0 is never
 * @param fallBack called where it never has by the first look, when the app is ready: then that it exists must do
 */
export function turning(beats: () => number, fallBack: () => void): Vitals {
  let seen: number | undefined;
  let counts = true;
  return {
    look() {
      const now = beats();
      if (seen === undefined && now === 0) {
        counts = false;
        fallBack();
      }
      const turned = now !== seen;
      seen = now;
      return turned || !counts ? undefined : 'its event loop is blocked';
    },
    end() {},
  };
}
