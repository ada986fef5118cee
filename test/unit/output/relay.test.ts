import { createHash, randomBytes } from 'node:crypto';
import { constants, openSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { relay } from '../../../src/output/relay.ts';
import { ifSent } from '../../../src/output/sigpipe.ts';
import { isSettled } from '../fakes.ts';
import { fifo, give, socketPair, take, turns } from '../sockets.ts';

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** The app's end, which is written to, the relay, and the pipe after it. */
async function make() {
  const [source, app] = await socketPair();
  const pipe = fifo();
  return { app, source, pipe, relayed: relay(source, pipe.writeFd) };
}

describe('the relay', () => {
  it('passes on every byte, unchanged and in order', async () => {
    const { app, pipe } = await make();
    const data = randomBytes(5 * 1024 * 1024);
    const got = take(pipe.read(), data.length);
    for (let offset = 0, size = 1; offset < data.length; offset += size, size = ((size * 7) % 70_001) + 1) {
      await give(app, data.subarray(offset, offset + size));
    }
    expect(digest(await got)).toBe(digest(data));
  });

  it('shows each piece to the listeners, unchanged, until they are removed', async () => {
    const { app, pipe, relayed } = await make();
    const seen: Buffer[] = [];
    const stop = relayed.onPiece((piece) => seen.push(Buffer.from(piece)));
    const reader = pipe.read();
    const data = Buffer.from('\u001b[32mgrüße\u001b[0m\r\n\0\n');
    const got = take(reader, data.length);
    await give(app, data);
    expect(await got).toEqual(data);
    expect(Buffer.concat(seen)).toEqual(data);
    stop();
    const more = take(reader, 4);
    await give(app, 'more');
    expect((await more).toString()).toBe('more');
    expect(Buffer.concat(seen)).toEqual(data);
  });

  it('reads no more than the reader takes', async () => {
    const { app, source, pipe, relayed } = await make();
    const data = randomBytes(8 * 1024 * 1024);
    let taken = 0;
    relayed.onPiece((piece) => {
      taken += piece.length;
    });
    app.write(data);
    await vi.waitFor(() => expect(taken).toBeGreaterThan(0));
    // the pipe holds 64 KiB, and one piece waits
    await vi.waitFor(() => expect(source.isPaused()).toBe(true));
    await turns(200);
    expect(taken).toBeLessThan(512 * 1024);
    expect(app.writableLength).toBeGreaterThan(0);
    expect(digest(await take(pipe.read(), data.length))).toBe(digest(data));
  });
});

describe("after the app's death", () => {
  // Node resumes a stream when its child exits, even if it was paused: child_process.js, flushStdio
  it('the last output is passed on in order, however many pieces are read at once', async () => {
    const [source, app] = await socketPair();
    const pipe = fifo();
    const relayed = relay(source, openSync(`/proc/self/fd/${pipe.writeFd}`, constants.O_WRONLY | constants.O_NONBLOCK));
    let seen = 0;
    relayed.onPiece((piece) => {
      seen += piece.length;
    });
    const words = Array.from({ length: 60_000 }, (_, index) => `${index}\n`).join('');
    await give(app, words);
    while (seen < words.length) {
      source.resume();
      await turns();
    }
    const got = take(pipe.read(), words.length);
    app.end();
    await relayed.drained();
    expect((await got).toString()).toBe(words);
  });
});

describe('drained', () => {
  it('resolves when the app’s end is closed and all is passed on', async () => {
    const { app, pipe, relayed } = await make();
    const got = take(pipe.read(), 3);
    app.end('end');
    await relayed.drained();
    expect((await got).toString()).toBe('end');
  });

  it('passes on what is in the pipe, and does not wait for another process that holds it open', async () => {
    const { app, pipe, relayed } = await make();
    const data = randomBytes(300_000);
    const got = take(pipe.read(), data.length);
    await give(app, data);
    await relayed.drained();
    expect(digest(await got)).toBe(digest(data));
    expect(app.destroyed).toBe(false);
  });

  it('resolves at once for an empty pipe that is held open', async () => {
    const { relayed } = await make();
    await relayed.drained();
  });

  it('waits for a slow reader', async () => {
    const { app, pipe, relayed } = await make();
    const data = randomBytes(1_000_000);
    let passedOn = 0;
    relayed.onPiece((piece) => {
      passedOn += piece.length;
    });
    await give(app, data);
    const drained = relayed.drained();
    await turns(200);
    expect(await isSettled(drained)).toBe(false);
    const got = take(pipe.read(), data.length);
    await drained;
    expect(passedOn).toBe(data.length);
    expect(digest(await got)).toBe(digest(data));
  });

  it('resolves although another process goes on writing without a pause', async () => {
    const { app, pipe, relayed } = await make();
    pipe.read().resume();
    let stopped = false;
    const piece = Buffer.alloc(256 * 1024, 'x');
    const flood = () => {
      if (!stopped) app.write(piece, flood);
    };
    flood();
    await turns();
    await relayed.drained();
    stopped = true;
  });
});

describe('a closed reader', () => {
  it('closes our end, so that the app notices it as with a plain pipe', async () => {
    const { app, source, pipe, relayed } = await make();
    pipe.closeReader();
    const closed = new Promise((resolve) => app.once('close', resolve));
    app.on('error', () => {});
    app.write('hello');
    app.resume();
    await closed;
    expect(source.destroyed).toBe(true);
    await relayed.drained();
    let sent = 0;
    ifSent(() => {
      sent += 1;
    });
    expect(sent, 'the SIGPIPE of that write counts as sent by another').toBe(0);
    ifSent(() => {
      sent += 1;
    });
    expect(sent).toBe(1);
  });
});
