/** What a probe is made with, beside its spec. */
import type { Clock } from '../core/clock.ts';
import type { PollTiming } from '../core/poll.ts';
import type { AppSigns } from '../core/ports.ts';

export interface ProbeContext {
  readonly app: AppSigns;
  readonly clock: Clock;
  readonly timing: PollTiming;
  /** One line for the operator, about something that a probe cannot do. */
  readonly warn: (message: string) => void;
}
