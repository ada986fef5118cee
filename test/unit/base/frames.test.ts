import { PassThrough } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { readFrames } from '../../../src/base/frames.ts';
import { turns } from '../sockets.ts';

function read(max = 10) {
  const source = new PassThrough();
  const frames: string[] = [];
  let tooLong = 0;
  readFrames(source, {
    ...{ end: 0x0a, max },
    onFrame: (frame) => frames.push(Buffer.from(frame).toString()),
    onTooLong: () => {
      tooLong += 1;
    },
  });
  return { source, frames, tooLong: () => tooLong };
}

describe('readFrames', () => {
  it('splits at the end byte, wherever the pieces end', async () => {
    const { source, frames } = read();
    for (const piece of ['a', 'b\nc', '\n\n', 'd']) source.write(piece);
    await turns(5);
    expect(frames).toEqual(['ab', 'c', '']);
    source.write('\n');
    await turns(5);
    expect(frames.at(-1)).toBe('d');
  });

  it('skips a message that is too long, in one piece or several, and reports it once', async () => {
    const { source, frames, tooLong } = read();
    for (let count = 0; count < 20; count += 1) source.write('x'.repeat(8));
    source.write('\nshort\n');
    await turns(30);
    expect(frames).toEqual(['short']);
    expect(tooLong()).toBe(1);
  });

  it('reads a flood in turns, and other events come in between', async () => {
    const { source, frames } = read();
    source.write('1\n'.repeat(10_000));
    await turns(3);
    const soon = frames.length;
    expect(soon).toBeGreaterThan(0);
    expect(soon).toBeLessThan(1000);
    expect(source.isPaused()).toBe(true);
    await vi.waitFor(() => expect(frames).toHaveLength(10_000), { timeout: 30_000 });
  });
});
