import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { possibleModes, REPOSITORY, until } from '../helpers/systemd/private-systemd.js';

const systemdHere = possibleModes().modes.some((mode) => mode === 'system' || mode === 'session');

/** The demo in its own process group, as under a shell, so that the test can press Ctrl-C. */
function startDemo(...args: string[]) {
  const child = spawn(process.execPath, [join(REPOSITORY, 'test/demo/demo.js'), ...args], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const seen = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    seen.stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    seen.stderr += chunk;
  });
  return { child, seen, ended: once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]> };
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(false)).once('error', () => resolve(true));
    socket.once('connect', () => socket.destroy());
  });
}

const WAYS = [
  {
    title: 'against the built-in receiver',
    args: ['--receiver'],
    deploy: /for a real systemd/,
    opening: 'under the built-in receiver, not systemd',
  },
  {
    title: 'in the best way this machine has',
    args: [],
    deploy: systemdHere ? /swap\.sh +0 of \d+ connections refused/ : /for a real systemd/,
    opening: systemdHere ? /under (a private|your session's own) systemd \d/ : 'under the built-in receiver',
  },
];

describe.each(WAYS)('npm run demo $title', ({ args, deploy, opening }) => {
  test('does what it prints and exits with 0', async () => {
    const { seen, ended } = startDemo(...args);
    expect({ status: await ended, stderr: seen.stderr }).toEqual({ status: [0, null], stderr: '' });
    expect(seen.stdout).toMatch(opening);
    expect(seen.stdout.match(/first request: HTTP 200/g)).toHaveLength(5);
    expect(seen.stdout).toContain('0 of 5 first requests failed');
    expect(seen.stdout).toMatch(deploy);
    // not a terminal: no colours, no clock that redraws its line
    expect(seen.stdout).not.toContain('\u001b');
    expect(seen.stdout).not.toContain('\r');
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it and everything that it started', async (signal) => {
    const { child, seen, ended } = startDemo(...args);
    const port = await until('the app to answer', () => Number(/HTTP 200/.test(seen.stdout) && portIn(seen.stdout)));
    // Ctrl-C goes to the terminal's whole process group, kill(1) to one process
    process.kill(signal === 'SIGINT' ? -(child.pid as number) : (child.pid as number), signal);
    expect(await ended).toEqual([null, signal]);
    expect(await isRefused(port)).toBe(true);
    expect(isGroupEmpty(child.pid as number)).toBe(true);
    const dir = /\/tmp\/sd-ready-wrap-demo-\w+/.exec(seen.stdout)?.[0];
    if (dir) expect(existsSync(dir)).toBe(false);
  });
});

function portIn(stdout: string): string | undefined {
  return /curl http:\/\/127\.0\.0\.1:(\d+)\//.exec(stdout)?.[1];
}

/** Whether any process is left in the process group that the demo led. */
function isGroupEmpty(group: number): boolean {
  try {
    process.kill(-group, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
