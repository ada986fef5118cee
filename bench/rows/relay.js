/**
 * What it costs when a watched stdout passes through the wrapper, compared with cat in its place in a shell pipeline.
 */
import fs from 'node:fs';
import path from 'node:path';
import { until } from '../../test/helpers/systemd/private-systemd.js';
import { childrenOf, onCpuMs } from '../account.js';
import { figure } from '../figures.js';
import { PROGRAMS, WRAPPER } from '../lab.js';

const LINE = 83;
const MB = 1e6;
/** What the app writes: `block` bytes per write, 0 for a line; `pause` ms in between. */
const SHAPES = [
  { shape: 'blocks of 64 KiB', block: 65_536, pause: 0 },
  // these cost less in a pipe than in a socket, with any reader: a goal only for the wrapper's own part
  { shape: 'lines, each written by itself', block: 0, pause: 0 },
];
const SINGLE = { block: 0, pause: 10, bytes: 50 * LINE };

const wrapped = (regex) => [WRAPPER, '--log-level', 'error', '--stdout', regex, '--'];
const WAYS = [
  {
    way: 'through cat',
    handedOver: true,
    script: '"$@" | cat | perl "$SINK" "$OUT" "$BYTES"',
    prefix: [],
    goal: undefined,
  },
  {
    way: 'before ready',
    handedOver: false,
    script: '"$@" | perl "$SINK" "$OUT" "$BYTES"',
    prefix: wrapped('never'),
    goal: 2.2,
  },
  {
    way: 'once ready',
    handedOver: true,
    script: '"$@" | perl "$SINK" "$OUT" "$BYTES"',
    prefix: wrapped('READY'),
    goal: 1.1,
  },
];
/** Of a stream that is scanned for the readiness line, MB per second. */
const SCANNED = { least: 250 };

/** @type {import('../rows.js').Row} */
export const relay = {
  name: 'relay',
  title: "a watched stdout, from the first byte to the last; the ratio is to cat in the wrapper's place",
  runs: { full: { samples: 15, megabytes: [512, 16] }, quick: { samples: 3, megabytes: [128, 4] } },
  async run(lab, { samples, megabytes }) {
    const rows = [];
    for (const [index, { shape, block, pause }] of SHAPES.entries()) {
      const bytes = megabytes[index] * MB;
      const found = await alternate(lab, samples, shape, { block, pause, bytes });
      const cat = figure(
        `${shape}, through cat`,
        'ms',
        found[0].map(({ took }) => took),
      );
      const spent = figure(
        `CPU of cat, ${shape}`,
        'ms a GB',
        found[0].map(({ cpu }) => cpu / (bytes / 1e9)),
      );
      for (const [nth, { way, goal, handedOver }] of WAYS.entries()) {
        const goals = block === 0 && handedOver ? {} : { ratio: goal };
        const more = nth === 0 ? {} : { over: cat, goals };
        rows.push(
          figure(
            `${shape}, ${way}`,
            'ms',
            found[nth].map(({ took }) => took),
            more,
          ),
        );
        const cpu = found[nth].map((each) => each.cpu / (bytes / 1e9));
        rows.push(
          figure(`CPU of what passes it on, ${shape}, ${way}`, 'ms a GB', cpu, nth === 0 ? {} : { over: spent }),
        );
      }
      if (block > 0) {
        const rates = found[1].map(({ took }) => bytes / MB / (took / 1000));
        rows.push(figure(`scanned before ready, ${shape}`, 'MB/s', rates, { goals: { median: SCANNED } }));
      }
    }
    const lines = await alternate(lab, Math.ceil(samples / 5), 'a single line', SINGLE);
    const late = lines.map((runs) => runs.flatMap((run) => run.late));
    const reference = figure(`a single line, ${WAYS[0].way}`, 'ms', late[0]);
    const others = WAYS.slice(1).map(({ way }, nth) =>
      figure(`a single line, ${way}`, 'ms', late[nth + 1], { over: reference }),
    );
    return [...rows, reference, ...others];
  },
};

/** @returns {Promise<{took: number, cpu: number, late: number[]}[][]>} by way */
async function alternate(lab, samples, what, flood) {
  const found = WAYS.map(() => []);
  for (let run = -1; run < samples; run += 1) {
    for (const [nth, way] of WAYS.entries()) {
      lab.progress(`relay, ${what}, ${way.way}, ${Math.max(run, 0)} of ${samples}`);
      const sample = await sampled(lab, way, flood);
      if (run >= 0) found[nth].push(sample);
    }
  }
  return found;
}

function sampled(lab, { script, prefix, handedOver }, { block, pause, bytes }) {
  const flood = ['perl', path.join(PROGRAMS, 'flood.pl'), lab.marker, bytes, block, pause].map(String);
  const environment = {
    PATH: process.env.PATH,
    SINK: path.join(PROGRAMS, 'sink.pl'),
    OUT: lab.file,
    // the last write may go beyond it
    BYTES: String(bytes),
  };
  const measure = async ({ child, gone }) => {
    const relays = await until('the relay', () => relaysOf(child.pid, handedOver), 10_000);
    const spent = () => relays.reduce((sum, pid) => sum + onCpuMs(pid), 0);
    const before = spent();
    fs.writeFileSync(lab.marker, '');
    const text = await until(
      'the last byte',
      () => fs.existsSync(lab.file) && fs.readFileSync(lab.file, 'utf8'),
      100_000,
    );
    const cpu = spent() - before;
    fs.rmSync(lab.marker);
    await gone;
    const [took, ...late] = text.split(' ').map(Number);
    return { took, cpu, late };
  };
  return lab.run(['sh', '-c', script, 'sh', ...prefix, ...flood], measure, { environment });
}

/**
 * The processes that pass the stream on: cat, or the wrapper and the cat that it started; undefined until they run.
 */
function relaysOf(shell, handedOver) {
  const all = childrenOf(shell).flatMap((pid) => [pid, ...childrenOf(pid)]);
  const named = (name) => all.filter((pid) => commOf(pid) === name);
  const cats = named('cat');
  if (handedOver ? cats.length === 0 : named('perl').length < 2) return undefined;
  return [...cats, ...named('node')];
}

function commOf(pid) {
  try {
    return fs.readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
