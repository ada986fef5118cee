/** The demo's output as a terminal gets it, with colours. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const REPOSITORY = path.resolve(import.meta.dirname, '..');
const DEMO = path.join(REPOSITORY, 'test/demo/demo.js');

/** @returns {Promise<string>} with its escape sequences */
export async function demoOnTerminal() {
  const child = spawn('script', ['--quiet', '--return', '--command', `'${process.execPath}' '${DEMO}'`, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm-256color', NO_COLOR: '', COLUMNS: '120' },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (piece) => {
    output += piece;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the demo failed:\n${output}`);
  // a service's directory, not that of this clone
  return output.replaceAll(REPOSITORY, '/srv/sd-ready-wrap');
}
