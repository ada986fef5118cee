import { describe, expect, it } from 'vitest';
import { lastBoolean, unitOfCgroup } from '../../../src/core/unit-setting.ts';

describe('unitOfCgroup', () => {
  it.each([
    ['0::/system.slice/app.service\n', 'app.service'],
    ['0::/system.slice/system-app.slice/app@3000.service\n', 'app@3000.service'],
    ['0::/system.slice/app.service/inner\n', 'app.service'],
    ['0::/user.slice/user-1000.slice/user@1000.service/app.slice/app.service\n', 'app.service'],
    ['0::/user.slice/user-1000.slice/user@1000.service/app.slice/terminal-1.scope\n', undefined],
    ['0::/user.slice/user-1000.slice/session-2.scope\n', undefined],
    ['12:pids:/other.service\n1:name=systemd:/system.slice/app.service\n0::/\n', 'app.service'],
    ['12:pids:/other.service\n1:name=systemd:/system.slice/app.service\n', 'app.service'],
    ['0::/\n', undefined],
    ['', undefined],
  ])('%j', (cgroup, unit) => {
    expect(unitOfCgroup(cgroup)).toBe(unit);
  });
});

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
