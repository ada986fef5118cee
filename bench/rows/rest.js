/** What the wrapper uses once READY=1 is sent, compared with a Node that has nothing to do. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { freePort } from '../../test/helpers/systemd/private-systemd.js';
import { childrenOf, watch } from '../account.js';
import { figure, missing } from '../figures.js';
import { APP, PROGRAMS, sleep, WRAPPER } from '../lab.js';
import { COSTS } from '../picture.js';
import { withSystemd } from '../units.js';
import { Labs } from '../waves.js';
import { WAYS, wrapped } from '../ways.js';

/** Memory does not depend on how busy the machine is. */
const MARGIN = 0.02;
const GOALS = {
  cpu: { median: 0.05 },
  wakeUps: { max: 0 },
  threads: { max: 4 },
  rss: { ratio: { most: 1.2, accepted: 1.36, why: 'pages of node itself that its net and streams touch' } },
};
/** V8 tidies the heap once, some 8 s after the last work (its "memory reducer"): 40 ms that belong to the start. */
const SETTLE = 12_000;
const HANDOFF = 'handoff';
/** One start's time of the machine, ms. At rest they cost nothing, so they are measured side by side. */
const BOOT = 150;

/** @type {import('../rows.js').Row} */
export const rest = {
  name: 'rest',
  title: 'the wrapper at rest, after READY=1; the ratio is to a Node that has nothing to do',
  parts: [...WAYS, HANDOFF],
  runs: { full: { windowMs: 60_000 }, quick: { windowMs: 2000 } },
  picture: {
    title: COSTS,
    bars: (figures) =>
      figures
        .filter(({ name }) => name === 'resident memory, the wrapper')
        .map(({ ratio }) => ({ label: 'memory at rest, over a Node that is idle', value: ratio, ours: true })),
  },
  async run(lab, { windowMs, parts }) {
    lab.progress(`at rest for ${(SETTLE + windowMs) / 1000} s`);
    const ways = parts.filter((part) => part !== HANDOFF);
    const found = new Map();
    const start = (name, measure) => ({
      boot: BOOT,
      waiting: 0,
      measure: async (own) => found.set(name, await measure(own)),
    });
    const labs = new Labs(lab);
    try {
      await labs.run([
        start('idle', (own) => own.run([process.execPath, path.join(PROGRAMS, 'idle.cjs')], atRest(windowMs))),
        ...ways.map((way) => start(way, (own) => wrapperAtRest(own, way, windowMs))),
      ]);
    } finally {
      labs.close();
    }
    const handoff = parts.includes(HANDOFF) && knowsHandoff() ? [await left()] : [];
    return [...(ways.length > 0 ? figures(ways, found) : []), ...handoff];
  },
};

const atRest =
  (windowMs) =>
  async ({ child }) => {
    await sleep(SETTLE);
    return watch(child.pid, windowMs);
  };

async function wrapperAtRest(lab, way, windowMs) {
  return lab.run(wrapped(lab, way, 100, await freePort()), async ({ child }) => {
    await lab.arrival(20_000);
    const canaries = () => childrenOf(child.pid).length - 1;
    return { ...(await atRest(windowMs)({ child })), canaries: canaries() };
  });
}

/** How many processes besides the app are left in the unit after a handoff. */
function left() {
  return withSystemd(
    ['system', 'session'],
    async (units) => {
      const port = await freePort();
      const app = `${process.execPath} ${APP} ${units.makeDir()}/moment tcp 0 ${port}`;
      const command = `${WRAPPER} --handoff --tcp ${port} -- ${app}`;
      await units.define('handoff', ['Type=notify', 'KillMode=control-group', `ExecStart=${command}`]);
      await units.order('start', ['handoff@1.service']);
      await sleep(SETTLE);
      const group = await units.systemd.show('handoff@1.service', 'ControlGroup');
      const { stdout } = await units.systemd.run('cat', [`/sys/fs/cgroup${group}/cgroup.procs`]);
      return figure('processes left by --handoff', '', [stdout.trim().split('\n').length - 1], { goals: { max: 0 } });
    },
    (why) => missing('processes left by --handoff', why),
  );
}

function knowsHandoff() {
  const { stdout } = spawnSync(process.execPath, [WRAPPER, '--help'], { encoding: 'utf8' });
  return stdout.includes('--handoff');
}

function figures(ways, found) {
  const one = (what, name, unit) => figure(name, unit, [found.get('idle')[what]]);
  const idle = {
    rss: one('rss', 'resident memory, Node alone', 'MiB'),
    own: one('own', 'private memory, Node alone', 'MiB'),
    threads: one('threads', 'threads, Node alone', ''),
  };
  const of = (what, name, unit, over) => {
    const samples = ways.map((way) => found.get(way)[what]);
    return figure(name, unit, samples, { over, goals: GOALS[what], margin: MARGIN });
  };
  return [
    ...[idle.rss, of('rss', 'resident memory, the wrapper', 'MiB', idle.rss)],
    ...[idle.own, of('own', 'private memory, the wrapper', 'MiB', idle.own)],
    ...[idle.threads, of('threads', 'threads, the wrapper', '', idle.threads)],
    of('cpu', 'CPU', '% of a core'),
    of('wakeUps', 'wake-ups', ''),
    of('canaries', 'shells beside it', ''),
  ];
}
