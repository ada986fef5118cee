import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { beginPoolWrite, noteOwnEpipe } from '../../../src/output/sigpipe.ts';
import { FORWARDED_SIGNALS } from '../../../src/signals/signals.ts';
import { catchSignals, type SignalSource } from '../../../src/signals/source.ts';
import { fifo, socketPair } from '../sockets.ts';

let source: SignalSource | undefined;

afterEach(() => source?.release());

/** As libuv reports a signal. */
const arrive = (signal: 'SIGUSR2' | 'SIGPIPE' | 'SIGHUP') => process.emit(signal, signal);

describe('catchSignals', () => {
  it('keeps signals that come before the first listener, in order', () => {
    source = catchSignals();
    arrive('SIGHUP');
    arrive('SIGUSR2');
    const heard: string[] = [];
    source.listen((signal) => heard.push(signal));
    expect(heard).toEqual(['SIGHUP', 'SIGUSR2']);
    arrive('SIGUSR2');
    expect(heard).toEqual(['SIGHUP', 'SIGUSR2', 'SIGUSR2']);
  });

  it('reports the first stop signal before there is a listener', async () => {
    source = catchSignals();
    arrive('SIGUSR2');
    arrive('SIGHUP');
    expect(await source.interrupted).toBe('SIGHUP');
  });

  describe('a SIGPIPE', () => {
    const heard: string[] = [];
    beforeEach(() => {
      source = catchSignals();
      heard.length = 0;
      source.listen((signal) => heard.push(signal));
    });

    it('from a write of our own is not passed on, any other is', () => {
      noteOwnEpipe();
      noteOwnEpipe();
      arrive('SIGPIPE');
      arrive('SIGPIPE');
      expect(heard).toEqual([]);
      arrive('SIGPIPE');
      expect(heard).toEqual(['SIGPIPE']);
    });

    it('long after such a write comes from another process', async () => {
      noteOwnEpipe();
      for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      arrive('SIGPIPE');
      expect(heard).toEqual(['SIGPIPE']);
    });

    it('before the result of a write on the thread pool belongs to the write, if its reader has gone', () => {
      const pipe = fifo();
      const write = beginPoolWrite(pipe.writeFd);
      arrive('SIGPIPE');
      expect(heard, 'its reader is there').toEqual(['SIGPIPE']);
      pipe.closeReader();
      arrive('SIGPIPE');
      expect(heard).toEqual(['SIGPIPE']);
      write.settle('EPIPE');
      arrive('SIGPIPE');
      expect(heard, 'one write raises one').toEqual(['SIGPIPE', 'SIGPIPE']);
    });

    it.each([
      ['fails with EPIPE', 'EPIPE', []],
      ['succeeds', undefined, ['SIGPIPE']],
    ])('during a write to a socket is decided when that %s', async (_, code, expected) => {
      const [socket] = await socketPair();
      const write = beginPoolWrite((socket as unknown as { _handle: { fd: number } })._handle.fd);
      arrive('SIGPIPE');
      expect(heard).toEqual([]);
      write.settle(code);
      await new Promise((resolve) => setImmediate(resolve));
      expect(heard).toEqual(expected);
      socket.destroy();
    });
  });

  it('removes all of its own handlers, and no other', () => {
    const count = () => FORWARDED_SIGNALS.map((signal) => process.listenerCount(signal));
    const before = count();
    source = catchSignals();
    expect(count().some((listeners, index) => listeners > (before[index] as number))).toBe(true);
    source.release();
    expect(count()).toEqual(before);
  });
});
