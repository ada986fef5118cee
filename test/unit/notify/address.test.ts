import { describe, expect, it } from 'vitest';
import { KnownError } from '../../../src/base/errors.ts';
import { notifyAddress } from '../../../src/notify/address.ts';

const path = (bytes: number) => `/${'x'.repeat(bytes - 1)}`;

describe('notifyAddress', () => {
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['/run/systemd/notify', { type: 'path', name: '/run/systemd/notify' }],
    ['/run/user/1000/systemd/notify', { type: 'path', name: '/run/user/1000/systemd/notify' }],
    ['/with space/ü', { type: 'path', name: '/with space/ü' }],
    ['@/org/freedesktop/systemd1/notify', { type: 'abstract', name: '/org/freedesktop/systemd1/notify' }],
    [path(107), { type: 'path', name: path(107) }],
  ])('%j', (socket, address) => {
    expect(notifyAddress(socket)).toEqual(address);
  });

  it.each([
    ['notify', 'neither a path nor @name'],
    ['./notify', 'neither a path nor @name'],
    ['@', 'neither a path nor @name'],
    ['vsock:2:1234', 'a vsock address is not supported'],
    ['vsock-stream:2:1234', 'a vsock address is not supported'],
    [path(108), 'longer than 107 bytes'],
    [`x${path(108)}`, 'longer than 107 bytes'],
    [`/${'ü'.repeat(54)}`, 'longer than 107 bytes'],
  ])('%j cannot be used', (socket, problem) => {
    try {
      notifyAddress(socket);
      expect.fail('nothing was wrong');
    } catch (error) {
      expect(error).toBeInstanceOf(KnownError);
      const { message, code } = error as KnownError;
      expect(code).toBe(125);
      expect(message).toMatch(/^NOTIFY_SOCKET=/);
      expect(message).toContain(`: ${problem}; `);
      expect(message.length).toBeLessThan(200);
    }
  });
});
