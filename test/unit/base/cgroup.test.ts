import { describe, expect, it } from 'vitest';
import { isInUnitOf, otherService, unitOfCgroup } from '../../../src/base/cgroup.ts';

describe('unitOfCgroup', () => {
  it.each([
    ['0::/system.slice/app.service\n', 'app.service'],
    ['0::/system.slice/system-app.slice/app@3000.service\n', 'app@3000.service'],
    ['0::/system.slice/app.service/inner\n', 'app.service'],
    ['0::/a\r.slice/app.service\n', 'app.service'],
    ['0::/user.slice/user-1000.slice/user@1000.service/app.slice/app.service\n', 'app.service'],
    ['0::/user.slice/user-1000.slice/user@1000.service/app.slice/terminal-1.scope\n', undefined],
    ['0::/user.slice/user-1000.slice/session-2.scope\n', undefined],
    ['12:pids:/other.service\n1:name=systemd:/system.slice/app.service\n0::/\n', 'app.service'],
    ['12:pids:/other.service\n1:name=systemd:/system.slice/app.service\n', 'app.service'],
    ['9:name=systemd:/\n0::/app.slice/app.service\n', 'app.service'],
    ['0::/\n', undefined],
    ['', undefined],
  ])('%j', (cgroup, unit) => {
    expect(unitOfCgroup(cgroup)).toBe(unit);
  });
});

describe('otherService', () => {
  const OWN = '0::/system.slice/shop@b.service\n';
  const USER = '0::/user.slice/user-1000.slice/user@1000.service';
  const SESSION = '0::/user.slice/user-1000.slice/session-2.scope\n';

  it.each([
    ['0::/system.slice/system-shop.slice/shop@a.service\n', OWN, 'shop@a.service'],
    ['0::/system.slice/shop@a.service/inner\n', '0::/\n', 'shop@a.service'],
    ['0::/system.slice/shop@b.service/inner\n', OWN, undefined],
    [`${USER}/app.slice/old.service\n`, `${USER}/app.slice/new.service\n`, 'old.service'],
    [`${USER}/app.slice/old.service\n`, `${USER}/app.slice/terminal-1.scope\n`, 'old.service'],
    [`${USER}/app.slice/shop@b.service\n`, OWN, 'shop@b.service of user@1000.service'],
    ['0::/system.slice/evil.service/nginx.service\n', OWN, 'nginx.service of evil.service'],
    ['0::/system.slice/shop.service\n', `${USER}/app.slice/shop.service\n`, 'shop.service'],
    ['0::/system.slice/old.service\n', SESSION, 'old.service'],
    [SESSION, OWN, undefined],
    [`${USER}/app.slice/terminal-1.scope\n`, OWN, undefined],
    ['0::/system.slice/docker-0123456789ab.scope\n', OWN, undefined],
    [`${USER}/init.scope\n`, OWN, undefined],
    [`${USER}\n`, OWN, undefined],
    ['0::/init.scope\n', OWN, undefined],
    ['0::/\n', OWN, undefined],
    ['', OWN, undefined],
    ['1:name=systemd:/system.slice/old.service\n0::/\n', '', 'old.service'],
  ])('%j, seen from %j', (cgroup, own, name) => {
    expect(otherService(cgroup, own)).toBe(name);
  });
});

describe('isInUnitOf', () => {
  const APP = '0::/system.slice/app.service\n';
  const LEGACY = '1:name=systemd:/system.slice/app.service\n0::/\n';

  it.each([
    [APP, APP, true],
    [APP, '0::/system.slice/app.service/inner\n', true],
    ['0::/system.slice/app.service/us\n', '0::/system.slice/app.service/them/below\n', true],
    ['0::/system.slice/app.service/us\n', APP, true],
    [APP, '0::/system.slice/app.service2\n', false],
    [APP, '0::/system.slice/other.service\n', false],
    [APP, '0::/system.slice\n', false],
    ['0::/user@1000.service/app.slice/a.service\n', '0::/user@1000.service/app.slice/b.service\n', false],
    ['0::/\n', '0::/anywhere\n', true],
    ['0::/job\n', '0::/other\n', false],
    [LEGACY, `5:pids:/elsewhere\n${LEGACY}`, true],
    [LEGACY, '1:name=systemd:/system.slice/other.service\n0::/\n', false],
  ])('%j, %j: %s', (cgroup, other, expected) => {
    expect(isInUnitOf(cgroup, other)).toBe(expected);
  });
});
