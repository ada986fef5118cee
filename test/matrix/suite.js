/** Runs a part of the suite and counts the results. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
const VITEST = path.join(REPOSITORY, 'node_modules/vitest/vitest.mjs');

/**
 * @param {string[]} files
 * @param {Record<string, string>} env
 * @param {string} [node] runs the suite and the wrapper
 * @returns {[number, number, number]} passed, failed, skipped
 */
export function runSuite(files, env, node = process.execPath) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'sd-ready-wrap-matrix-'));
  const report = path.join(directory, 'report.json');
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`];
  // a test's shell would start the first `node` on the path
  const PATH = `${path.dirname(node)}:${process.env.PATH}`;
  const args = [VITEST, 'run', '--project', 'e2e', ...reporters, ...files];
  spawnSync(node, args, { cwd: REPOSITORY, stdio: ['ignore', 2, 2], env: { ...process.env, ...env, PATH } });
  try {
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(fs.readFileSync(report, 'utf8'));
    return [numPassedTests, numFailedTests, numPendingTests];
  } catch {
    return [0, -1, 0];
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

/** In Markdown. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}
