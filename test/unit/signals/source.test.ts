import { afterEach, describe, expect, it } from 'vitest';
import { noteOwnEpipe } from '../../../src/output/sigpipe.ts';
import { FORWARDED_SIGNALS } from '../../../src/signals/signals.ts';
import { catchSignals, type SignalSource } from '../../../src/signals/source.ts';

let source: SignalSource | undefined;

afterEach(() => source?.release());

/** As libuv tells of one that has arrived. */
const arrive = (signal: 'SIGUSR2' | 'SIGPIPE' | 'SIGHUP') => process.emit(signal, signal);

describe('catchSignals', () => {
  it('keeps what comes before anybody listens, in order', () => {
    source = catchSignals();
    arrive('SIGHUP');
    arrive('SIGUSR2');
    const heard: string[] = [];
    source.listen((signal) => heard.push(signal));
    expect(heard).toEqual(['SIGHUP', 'SIGUSR2']);
    arrive('SIGUSR2');
    expect(heard).toEqual(['SIGHUP', 'SIGUSR2', 'SIGUSR2']);
  });

  it('tells of the first that asks to end before anybody listens', async () => {
    source = catchSignals();
    arrive('SIGUSR2');
    arrive('SIGHUP');
    expect(await source.interrupted).toBe('SIGHUP');
  });

  it('does not pass on the SIGPIPE of a write of our own, and does any other', () => {
    source = catchSignals();
    const heard: string[] = [];
    source.listen((signal) => heard.push(signal));
    noteOwnEpipe();
    noteOwnEpipe();
    arrive('SIGPIPE');
    expect(heard).toEqual([]);
    arrive('SIGPIPE');
    expect(heard).toEqual(['SIGPIPE']);
  });

  it('takes every handler of its own away again, and no other', () => {
    const count = () => FORWARDED_SIGNALS.map((signal) => process.listenerCount(signal));
    const before = count();
    source = catchSignals();
    expect(count().some((listeners, index) => listeners > (before[index] as number))).toBe(true);
    source.release();
    expect(count()).toEqual(before);
  });
});
