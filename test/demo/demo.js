/**
 * `npm run demo`: an unchanged app, slow to start, becomes a Type=notify service; then five of it are restarted one
 * after another; then it is deployed under load, by a restart and by swap.sh. Every sentence that it prints is checked
 * first, and the exit status says whether all were true.
 *
 * --receiver: against the built-in receiver, even where there is a systemd.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { startLoad } from '../helpers/load.js';
import { freePort, until } from '../helpers/systemd/private-systemd.js';
import { Receiver } from './receiver.js';
import { findSystemd, SystemdHost } from './systemd-host.js';
import { bar, bold, cyan, dim, green, isTerminal, red, say, seconds, timed, yellow } from './terminal.js';

const LOAD_MS = 1500;
const INSTANCES = 5;
const FIXED_WAIT_MS = 10_000;
const REQUEST_DEADLINE = 2000;
/** Requests a second during a deploy. */
const RATE = 100;

let interrupted = false;
const opening = open(process.argv.includes('--receiver'));
// Only marks it as looked at: play() is where a failure is told
opening.catch(() => {});
const closing = () => opening.then((host) => host.close());

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, async () => {
    interrupted = true;
    await closing().catch(() => {});
    process.kill(process.pid, signal);
  });
}

try {
  await play(await opening);
  await closing();
} catch (error) {
  if (!interrupted) {
    await closing().catch(() => {});
    say(red(`\nThe demo failed: ${error.message}`));
    process.exitCode = 1;
  }
}

async function open(receiverWanted) {
  if (receiverWanted) return Receiver.open('--receiver');
  const { mode, missing } = findSystemd();
  if (!mode) return Receiver.open(missing);
  try {
    return await SystemdHost.open(mode);
  } catch (error) {
    return Receiver.open(`systemd did not boot: ${error.message.trim()}`);
  }
}

async function play(host) {
  say(`${bold('sd-ready-wrap')} ${host.title}`);
  await oneService(host);
  const [name, port] = await rollingRestart(host);
  await deploy(host, name, port);
}

async function oneService(host) {
  const port = await freePort();
  const { title, text } = await host.define({
    name: 'shop',
    description: 'A shop that reads its catalogue before it serves',
    port,
    env: { LOAD_MS },
  });
  heading('1. A slow app as a service');
  say(dim(`   ${title}`));
  for (const line of text.trimEnd().split('\n')) {
    say(`   ${dim('|')} ${line.replace(/sd-ready-wrap\.cjs|^Type=notify$/, (part) => bold(cyan(part)))}`);
  }

  command(host.shown('start', 'shop'));
  const { ms } = await timed('  ', () => host.start('shop'));
  const answer = await request(port);
  const { active, text: told } = await host.state('shop');
  assert.ok(ms >= LOAD_MS, `the start returned after ${seconds(ms)}, before the app could be ready`);
  assert.equal(answer.status, 200, `the first request: ${answer.status}`);
  assert.ok(active, 'the service is not active');
  assert.match(told, /ready after/i);
  say(`   ${green('returned')} after ${bold(seconds(ms))}: when the app was ready, not earlier`);

  command(`curl http://127.0.0.1:${port}/`);
  say(`   ${green(`HTTP ${answer.status}`)} after ${bold(`${answer.ms.toFixed(0)} ms`)}  ${answer.body}`);

  command(host.shown('status', 'shop'));
  for (const line of (await host.status('shop', { colour: isTerminal })).trimEnd().split('\n')) say(`   ${line}`);
}

async function rollingRestart(host) {
  const ports = await freePorts(INSTANCES);
  const names = ports.map((port) => `shop@${port}`);
  heading(`2. A rolling restart of ${INSTANCES} instances, each requested as soon as its restart returns`);
  await host.define({
    name: 'shop@',
    description: 'The shop on port %i',
    port: '%i',
    env: { LOAD_MS },
  });
  await timed(`   starting ${INSTANCES} instances`, () => host.start(...names));
  const before = await Promise.all(ports.map(request));
  assert.ok(
    before.every(({ status }) => status === 200),
    'an instance did not respond before the restart',
  );

  let total = 0;
  let failed = 0;
  for (const [index, name] of names.entries()) {
    const shown = host.shown('restart', name);
    const { ms } = await timed(`   $ ${shown}`, () => host.restart(name));
    const answer = await request(ports[index]);
    total += ms;
    if (answer.status !== 200) failed += 1;
    else assert.notEqual(JSON.parse(answer.body).pid, JSON.parse(before[index].body).pid, `${name} was not restarted`);
    const outcome = answer.status === 200 ? green('HTTP 200') : red(answer.status);
    say(`   ${dim('$')} ${shown}  ${bold(seconds(ms))}  first request: ${outcome} after ${answer.ms.toFixed(0)} ms`);
  }

  const fixed = INSTANCES * FIXED_WAIT_MS;
  assert.equal(failed, 0, `${failed} of ${INSTANCES} first requests failed`);
  assert.ok(total < fixed / 2, `the rolling restart took ${seconds(total)}`);
  say();
  say(`   sd-ready-wrap   ${green(bar(total / fixed))} ${bold(seconds(total).padStart(7))}  measured`);
  say(`   a fixed wait    ${yellow(bar(1))} ${bold(seconds(fixed).padStart(7))}  ${INSTANCES} x 10 s, calculated`);
  say();
  say(
    `   ${bold(`${(fixed / total).toFixed(1)} times as fast`)}, and ${bold(`${failed} of ${INSTANCES}`)} ` +
      `first requests failed.`,
  );
  return [names[0], ports[0]];
}

/** @param name of a service that can be restarted, on that port */
async function deploy(host, name, port) {
  heading(`3. A deploy under ${RATE} requests a second, each on its own connection`);
  if (!host.swap) {
    say(dim('   is for a real systemd, which holds the port meanwhile'));
    return;
  }
  const ownPort = await freePort();
  await host.defineSwap({ name: 'cart', port: ownPort, env: { LOAD_MS } });
  await timed('   starting cart@a', () => host.swap('cart'));
  const shown = host.shown('restart', name);
  const restart = await underLoad(port, shown, () => host.restart(name));
  const swap = await underLoad(ownPort, 'swap.sh cart@', () => host.swap('cart'));
  await host.endSwap('cart');

  assert.ok(restart.refused > 0, 'the restart refused no connection');
  assert.deepEqual([swap.refused, swap.failed], [0, 0], 'connections refused, and requests failed, during the swap');
  assert.equal(swap.answers.size, 2, 'the old and the new instance did not both respond');
  say();
  for (const [label, { refused, sent, longest }] of Object.entries({ 'a restart': restart, 'swap.sh': swap })) {
    const shown = refused === 0 ? ' '.repeat(20) : yellow(bar(refused / sent, 20));
    const text = `${bold(`${refused} of ${sent}`)} connections refused, slowest response ${longest.toFixed(0)} ms`;
    say(`   ${label.padEnd(10)} ${shown} ${text}`);
  }
}

/** The load from a moment before the deploy until the app has answered after it. */
async function underLoad(port, shown, work) {
  const load = startLoad({ port, rate: RATE });
  await answered(load);
  const { ms } = await timed(`   $ ${shown}`, work);
  await answered(load);
  say(`   ${dim('$')} ${shown}  ${bold(seconds(ms))}`);
  return load.stop();
}

/** Back after 20 answers more. */
async function answered({ outcome }) {
  const count = () => [...outcome.answers.values()].reduce((total, each) => total + each, 0);
  const enough = count() + 20;
  await until(`a response of the app; errors: ${[...outcome.errors.keys()]}`, () => count() >= enough);
}

function heading(text) {
  say();
  say(bold(text));
}

function command(text) {
  say();
  say(`   ${dim('$')} ${bold(text)}`);
}

/** @returns {Promise<{status: number | string, body: string, ms: number}>} an error's code stands for the status */
function request(port) {
  const began = performance.now();
  return new Promise((resolve) => {
    const done = (status, body = '') => resolve({ status, body, ms: performance.now() - began });
    // Its own connection each time: one kept alive would belong to the instance before
    const call = http.get({ host: '127.0.0.1', port, agent: false, timeout: REQUEST_DEADLINE }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => done(response.statusCode, body));
    });
    call.on('timeout', () => call.destroy(new Error('no response')));
    call.on('error', (error) => done(error.code ?? error.message));
  });
}

async function freePorts(count) {
  const ports = new Set();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}
