/**
 * How long one check for the owner of a listening socket takes, and one for the process that accepted a connection: on
 * the host as it is, and with many connections.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { figure } from '../figures.js';
import { PROGRAMS } from '../lab.js';

const HERE = path.dirname(fileURLToPath(import.meta.url));
/** Both ends of a connection are in one process, and a process can have only some thousands of descriptors. */
const PER_WORKER = 8000;
/** Where the app listens: on all addresses of both versions of IP, Node's default, and on IPv4 alone. */
const HOSTS = ['::', '127.0.0.1'];
/** On loopback; each has two sockets. */
const CONNECTIONS = 96_000;
const GOALS = { median: 5 };

export const owner = {
  name: 'owner',
  title:
    "one check for the app's listener, and one for the process that accepted, on the host as it is and on a crowded " +
    'one; the ratio is between the two',
  runs: { full: { samples: 100 }, quick: { samples: 10 } },
  async run(lab, { samples }) {
    lab.progress(`checks next to ${CONNECTIONS} connections`);
    const found = await checks(CONNECTIONS, samples);
    return Object.entries(found).flatMap(([what, { quiet, crowded }]) => {
      const alone = figure(what, 'ms', quiet, { goals: GOALS });
      // no goal: the kernel walks past all of them if they are of the other version of IP
      const goals = what === 'the app listens on ::' ? {} : GOALS;
      return [alone, figure(`beside ${CONNECTIONS} IPv4 connections: ${what}`, 'ms', crowded, { over: alone, goals })];
    });
  },
};

/**
 * @returns {Promise<Record<string, {quiet: number[], crowded: number[]}>>} ms of each check, by its purpose
 */
async function checks(connections, samples) {
  const { traceListeners, rememberBefore } = await tracing();
  const before = rememberBefore();
  const apps = await Promise.all(HOSTS.map(listen));
  const sample = async () => {
    const taken = {};
    for (const { child, port, host } of apps) {
      const listeners = traceListeners(child.pid, before, []);
      const times = [];
      const acceptors = [];
      for (let run = -5; run < samples; run += 1) {
        // as --tcp checks: while its connection is open. A new one each time, as its place in the kernel's table counts
        const connection = net.connect(port, '127.0.0.1');
        await once(connection, 'data');
        const began = process.hrtime.bigint();
        const owner = listeners.ownerOf('127.0.0.1', port, port === apps[0].port ? ['tcp'] : ['tcp6']);
        if (run >= 0) times.push(Number(process.hrtime.bigint() - began) / 1e6);
        if (owner?.by !== 'app') throw new Error(`the check found ${JSON.stringify(owner)}`);
        const beganAcceptor = process.hrtime.bigint();
        const acceptor = await listeners.acceptorOf(connection, { by: 'shared', inodes: [], otherwise: undefined });
        if (run >= 0) acceptors.push(Number(process.hrtime.bigint() - beganAcceptor) / 1e6);
        if (acceptor.by !== 'app') throw new Error(`the check found ${JSON.stringify(acceptor)}`);
        connection.resetAndDestroy();
      }
      taken[`the app listens on ${host}`] = times;
      taken[`the process that accepted, on ${host}`] = acceptors;
    }
    return taken;
  };
  const quiet = await sample();
  const crowd = spawn(
    'perl',
    [path.join(PROGRAMS, 'connections.pl'), connections, connections / PER_WORKER].map(String),
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const [output] = await Promise.race([once(crowd.stdout, 'data'), once(crowd, 'exit').then(() => ['nothing'])]);
  if (String(output).trim() !== 'ready') throw new Error(`connections.pl could not make ${connections} connections`);
  const crowded = await sample();
  crowd.stdin.end();
  await once(crowd, 'exit');
  for (const { child } of apps) child.kill();
  return Object.fromEntries(Object.keys(quiet).map((what) => [what, { quiet: quiet[what], crowded: crowded[what] }]));
}

async function listen(host) {
  const app = `
    const server = require('net').createServer((socket) => socket.on('error', () => {}).write('hello'));
    server.listen(0, '${host}', () => console.log(server.address().port));
  `;
  const child = spawn(process.execPath, ['-e', app], { stdio: ['ignore', 'pipe', 'inherit'] });
  return { child, host, port: Number((await once(child.stdout, 'data'))[0]) };
}

/** The wrapper's own functions, in this process. */
async function tracing() {
  // in this repository, so that it finds koffi
  const directory = fs.mkdtempSync(path.join(HERE, '../../dist/owner-'));
  const outfile = path.join(directory, 'owner.mjs');
  try {
    const entryPoints = [path.join(HERE, '../../src/sockets/listeners.ts')];
    await build({ entryPoints, bundle: true, platform: 'node', format: 'esm', outfile });
    return await import(pathToFileURL(outfile).href);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}
