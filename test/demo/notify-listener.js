/** A notify socket to receive from: by the addon or, if that was not built for this Node, by a program in Perl. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

const IN_PERL = path.resolve(import.meta.dirname, '../helpers/notify-receiver.pl');

/**
 * @param {string} socket its path
 * @param {(text: string) => void} onDatagram
 * @returns {Promise<() => void>} closes it
 */
export async function listen(socket, onDatagram) {
  let unixDgram;
  try {
    unixDgram = (await import('unix-dgram')).default;
  } catch {
    return listenInPerl(socket, onDatagram);
  }
  const listener = unixDgram.createSocket('unix_dgram');
  listener.bind(socket);
  listener.on('message', (datagram) => onDatagram(datagram.toString()));
  return () => listener.close();
}

async function listenInPerl(socket, onDatagram) {
  // ignores Ctrl-C: it ends when its stdin closes
  const child = spawn('perl', [IN_PERL, socket], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const failed = once(child, 'exit').then(() => {
    throw new Error('no systemd, unix-dgram is not built for this Node, and there is no Perl either');
  });
  failed.catch(() => {});
  const bound = new Promise((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { done, text } = JSON.parse(line);
      if (done === 'bind') resolve();
      if (text !== undefined) onDatagram(text);
    });
  });
  await Promise.race([bound, failed, once(child, 'error').then(([error]) => Promise.reject(error))]);
  return () => child.stdin.end();
}
