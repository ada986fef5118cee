import { expect, it } from 'vitest';
import { noticeOf } from '../../../src/notify/ipc-message.ts';

it.each([
  ['WATCHDOG=1', { rest: ['WATCHDOG=1'] }],
  ['READY=1', { ready: true }],
  ['STATUS=open\nERRNO=2', { rest: ['STATUS=open', 'ERRNO=2'] }],
  ['RELOADING=1\nMONOTONIC_USEC=5', { reloading: ['RELOADING=1', 'MONOTONIC_USEC=5'] }],
])('%j is what sd_notify would say', (message, notice) => {
  expect(noticeOf(message)).toMatchObject(notice);
});

it.each(['ready', '', 'watchdog=1', ' WATCHDOG=1', 'WATCHDOG', { type: 'WATCHDOG=1' }, 1, null, undefined])(
  '%j is none',
  (message) => {
    expect(noticeOf(message)).toBeUndefined();
  },
);
