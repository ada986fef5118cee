import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, realpathSync, rmSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import {
  describeProcess,
  limitOf,
  ownAge,
  parentOf,
  processExists,
  procText,
  procWords,
  programOf,
  statFields,
} from '../../../src/base/proc.ts';
import { tempDir } from '../../helpers/temp.ts';

/** A name that resembles what follows it in /proc/PID/stat. */
const NAME = ') Z 1 (';

const SCRIPT = 'ulimit -S -n 64; ulimit -S -n; ulimit -H -n; ulimit -S -t; ulimit -H -t; read _';

/** A shell with that name that has printed its limits and waits. */
async function start() {
  const dir = tempDir();
  const program = dir.file(NAME);
  copyFileSync(realpathSync('/bin/sh'), program);
  const child = spawn(program, ['-c', SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'], env: { A: '1', B: 'two words' } });
  let said = '';
  child.stdout.on('data', (piece) => {
    said += piece;
  });
  await vi.waitFor(() => expect(said.split('\n')).toHaveLength(5));
  return {
    ...{ child, program, pid: child.pid as number },
    limits: said.split('\n').map((word) => (word === 'unlimited' ? Infinity : Number(word))),
    [Symbol.dispose]() {
      child.kill('SIGKILL');
      dir[Symbol.dispose]();
    },
  };
}

it('gives the state and the name of a process', async () => {
  using shell = await start();
  const { pid } = shell;
  expect(processExists(pid)).toBe(true);
  expect(parentOf(pid)).toBe(process.pid);
  await vi.waitFor(() => expect(statFields(pid)?.[0]).toBe('S'));
  expect(statFields(pid, `task/${pid}/stat`)?.slice(0, 2)).toEqual(['S', String(process.pid)]);
  expect(describeProcess(pid)).toBe(`${NAME} (pid ${pid})`);
  expect(procWords(pid, 'cmdline')).toEqual([shell.program, '-c', SCRIPT, '']);
  expect(procWords(pid, 'environ')).toEqual(expect.arrayContaining(['A=1', 'B=two words']));
  expect(procText(pid, 'cgroup')).toBe(procText('self', 'cgroup'));
  expect(programOf(pid)).toBe(NAME);
  rmSync(shell.program);
  expect(programOf(pid)).toBe(NAME);
});

it('gives the limits of a process', async () => {
  using shell = await start();
  const [soft, hard, softTime, hardTime] = shell.limits;
  expect(soft).toBe(64);
  expect(limitOf(shell.pid, 'Max open files')).toEqual({ soft, hard });
  expect(limitOf(shell.pid, 'Max cpu time')).toEqual({ soft: softTime, hard: hardTime });
  expect(limitOf(shell.pid, 'Max of something else')).toBeUndefined();
});

it('gives nothing for a process that has ended', async () => {
  using shell = await start();
  const { child, pid } = shell;
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(processExists(pid)).toBe(false);
  expect([parentOf(pid), programOf(pid), limitOf(pid, 'Max open files')]).toEqual([undefined, undefined, undefined]);
  expect(procWords(pid, 'cmdline')).toEqual([]);
  expect(describeProcess(pid)).toBe(`a program (pid ${pid})`);
});

it('our own age begins with the fork, before Node does', () => {
  const age = ownAge();
  expect(age).toBeGreaterThan(process.uptime() * 1000 - 50);
  expect(age).toBeLessThan(process.uptime() * 1000 + 60_000);
});
