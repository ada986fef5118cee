/**
 * Starts that run side by side without disturbing each other: while an app boots for 20 s, others can use the machine.
 * All starts of a wave begin before the first app is ready, and end after the last was measured.
 */
import os from 'node:os';
import { Lab, sleep } from './lab.js';

/** What waiting programs may use together, % of a core. */
const WAITING = 40 * os.cpus().length;

/**
 * @template T
 * @typedef {object} Start
 * @property {number} boot ms of the machine's time until it waits
 * @property {number} waiting % of a core that it uses while it waits
 * @property {(lab: Lab) => Promise<T>} measure
 */

/**
 * Groups the starts in their order, as many per wave as there is room for. Pure.
 * @template {Start<unknown>} T
 * @param {T[]} starts
 * @param {number} delay ms that each app takes to be ready
 * @param {number} [most] % of a core that a wave may use while it waits
 * @returns {T[][]}
 */
export function waves(starts, delay, most = WAITING) {
  const found = [];
  let room = { boot: 0, waiting: 0 };
  for (const start of starts) {
    if (found.length === 0 || start.boot > room.boot || start.waiting > room.waiting) {
      found.push([]);
      room = { boot: delay, waiting: most };
    }
    found.at(-1).push(start);
    room = { boot: room.boot - start.boot, waiting: room.waiting - start.waiting };
  }
  return found;
}

/** One lab for each start of a wave. */
export class Labs {
  constructor(first) {
    this.first = first;
    this.others = [];
  }

  /** @param {Start<unknown>[]} wave */
  async run(wave) {
    while (this.others.length + 1 < wave.length) this.others.push(await Lab.open());
    const labs = [this.first, ...this.others].slice(0, wave.length);
    let unmeasured = wave.length;
    let over = () => {};
    const allMeasured = new Promise((resolve) => {
      over = resolve;
    });
    const measured = () => {
      unmeasured -= 1;
      if (unmeasured === 0) over();
    };
    let startsAt = 0;
    const runs = wave.map(async ({ boot, measure }, index) => {
      const lab = labs[index];
      const begin = startsAt;
      startsAt += boot;
      let held = false;
      lab.hold = () => {
        held = true;
        measured();
        return allMeasured;
      };
      try {
        await sleep(begin);
        await measure(lab);
      } finally {
        // a failed run never called hold()
        if (!held) measured();
        lab.hold = async () => {};
      }
    });
    const ends = await Promise.allSettled(runs);
    for (const { reason } of ends) if (reason) throw reason;
  }

  close() {
    for (const lab of this.others) lab.close();
  }
}
