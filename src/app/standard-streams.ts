/**
 * Keeps Node from opening our standard streams, which the app inherits. Opening a pipe sets O_NONBLOCK on it, for
 * everybody who shares it: an app in another language then fails with EAGAIN. It is enough that somebody reads
 * `process.stderr`, and execa and node:assert do as they are imported, and net whenever it destroys a socket.
 * We write to the descriptors themselves (https://nodejs.org/api/process.html#a-note-on-process-io).
 *
 * To be imported first, for its effect.
 */
import { writeSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';

/** Stands in for a stream; what Node itself has to say, such as a warning, still gets out. */
function writerTo(fd: number): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        writeSync(fd, chunk);
      } catch {
        // nobody reads it any more
      }
      done();
    },
  });
}

const stand = { stdin: new Readable({ read() {} }), stdout: writerTo(1), stderr: writerTo(2) };
for (const [name, value] of Object.entries(stand)) Object.defineProperty(process, name, { value });
