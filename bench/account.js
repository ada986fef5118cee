/** The kernel's account of a process, all its threads together (proc(5)). */
import fs from 'node:fs';
import { now, sleep } from './lab.js';

/**
 * @typedef {object} Usage of one process within a window
 * @property {number} cpu % of a core, by the scheduler's clock
 * @property {number} wakeUps how often a thread of it gave up the CPU by itself: voluntary context switches
 * @property {number} rss MiB
 * @property {number} own MiB, memory that no other process shares
 * @property {number} threads
 */

/** @returns {Promise<Usage>} */
export async function watch(pid, ms) {
  const before = { ...account(pid), at: now() };
  await sleep(ms);
  const after = { ...account(pid), at: now() };
  return {
    ...memory(pid),
    cpu: ((after.onCpuMs - before.onCpuMs) / (after.at - before.at)) * 100,
    wakeUps: after.switches - before.switches,
    threads: after.threads,
  };
}

/** @returns {number[]} */
export function childrenOf(pid) {
  return read(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

/** CPU time so far, by the scheduler's clock, ms. */
export function onCpuMs(pid) {
  return account(pid).onCpuMs;
}

function account(pid) {
  const threads = fs.readdirSync(`/proc/${pid}/task`);
  const sum = (count) => threads.reduce((total, thread) => total + count(`task/${thread}`), 0);
  return {
    // in nanoseconds; /proc/PID/stat counts in steps of 10 ms
    onCpuMs: sum((thread) => Number(read(pid, `${thread}/schedstat`).split(' ')[0])) / 1e6,
    switches: sum((thread) => field(read(pid, `${thread}/status`), 'voluntary_ctxt_switches')),
    threads: threads.length,
  };
}

function memory(pid) {
  const rollup = read(pid, 'smaps_rollup');
  return {
    rss: field(rollup, 'Rss') / 1024,
    own: (field(rollup, 'Private_Clean') + field(rollup, 'Private_Dirty')) / 1024,
  };
}

function read(pid, file) {
  return fs.readFileSync(`/proc/${pid}/${file}`, 'utf8');
}

function field(text, name) {
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1]);
}
