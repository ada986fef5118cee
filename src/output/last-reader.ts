/**
 * Keeps a reader on a watched stream when we end and a child of the app still holds its other end, as npm's does: a
 * process of its own, which passes on to the same place until the end of file. Without it the next write of that child
 * would fail with EPIPE, in the middle of its own stop.
 *
 * It is Node and not cat(1): the descriptor may be one that others have made non-blocking, such as the journal's socket
 * with StandardError=inherit, and cat gives up there. Its code is an argument and its program our own executable, so
 * that it starts after an update has replaced our files.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import { noteOwnEpipe } from './sigpipe.ts';

/**
 * Runs in that process: descriptor 3 is read, 4 is written, and a line on 5 tells that it can be left alone. Signals do
 * not end it, as those for the whole unit are for the app: SIGKILL does, and the end of the stream.
 */
const passOn = (): void => {
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
      // a full disk has room again later; anything else means that the reader has gone
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

  // what was there when it began is passed on before we are told
  const settle = (quiet: number, before: number): void => {
    if (quiet > 3 && !source.isPaused()) {
      writeSync(5, '\n');
      closeSync(5);
    } else setImmediate(settle, pieces === before && !source.isPaused() ? quiet + 1 : 0, pieces);
  };
  settle(0, 0);
};

/**
 * A signal may end it before it stands: systemd sends one to each new process of the unit as long as it finds any
 * (KillMode= in systemd.kill(5)), and Node takes back what was ignored when it starts. Then another one is started, so
 * often at most.
 */
const TRIES = 20;

/**
 * @param source is not to be read any more. Nothing may be in its buffer
 * @param fd where it writes
 * @returns resolves once it reads and we may end; why it does not, if it does not
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

/** @returns why it does not read, or the signal that ended it */
async function startReader(source: Readable, fd: number): Promise<string | { readonly signal: string }> {
  try {
    const reader = spawn(
      existsSync('/proc/self/exe') ? '/proc/self/exe' : process.execPath,
      ['--v8-pool-size=1', '-e', `(${passOn})()`],
      {
        // from 3 on: spawn makes the first three blocking for all who share them
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
