/** What one look at the kernel's tables of sockets takes, on the host as it is and with many connections. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const HERE = path.dirname(fileURLToPath(import.meta.url));
/** Both ends of a connection are in one process, and no process may have more than some thousands of descriptors. */
const PER_WORKER = 400;

/** @returns {Promise<{quiet: number[], crowded: number[]}>} ms of each look */
export async function looks(connections, samples) {
  const look = await looker();
  const quiet = sample(look, samples);
  const crowd = spawn('perl', [path.join(HERE, 'connections.pl'), connections, connections / PER_WORKER].map(String), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [said] = await Promise.race([once(crowd.stdout, 'data'), once(crowd, 'exit').then(() => ['nothing'])]);
  if (String(said).trim() !== 'ready') throw new Error(`connections.pl could not make ${connections} connections`);
  const crowded = sample(look, samples);
  crowd.stdin.end();
  await once(crowd, 'exit');
  return { quiet, crowded };
}

/** The wrapper's own reading of both tables, to the last listening socket. */
async function looker() {
  const outfile = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'sd-ready-wrap-look-')), 'look.mjs');
  try {
    await build({
      entryPoints: [path.join(HERE, '../src/process/socket-tables.ts')],
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile,
    });
    const { tcpListeners } = await import(pathToFileURL(outfile).href);
    return () => ['tcp', 'tcp6'].flatMap((table) => [...tcpListeners(table)]);
  } finally {
    fs.rmSync(path.dirname(outfile), { recursive: true });
  }
}

function sample(look, samples) {
  for (let warm = 0; warm < 5; warm += 1) look();
  return Array.from({ length: samples }, () => {
    const began = process.hrtime.bigint();
    look();
    return Number(process.hrtime.bigint() - began) / 1e6;
  });
}
