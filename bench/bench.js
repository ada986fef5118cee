/**
 * `npm run bench`: the promises that are numbers, measured in one run. How, and how to read it: README.md.
 *
 * --quick: few samples, for a look. --json: the figures as JSON. --check: exit 1 when a goal is missed. Words: only these
 * ways to be ready, such as tcp.
 */
import fs from 'node:fs';
import os from 'node:os';
import { freePort } from '../test/helpers/systemd/private-systemd.js';
import { looks } from './look.js';
import { WAYS as ALL_WAYS, Lab } from './measure.js';

const KNOWN = ['--quick', '--json', '--check'];
const unknown = process.argv.slice(2).find((word) => !KNOWN.includes(word) && !ALL_WAYS.includes(word));
if (unknown) {
  process.stderr.write(`bench: ${unknown} is none of ${[...KNOWN, ...ALL_WAYS].join(', ')}\n`);
  process.exit(64);
}
const named = ALL_WAYS.filter((way) => process.argv.includes(way));
const WAYS = named.length > 0 ? named : ALL_WAYS;
const [quick, json, check] = KNOWN.map((option) => process.argv.includes(option));

const RUNS = quick
  ? { startUp: 10, latency: [15, 3, 0], windows: 3, windowMs: 2000 }
  : { startUp: 40, latency: [100, 20, 10], windows: 3, windowMs: 10_000 };
const WARM_UP = 3;
/** How long the app takes to be ready, ms; a part by chance, so that a poll is met in every phase. */
const TAKES = [
  [100, 300],
  [2000, 2100],
  [20_000, 20_100],
];
/** The last ones wait together: each uses a few hundredths of a core. */
const TOGETHER = 5;
const OBSERVED = ['stdout', 'ipc', 'fd', 'notify'];
const GOALS = { boots: 1.45, observed: 4, polled: 12, waiting: 5, rest: 0.05, look: 5 };
/** Connections on loopback, of which each is two sockets, for the look on a crowded host. */
const CONNECTIONS = 96_000;
const nameOf = (way) => (way === 'auto' ? 'auto' : `--${way}`);

const lab = await Lab.open();
process.once('exit', () => lab.close());
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

const loadBefore = os.loadavg()[0];
const figures = [...(await startUp()), ...(await latency()), ...(await usage()), ...(await look())];
const conditions = {
  date: new Date().toISOString().slice(0, 10),
  version: JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version,
  node: process.versions.node,
  kernel: os.release(),
  cpu: `${os.cpus().length} x ${os.cpus()[0]?.model ?? os.arch()}`,
  load: { before: loadBefore, after: os.loadavg()[0] },
  quick,
};
process.stdout.write(json ? `${JSON.stringify({ conditions, figures }, null, 2)}\n` : table(conditions, figures));
lab.close();
const missed = figures.filter(({ met }) => met === false);
if (check && missed.length > 0) process.exitCode = 1;

async function startUp() {
  return [
    ...(await startUpIn("as in a shell: the caller's environment", process.env)),
    ...(await startUpIn('as in a unit: an almost empty environment')),
  ];
}

async function startUpIn(where, environment) {
  const port = await freePort();
  const direct = [];
  const wrapped = [];
  for (let run = -WARM_UP; run < RUNS.startUp; run += 1) {
    progress(`start-up ${where}, ${Math.max(run, 0)} of ${RUNS.startUp}`);
    // In alternation, so that a busy moment of the machine hits both alike
    const pair = [await lab.startUp(false, port, environment), await lab.startUp(true, port, environment)];
    if (run < 0) continue;
    direct.push(pair[0]);
    wrapped.push(pair[1]);
  }
  const added = wrapped.map((ms, index) => ms - direct[index]);
  const boots = (median(wrapped) - median(direct)) / median(direct);
  return [
    figure(`first instruction, direct, ${where}`, 'ms', direct),
    figure('  wrapped', 'ms', wrapped),
    figure('  what the wrapper adds', 'ms', added),
    {
      ...figure(
        '  the same in boots of bare Node',
        'boots',
        added.map((ms) => ms / median(direct)),
      ),
      median: boots,
      ...goal(boots, GOALS.boots),
    },
  ];
}

async function latency() {
  const rows = [];
  for (const [index, [least, most]] of TAKES.entries()) {
    const count = RUNS.latency[index];
    if (count === 0) continue;
    const samples = Object.fromEntries(WAYS.map((way) => [way, []]));
    const takes = () => least + Math.random() * (most - least);
    const together = least > 10_000 ? TOGETHER : 1;
    const labs = [lab];
    while (labs.length < together) labs.push(await Lab.open());
    for (let run = 0; run < count; run += together) {
      progress(`from ready after ${least} ms to READY=1, ${run} of ${count}`);
      // the ways in turn, so that a busy moment of the machine hits all alike
      for (const way of WAYS) {
        samples[way].push(...(await Promise.all(labs.map((each) => each.latency(way, takes())))));
      }
    }
    for (const each of labs.slice(1)) each.close();
    for (const way of WAYS) {
      const wanted = OBSERVED.includes(way) ? GOALS.observed : GOALS.polled;
      const after = index === 0 ? '' : `, after ${least / 1000} s`;
      rows.push(figure(`ready to READY=1, ${nameOf(way)}${after}`, 'ms', samples[way], wanted));
    }
  }
  return rows;
}

async function usage() {
  const found = {};
  for (const way of WAYS) {
    progress(`CPU while waiting and at rest, ${nameOf(way)}`);
    found[way] = await lab.usage(way, RUNS.windows, RUNS.windowMs);
  }
  progress('');
  const of = (way, phase, what) => found[way][phase].map((window) => window[what]);
  const each = (look) => WAYS.flatMap(look);
  return [
    ...each((way) =>
      figure(`CPU while waiting, ${nameOf(way)}`, '% of a core', of(way, 'waiting', 'cpu'), GOALS.waiting),
    ),
    ...each((way) => [
      figure(`CPU at rest, ${nameOf(way)}`, '% of a core', of(way, 'rest', 'cpu'), GOALS.rest),
      figure(`  by the scheduler's clock, ${nameOf(way)}`, '% of a core', of(way, 'rest', 'cpuFine')),
      figure(`  context switches, ${nameOf(way)}`, 'per s', of(way, 'rest', 'switches')),
      figure(`  resident memory, ${nameOf(way)}`, 'MiB', of(way, 'rest', 'rss')),
      figure(`  threads, ${nameOf(way)}`, '', of(way, 'rest', 'threads')),
    ]),
  ];
}

async function look() {
  progress(`a look beside ${CONNECTIONS} connections`);
  const found = await looks(CONNECTIONS, quick ? 20 : 100);
  return Object.entries(found).flatMap(([host, { quiet, crowded }]) => [
    figure(`a look for the app's listener on ${host}`, 'ms', quiet, GOALS.look),
    // the kernel walks past them all where they are of the other version of IP
    figure(`  the same beside ${CONNECTIONS} IPv4 connections`, 'ms', crowded, host === '::' ? undefined : GOALS.look),
  ]);
}

/** One line of the table. A goal is for the median. */
function figure(name, unit, samples, wanted) {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    name,
    unit,
    n: sorted.length,
    median: median(sorted),
    // the nearest rank: of less than 100 samples it would be the maximum
    p99: sorted.length < 100 ? undefined : sorted[Math.ceil(sorted.length * 0.99) - 1],
    min: sorted[0],
    max: sorted.at(-1),
    ...(wanted === undefined ? {} : goal(median(sorted), wanted)),
  };
}

function goal(value, most) {
  return { goal: most, met: value <= most };
}

function median(samples) {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

function table({ date, version, node, kernel, cpu, load }, rows) {
  const show = (value) => (value === undefined ? '' : Number(value.toFixed(value < 10 ? 2 : 1)).toString());
  const cells = rows.map((row) => [
    row.name,
    String(row.n),
    ...[row.median, row.p99, row.min, row.max].map(show),
    row.unit,
    row.goal === undefined ? '' : `<= ${row.goal} ${row.met ? 'met' : 'MISSED'}`,
  ]);
  const head = ['', 'n', 'median', 'p99', 'min', 'max', 'unit', 'goal (median)'];
  const widths = head.map((_, column) => Math.max(...[head, ...cells].map((row) => row[column].length)));
  const numeric = (column) => column >= 1 && column <= 5;
  const line = (row) =>
    row
      .map((cell, column) => (numeric(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd();
  return `sd-ready-wrap ${version}, Node ${node}, Linux ${kernel}, ${cpu}, ${date}
load average ${load.before.toFixed(2)} before, ${load.after.toFixed(2)} after (this bench is part of it)

${[head, ...cells].map(line).join('\n')}
`;
}

function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}
