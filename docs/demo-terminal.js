/** The demo's output as a terminal gets it, colours and all. */
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
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (piece) => {
    said += piece;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the demo failed:\n${said}`);
  // wherever this clone is: in the picture it is where a service would be
  return said.replaceAll(REPOSITORY, '/srv/sd-ready-wrap');
}
