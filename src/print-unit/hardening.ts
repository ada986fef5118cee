/** The part of a printed unit that shuts the app in. */
import type { UnitFacts } from './service-file.ts';

/**
 * What is written out breaks no app that we know of. What stands behind # closes more, and some apps need what it
 * closes. In a user's manager only what needs no privilege (systemd.exec(5), "Sandboxing").
 */
export function hardening({ unit, manager, directory }: UnitFacts): string {
  const anywhere = ['NoNewPrivileges=yes', 'RestrictRealtime=yes', 'LockPersonality=yes'];
  if (manager === 'user') {
    return ['# Hardening. Not for an app that calls sudo: systemd.exec(5), "Sandboxing"', ...anywhere].join('\n');
  }
  const inSystem = /^\/(usr|boot|efi|etc)(\/|$)/.test(directory);
  return [
    '# Hardening that Node apps can bear. NoNewPrivileges= not for an app that calls sudo, or a node with setcap(8):',
    '# systemd.exec(5), "Sandboxing"',
    ...anywhere,
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectControlGroups=yes',
    ...(inSystem ? ['# not where the app itself is in there:', '#ProtectSystem=full'] : ['ProtectSystem=full']),
    '',
    `# More, to be tried one by one, and seen in: systemd-analyze security ` +
      `${unit.template ? `${unit.name}3001` : unit.name}`,
    '# Never MemoryDenyWriteExecute=, with which Node cannot start',
    ...TO_BE_TRIED,
  ].join('\n');
}

const TO_BE_TRIED = [
  ['PrivateTmp=yes', 'a /tmp of its own: not where others find a socket of the app there'],
  ['ProtectHome=yes', 'no /home and /root: not where the app or its node is there'],
  ['ProtectSystem=strict', 'all is read-only but what ReadWritePaths= and StateDirectory= name'],
  ['PrivateDevices=yes', 'no devices but /dev/null and the like'],
  ['ProtectClock=yes', 'no setting of the clock, and no devices that are not named'],
  ['ProtectKernelTunables=yes', '/proc/sys and /sys are read-only: not for GPIO'],
  ['CapabilityBoundingSet=', 'nothing that only root may; for ports below 1024 CAP_NET_BIND_SERVICE'],
  [
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
    'no other sockets; the last is for os.networkInterfaces()',
  ],
  ['RestrictNamespaces=yes', 'not for a browser that has a sandbox, as of Puppeteer'],
  ['RestrictSUIDSGID=yes', 'no setuid and setgid files'],
  ['SystemCallArchitectures=native', 'no programs of another machine'],
  ['SystemCallFilter=@system-service', 'with the next line, so that a call fails and does not kill'],
  ['SystemCallErrorNumber=EPERM', ''],
  ['UMask=0077', 'what the app writes, its sockets too, is for its user alone'],
].flatMap(([line, what]) => (what === '' ? [`#${line}`] : [`# ${what}`, `#${line}`]));
