/**
 * Keeps a reader on a watched stream if a child of the app still holds the stream's other end when we exit, as npm's
 * child does. A separate process relays the stream until its end. Without it the child's next write would fail with
 * EPIPE, while the child is still stopping.
 *
 * It runs Node and not cat(1), which exits on a non-blocking descriptor; another process may have made it non-blocking,
 * such as the journal's socket with StandardError=inherit. It runs our own executable and gets its code as an argument,
 * so that it starts even after an update has replaced our files.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import { noteOwnEpipe } from './sigpipe.ts';

/**
 * Runs in that process. It reads descriptor 3, writes 4, and writes a line to 5 once the wrapper may exit. Signals for
 * the whole unit are meant for the app, so only SIGKILL and the end of the stream end it.
 */
const relayMain = (): void => {
  const { closeSync, writeSync } = require('node:fs') as typeof import('node:fs');
  const { Socket } = require('node:net') as typeof import('node:net');
  const { constants } = require('node:os') as typeof import('node:os');
  const faults = ['SIGKILL', 'SIGSTOP', 'SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGPROF'];
  for (const signal of Object.keys(constants.signals)) if (!faults.includes(signal)) process.on(signal, () => {});
  process.title = 'sd-ready-wrap: relays the remaining output of the app';

  const source = new Socket({ fd: 3, readable: true, writable: false });
  let pieces = 0;
  const write = (piece: Buffer, offset = 0): void => {
    try {
      while (offset < piece.length) offset += writeSync(4, piece, offset);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return void setTimeout(write, 5, piece, offset);
      // a full disk may have room later; any other error means that the reader is gone
      if (!['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code)) process.exit();
    }
    source.resume();
  };
  source.on('data', (piece) => {
    pieces += 1;
    source.pause();
    write(piece);
  });
  source.on('error', () => process.exit());
  source.on('close', () => process.exit());

  // bytes from before its start are relayed before it reports
  const settle = (quiet: number, before: number): void => {
    if (quiet > 3 && !source.isPaused()) {
      writeSync(5, '\n');
      closeSync(5);
    } else setImmediate(settle, pieces === before && !source.isPaused() ? quiet + 1 : 0, pieces);
  };
  settle(0, 0);
};

/**
 * How often it is started at most. A signal may end it before its handlers are installed: while systemd stops the unit,
 * it sends one to each new process (KillMode= in systemd.kill(5)), and Node resets ignored signals when it starts.
 */
const TRIES = 20;

/**
 * @param source do not read it any more. Its buffer must be empty
 * @param fd the descriptor to write to
 * @returns resolves once it reads and we may exit, or with the problem
 */
export async function startLastReader(source: Readable, fd: number): Promise<string | undefined> {
  let problem = '';
  for (let tries = 0; tries < TRIES; tries += 1) {
    const end = await startReader(source, fd);
    if (end === 'reads') return undefined;
    problem = typeof end === 'string' ? end : `its process ended (${end.signal})`;
    if (typeof end === 'string') break;
  }
  return problem;
}

/** @returns `reads`, the problem, or the signal that ended it */
async function startReader(source: Readable, fd: number): Promise<string | { readonly signal: string }> {
  try {
    const reader = spawn(
      existsSync('/proc/self/exe') ? '/proc/self/exe' : process.execPath,
      ['--v8-pool-size=1', '-e', `(${relayMain})()`],
      {
        // from 3 on: spawn makes 0 to 2 blocking for all processes that share them
        stdio: ['ignore', 'ignore', 'ignore', source, fd, 'pipe'],
        env: {},
        argv0: 'sd-ready-wrap',
      },
    );
    const gate = (reader.stdio as unknown as readonly Duplex[])[5] as Duplex;
    gate.on('error', noteOwnEpipe);
    return await new Promise((resolve) => {
      gate.once('data', () => resolve('reads'));
      reader.once('error', ({ message }) => resolve(message));
      reader.once('exit', (code, signal) => resolve(signal ? { signal } : `its process ended (${code})`));
    });
  } catch (error) {
    return (error as Error).message;
  }
}
