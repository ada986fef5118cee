/** What the kernel has on record of a process, all its threads together (proc(5)). */
import fs from 'node:fs';
import { now, sleep } from './lab.js';

/** What getconf CLK_TCK says on every Linux that Node runs on; the unit of /proc/PID/stat. */
const TICKS_PER_SECOND = 100;

/**
 * @typedef {object} Usage of one process within a window
 * @property {number} cpu % of a core, in steps of a tick
 * @property {number} cpuFine % of a core, by the scheduler's clock
 * @property {number} switches per second, voluntary ones
 * @property {number} rss MiB
 * @property {number} threads
 */

/** @returns {Promise<Usage[]>} */
export async function watch(pid, windows, windowMs) {
  const found = [];
  for (let window = 0; window < windows; window += 1) {
    const before = { ...account(pid), at: now() };
    await sleep(windowMs);
    const after = { ...account(pid), at: now() };
    const took = after.at - before.at;
    found.push({
      cpu: ((after.cpuMs - before.cpuMs) / took) * 100,
      cpuFine: ((after.onCpuMs - before.onCpuMs) / took) * 100,
      switches: ((after.switches - before.switches) / took) * 1000,
      rss: after.rss,
      threads: after.threads,
    });
  }
  return found;
}

function account(pid) {
  const read = (file) => fs.readFileSync(`/proc/${pid}/${file}`, 'utf8');
  // Behind the name in parentheses, which may hold anything: utime and stime are the fields 14 and 15, state is 3
  const stat = read('stat').split(') ').pop().split(' ');
  const status = read('status');
  const field = (text, name) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1]);
  const threads = fs.readdirSync(`/proc/${pid}/task`);
  const perThread = (look) => threads.reduce((sum, thread) => sum + look(`task/${thread}`), 0);
  return {
    cpuMs: ((Number(stat[11]) + Number(stat[12])) * 1000) / TICKS_PER_SECOND,
    onCpuMs: perThread((thread) => Number(read(`${thread}/schedstat`).split(' ')[0])) / 1e6,
    switches: perThread((thread) => field(read(`${thread}/status`), 'voluntary_ctxt_switches')),
    rss: field(status, 'VmRSS') / 1024,
    threads: field(status, 'Threads'),
  };
}
