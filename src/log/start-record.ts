/** How long starts and reloads take, in a form that can be asked for over many hosts: docs/slow-starts.md. */
import type { Log } from './types.ts';

export interface StartRecord {
  readonly unit: string;
  /** What came true: `tcp 127.0.0.1:3000`. */
  readonly probe: string;
  /** From the app's start, or from the signal to reload, to READY=1. */
  readonly ms: number;
  /** How READY=1 was sent: `unix-dgram`. */
  readonly transport: string;
  readonly reload: boolean;
}

/** Characters of a probe. A regex may be long, and `journalctl -o json` leaves a field of more than 4096 bytes out. */
const PROBE_MAX = 200;

/**
 * A log in which each READY=1 has its record. It costs nothing before READY=1, which is sent before it is logged.
 * @param unit its name
 * @param now a clock, ms
 */
export function withStartRecords(log: Log, unit: () => string, transport: string, now: () => number): Log {
  let reloadingSince = 0;
  return {
    end: () => log.end(),
    write(level, event, message, fields) {
      if (event === 'reloading') reloadingSince = now();
      if (event !== 'ready' && event !== 'ready-again') return log.write(level, event, message, fields);
      // of a reload that the app itself ends the time is not given
      const { by = 'notify', after_ms: ms = Math.round(now() - reloadingSince) } = { ...fields };
      const probe = [...String(by)].slice(0, PROBE_MAX).join('');
      const start: StartRecord = { unit: unit(), probe, ms: Number(ms), transport, reload: event === 'ready-again' };
      log.write(level, event, message, { ...fields, start });
    },
  };
}
