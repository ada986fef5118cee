/** Records the duration of starts and reloads, to be queried over many hosts: docs/slow-starts.md. */
import type { Log } from './types.ts';

export interface StartRecord {
  readonly unit: string;
  /** The probe that succeeded: `tcp 127.0.0.1:3000`. */
  readonly probe: string;
  /** ms from the app's start, or from the reload signal, to READY=1. */
  readonly ms: number;
  /** How READY=1 was sent: `unix-dgram`. */
  readonly transport: string;
  readonly reload: boolean;
}

/** Characters of `probe`. A regex may be long, and `journalctl -o json` omits a field of more than 4096 bytes. */
const PROBE_MAX = 200;

/**
 * Adds a record to each log line about READY=1. This delays no READY=1, because the line is logged after it is sent.
 * @param unit returns the unit's name
 * @param now returns ms
 */
export function withStartRecords(log: Log, unit: () => string, transport: string, now: () => number): Log {
  let reloadingSince = 0;
  return {
    end: () => log.end(),
    write(level, event, message, fields) {
      if (event === 'reloading') reloadingSince = now();
      if (event !== 'ready' && event !== 'ready-again') return log.write(level, event, message, fields);
      // a reload that the app itself ends has no `after_ms`
      const { by = 'notify', after_ms: ms = Math.round(now() - reloadingSince) } = { ...fields };
      const probe = [...String(by)].slice(0, PROBE_MAX).join('');
      const start: StartRecord = { unit: unit(), probe, ms: Number(ms), transport, reload: event === 'ready-again' };
      log.write(level, event, message, { ...fields, start });
    },
  };
}
