/** Starts the independent receiver and gives what arrived there. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

const PROGRAM = new URL('./notify-receiver.pl', import.meta.url).pathname;

export interface NotifyReceiver extends AsyncDisposable {
  /** For $NOTIFY_SOCKET. */
  readonly path: string;
  /** Every datagram so far, in order. */
  readonly datagrams: readonly string[];
  /** Those that say READY=1. */
  ready(): readonly string[];
  /** Reads no more: the kernel's queue fills. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

export async function receiveNotifications(): Promise<NotifyReceiver> {
  const directory = mkdtempSync(join(tmpdir(), 'notify-'));
  const path = join(directory, 'socket');
  const child = spawn('perl', [PROGRAM, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const datagrams: string[] = [];
  const words: string[] = [];
  let pending = '';
  child.stdout.on('data', (piece: Buffer) => {
    const lines = (pending + piece.toString()).split('\n');
    pending = lines.pop() as string;
    for (const line of lines) {
      if (line.startsWith('=')) datagrams.push(Buffer.from(line.slice(1), 'hex').toString());
      else words.push(line);
    }
  });
  await until('the receiver', () => words.includes('bound'));
  const tell = async (word: string, answer: string) => {
    const before = words.length;
    child.stdin.write(`${word}\n`);
    await until(answer, () => words.slice(before).includes(answer));
  };
  return {
    path,
    datagrams,
    ready: () => datagrams.filter((datagram) => datagram.split('\n').includes('READY=1')),
    pause: () => tell('pause', 'paused'),
    resume: () => tell('resume', 'resumed'),
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.stdin.end();
      await ended;
      rmSync(directory, { recursive: true });
    },
  };
}
