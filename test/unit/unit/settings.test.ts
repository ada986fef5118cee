import { describe, expect, it } from 'vitest';
import { isListedSuccess, lastBoolean, lastSoftLimit, lastWord, reloadSignal } from '../../../src/unit/settings.ts';

describe('lastBoolean', () => {
  it.each([
    [[], undefined],
    [['[Service]\nIgnoreSIGPIPE=no\n'], false],
    [['IgnoreSIGPIPE=no', 'IgnoreSIGPIPE=yes'], true],
    [['IgnoreSIGPIPE=yes\nIgnoreSIGPIPE=no'], false],
    [[' IgnoreSIGPIPE = off '], false],
    [['#IgnoreSIGPIPE=no', ';IgnoreSIGPIPE=no'], undefined],
    [['IgnoreSIGPIPE=no', 'IgnoreSIGPIPE=perhaps'], false],
    [['NotIgnoreSIGPIPE=no\nIgnoreSIGPIPEs=no'], undefined],
  ])('%j', (texts, value) => {
    expect(lastBoolean('IgnoreSIGPIPE', texts)).toBe(value);
  });
});

describe('lastSoftLimit', () => {
  it.each([
    [[], undefined],
    [['LimitNOFILE=64'], 64],
    [['LimitNOFILE=64:128'], 64],
    [['LimitNOFILE=64:infinity'], 64],
    [['LimitNOFILE=64', 'LimitNOFILE=32:48'], 32],
    [['LimitNOFILE=64', 'LimitNOFILE=infinity'], Infinity],
    [['LimitNOFILE=64', 'LimitNOFILE=many'], 64],
    [['LimitNPROC=64'], undefined],
  ])('%j', (texts, value) => {
    expect(lastSoftLimit('LimitNOFILE', texts)).toBe(value);
  });
});

describe('isListedSuccess', () => {
  it.each([
    [[], false],
    [['SuccessExitStatus=143'], true],
    [['SuccessExitStatus=TEMPFAIL 143 SIGKILL'], true],
    [['SuccessExitStatus=143', 'SuccessExitStatus=3'], true],
    [['SuccessExitStatus=143', 'SuccessExitStatus=', 'SuccessExitStatus=3'], false],
    [['SuccessExitStatus=1430'], false],
  ])('%j', (texts, listed) => {
    expect(isListedSuccess(143, texts)).toBe(listed);
  });
});

describe('reloadSignal', () => {
  const NUMBERS = { SIGHUP: 1, SIGUSR1: 10, SIGUSR2: 12 };

  it.each([
    [[], undefined],
    [['[Service]\nType=notify\n'], undefined],
    [['Type=notify\nReloadSignal=SIGUSR1'], undefined],
    [['Type=notify-reload'], 'SIGHUP'],
    [['Type=notify', 'Type=notify-reload'], 'SIGHUP'],
    [['Type=notify-reload', 'Type=notify'], undefined],
    [['Type=notify-reload', 'Type=', 'Type=perhaps'], 'SIGHUP'],
    [['Type=notify-reload\nReloadSignal=SIGUSR1'], 'SIGUSR1'],
    [['ReloadSignal=USR2', 'Type=notify-reload'], 'SIGUSR2'],
    [['Type=notify-reload\nReloadSignal=10\nReloadSignal=\n'], 'SIGUSR1'],
    [['Type=notify-reload', 'ReloadSignal=USR1', 'ReloadSignal=USR2'], 'SIGUSR2'],
    [['Type=notify-reload', 'ReloadSignal=RTMIN+1'], undefined],
    [['Type=notify-reload', 'ReloadSignal=constructor'], undefined],
  ])('%j: %s', (texts, signal) => {
    expect(reloadSignal(texts, NUMBERS)).toBe(signal);
  });

  it('is undefined if the files do not set the type, whatever else is known', () => {
    expect(reloadSignal([''], NUMBERS)).toBeUndefined();
    expect(reloadSignal([''], NUMBERS, 'notify-reload')).toBe('SIGHUP');
    expect(reloadSignal(['Type=notify'], NUMBERS, 'notify-reload')).toBeUndefined();
  });
});

it('parses a long line in linear time', () => {
  const began = process.cpuUsage();
  expect(lastWord('KillMode', [`KillMode=a${' '.repeat(100_000)}b`])).toMatch(/^a +b$/);
  expect(process.cpuUsage(began).user).toBeLessThan(5_000_000);
});
