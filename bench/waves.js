/**
 * Starts side by side that do not disturb each other: an app that boots for 20 s leaves the machine to others for 20 s.
 * All of a wave are started before the first of it is ready, and ended after the last one was measured.
 */
import os from 'node:os';
import { Lab, sleep } from './lab.js';

/** What those who wait may use together, % of a core. */
const WAITING = 40 * os.cpus().length;

/**
 * @template T
 * @typedef {object} Start
 * @property {number} boot ms of the machine's time until it waits
 * @property {number} waiting % of a core that it uses while it waits
 * @property {(lab: Lab) => Promise<T>} measure
 */

/**
 * In their order, as many in each as have room. Pure.
 * @template {Start<unknown>} T
 * @param {T[]} starts
 * @param {number} delay ms that each app takes to be ready
 * @param {number} [most] % of a core that those of a wave may use while they wait
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

/** Labs for as many as there may be in a wave. */
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
        // one that failed never came to that
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
