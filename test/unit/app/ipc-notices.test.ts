import { expect, it } from 'vitest';
import { noticeOf } from '../../../src/app/ipc-notices.ts';

it.each([
  ['WATCHDOG=1', { rest: ['WATCHDOG=1'] }],
  ['READY=1', { ready: true }],
  ['STATUS=open\nERRNO=2', { rest: ['STATUS=open', 'ERRNO=2'] }],
  ['RELOADING=1\nMONOTONIC_USEC=5', { reloading: ['RELOADING=1', 'MONOTONIC_USEC=5'] }],
])('%j is a notification', (message, notice) => {
  expect(noticeOf(message)).toMatchObject(notice);
  const fromClient = { type: 'sd-ready-wrap', state: message };
  expect(noticeOf(fromClient)).toEqual({ ...noticeOf(message), byClient: true });
});

it.each([
  ...['ready', '', 'watchdog=1', ' WATCHDOG=1', 'WATCHDOG', { type: 'WATCHDOG=1' }, 1, null, undefined],
  ...[{ type: 'sd-ready-wrap' }, { type: 'sd-ready-wrap', state: 1 }, { type: 'ready', state: 'READY=1' }],
  { type: 'sd-ready-wrap', state: 'BARRIER=1' },
])('%j is not a notification', (message) => {
  expect(noticeOf(message)).toBeUndefined();
});
