/**
 * Keeps Node from opening the standard streams, which the app inherits. Node sets O_NONBLOCK on a pipe that it opens,
 * for all processes that share it: an app in another language then fails with EAGAIN. Node opens a stream when any code
 * reads e.g. `process.stderr`: execa and node:assert do so when imported, net when it destroys a socket. The wrapper
 * writes to the descriptors directly (https://nodejs.org/api/process.html#a-note-on-process-io).
 *
 * Import it first, for its side effect.
 */
import { writeSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';

/** Replaces a standard stream; Node's own output, such as a warning, is still written. */
function writerTo(fd: number): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        writeSync(fd, chunk);
      } catch {
        // its reader is gone
      }
      done();
    },
  });
}

const streams = { stdin: new Readable({ read() {} }), stdout: writerTo(1), stderr: writerTo(2) };
for (const [name, value] of Object.entries(streams)) Object.defineProperty(process, name, { value });
