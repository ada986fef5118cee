/**
 * `npm run test:frameworks`: runs each recipe of docs/frameworks.md with the real package, under a real systemd, and
 * its pitfall. Arguments select recipes by the beginning of their labels. With CI=true, a recipe that cannot run fails.
 */
import http from 'node:http';
import { startLoad } from '../helpers/load.js';
import { bootSystemd, freePort, possibleModes, until } from '../helpers/systemd/private-systemd.js';
import { installApp, versionIn } from './apps.js';
import { RECIPES } from './recipes.js';
import { BLOCKS, PAGE, probeOf, Unit } from './unit.js';

const wanted = process.argv.slice(2);
const recipes = RECIPES.filter(({ label }) => wanted.length === 0 || wanted.some((begin) => label.startsWith(begin)));
const { modes, missing } = possibleModes();
const rows = [];
if (modes.includes('system')) {
  const systemd = await bootSystemd('system');
  try {
    for (const recipe of recipes) rows.push(await attempt(systemd, recipe));
  } finally {
    await systemd.stop();
  }
} else {
  rows.push({ label: 'all', notRun: `no systemd to run them under: ${missing}` });
}
// a recipe that was added to the page alone
const untested = [...BLOCKS.keys()].filter(
  (label) => label !== 'unit' && !RECIPES.some((each) => each.label === label),
);
if (untested.length > 0) rows.push({ label: untested.join(', '), finding: 'on the page, but not in recipes.js' });
report();

async function attempt(systemd, recipe) {
  const { label, app = label, package: name = label } = recipe;
  const row = { label };
  if (!BLOCKS.has(label)) return { ...row, finding: 'not on the page' };
  try {
    row.place = installApp(app);
    recipe.install?.();
  } catch (error) {
    return { ...row, notRun: error.message };
  }
  row.version = name === '' ? `Node ${process.version.slice(1)}` : versionIn(row.place, name);
  try {
    Object.assign(row, await starts(systemd, recipe, row.place));
    if (recipe.pitfall) await isPitfall(systemd, recipe, row.place);
    row.sockets = await sharesSocket(systemd, recipe, row.place);
    expectInTable(recipe, name && row.version, row.sockets);
    return row;
  } catch (error) {
    return { ...row, finding: error.message };
  }
}

/** Starts and stops the unit of the page. */
async function starts(systemd, recipe, place) {
  const unit = await Unit.write(systemd, recipe, place);
  await recipe.before?.(unit);
  const { code, ms } = await unit.systemctl('start');
  expect(code === 0, `systemctl start failed: ${unit.log()}`);
  if (recipe.listens === false) {
    // the wrapper relays the line while it sends READY=1
    await until('a line of the app', () => recipe.firstLine.test(unit.log()));
  } else {
    const answer = await get(unit);
    expect(answer === '200', `the answer after the start: ${answer}`);
  }
  const status = await unit.show('StatusText');
  expect(status.includes(`: ${unit.probe} `), `Status: ${status}, and not ${unit.probe}`);
  const leave = await (recipe.clients ?? keepAlive)(unit);
  const stop = await unit.systemctl('stop');
  await leave();
  const result = await unit.show('Result');
  expect(result === 'success', `Result=${result} after the stop: ${unit.log()}`);
  expect(!recipe.lastLine || recipe.lastLine.test(unit.log()), `no ${recipe.lastLine} in ${unit.log()}`);
  expectNoWarning(unit);
  return { ready: unit.records().find(({ event }) => event === 'ready').after_ms, start: ms, stop: stop.ms };
}

/** The pitfall that the page warns of happens. */
async function isPitfall(systemd, recipe, place) {
  const { change, result, log, lacks } = recipe.pitfall;
  const changed = (text) => {
    expect(text.replace(...change) !== text, `pitfall: the unit has no ${change[0]}`);
    return text.replace(...change);
  };
  const unit = await Unit.write(systemd, recipe, place, { change: changed });
  await recipe.before?.(unit);
  if ((await unit.systemctl('start')).code === 0) {
    const leave = await (recipe.clients ?? keepAlive)(unit);
    await unit.systemctl('stop');
    await leave();
  }
  const seen = await unit.show('Result');
  expect(seen === result, `pitfall: Result=${seen}, and not ${result}: ${unit.log()}`);
  expect(!log || log.test(unit.log()), `pitfall: no ${log} in ${unit.log()}`);
  expect(!lacks?.test(unit.log()), `pitfall: ${lacks} in ${unit.log()}`);
}

/** Two instances on one socket: the second starts, the first stops, and no connection is refused. */
async function sharesSocket(systemd, recipe, place) {
  if (recipe.listens === false) return 'no port';
  const port = await freePort();
  const socket = `${recipe.label}.socket`;
  const change = (text) => text.replace('sd-ready-wrap --', 'sd-ready-wrap --take-sockets --');
  const lines = `Sockets=${socket}\nNonBlocking=yes\n`;
  const a = await Unit.write(systemd, recipe, place, { change, port, lines });
  const b = await Unit.write(systemd, recipe, place, { change, port, lines });
  systemd.writeUnit(socket, `[Socket]\nListenStream=127.0.0.1:${port}\nService=${a.name}\n`);
  await systemd.systemctl('start', socket);
  try {
    const { code } = await a.systemctl('start');
    if (recipe.takesSockets === false) {
      expect(code !== 0 && a.log().includes('--take-sockets: '), `--take-sockets was not refused: ${a.log()}`);
      return 'refused';
    }
    expect(code === 0, `with --take-sockets: ${a.log()}`);
    const load = startLoad({ port, rate: 50 });
    await until('an answer', () => load.outcome.answers.size > 0);
    expect((await b.systemctl('start')).code === 0, `the second instance: ${b.log()}`);
    await a.systemctl('stop');
    const { sent, refused, failed, errors } = await load.stop();
    for (const unit of [a, b]) expectNoWarning(unit);
    const lost = refused + (recipe.cutsOff ? 0 : failed);
    expect(lost === 0, `--take-sockets: ${lost} of ${sent} requests lost: ${[...errors].join(' ')}`);
    return `0 of ${sent} refused`;
  } finally {
    await systemd.systemctl('stop', socket, a.name, b.name);
  }
}

/** The page's table has what this run saw. */
function expectInTable({ label }, version, sockets) {
  const text = BLOCKS.get('unit') + BLOCKS.get(label);
  const killMode = [...text.matchAll(/^KillMode=(.*)$/gm)].at(-1)[1];
  const cells = [version, `\`--${probeOf(text)}\``, killMode, sockets.startsWith('0 ') ? 'yes' : sockets];
  const row = PAGE.split('\n').find((line) => line.startsWith('| [') && line.includes(`](#${label})`)) ?? '';
  const expected = `| ${cells.join(' | ')} |`.replace('|  |', '| |');
  expect(row.includes(expected), `the page's table lacks ${expected}`);
}

function expectNoWarning(unit) {
  const warnings = unit.records().filter(({ level }) => level >= 40);
  expect(warnings.length === 0, `warnings: ${warnings.map(({ msg }) => msg).join('; ')}`);
}

/** Clients that keep their connections, as browsers do, and send requests while the unit stops. */
async function keepAlive({ port }) {
  const load = startLoad({ port, rate: 200, keepAlive: true });
  await until('answers', () => load.outcome.sent > 50 && load.outcome.answers.size + load.outcome.errors.size > 0);
  return () => load.stop();
}

/** @returns {Promise<string>} `200`, or the error */
function get({ port }) {
  return new Promise((resolve) => {
    const request = http.get({ host: '127.0.0.1', port, agent: false }, (response) => {
      response.resume().once('end', () => resolve(String(response.statusCode)));
    });
    request.once('error', ({ message }) => resolve(message));
  });
}

function expect(condition, finding) {
  if (!condition) throw new Error(finding);
}

function report() {
  const cells = rows.map(({ label, version = '', ready, start, stop, sockets = '', notRun, finding }) => [
    label,
    version,
    ...[ready, start, stop].map((ms) => (ms === undefined ? '' : String(Math.round(ms)))),
    sockets,
    finding ? 'FAILED' : notRun ? 'not run' : 'ok',
  ]);
  const table = [['recipe', 'version', 'READY ms', 'start ms', 'stop ms', '--take-sockets', 'result'], ...cells];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  );
  process.stdout.write(`${lines.join('\n')}\n`);
  for (const { label, notRun, finding } of rows) {
    if (!finding && !notRun) continue;
    process.stdout.write(`\n${label}: ${finding ?? `not run: ${notRun}`}\n`);
    if (finding || process.env.CI === 'true') process.exitCode = 1;
  }
}
