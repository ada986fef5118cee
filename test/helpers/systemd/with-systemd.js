#!/usr/bin/env node
/**
 * Runs a command under a private systemd: with-systemd.js [user-root|user-1000|system|session] COMMAND [ARG...]
 *
 * Variables of the command: UNITS (the directory for unit files), SYSTEMCTL, REPOSITORY and NODE (their paths for
 * services), SCRATCH (a directory that is removed afterwards). Its output and exit status are passed on at the end.
 */
import { bootSystemd, MODES, possibleModes } from './private-systemd.js';

const [first = '', ...rest] = process.argv.slice(2);
const named = first in MODES;
const { modes, missing } = possibleModes();
const mode = named ? first : modes[0];
const [command, ...args] = named ? rest : [first, ...rest];

if (!command) {
  process.stderr.write(`usage: with-systemd.js [${Object.keys(MODES).join('|')}] COMMAND [ARG...]\n`);
  process.exitCode = 64;
} else if (!mode || !modes.includes(mode)) {
  process.stderr.write(`with-systemd.js: no systemd available here: ${missing}\n`);
  process.exitCode = 69;
} else {
  const systemd = await bootSystemd(mode);
  const result = await systemd.run(command, args, {
    // The part after /proc/PID/root is the path inside
    UNITS: systemd.unitDir.replace(/^\/proc\/\d+\/root/, ''),
    SYSTEMCTL: systemd.mode === 'system' ? 'systemctl' : 'systemctl --user',
    REPOSITORY: systemd.repo,
    NODE: systemd.node,
    SCRATCH: systemd.makeDir(),
  });
  process.stdout.write(result.stdout);
  process.stderr.write(result.stderr);
  await systemd.stop();
  process.exitCode = result.code ?? 70;
}
