import { writeSync } from 'node:fs';
import { describe, test } from 'vitest';

/**
 * Replaces tests that cannot run on this machine. Under CI it fails; elsewhere it prints that they were left out, which
 * would go unread under CI.
 * @param missing what they need
 */
export function untried(title: string, missing: string): void {
  if (process.env['CI'] !== 'true') writeSync(2, `${title}: not tried, ${missing}\n`);
  test(`${title}: ${missing}`, () => {
    if (process.env['CI'] === 'true') throw new Error(`nothing is left out under CI: ${missing}`);
  });
}

/** Tests of what this machine may lack. */
export function describeWhere(there: boolean, missing: string, title: string, define: () => void): void {
  if (there) describe(title, define);
  else untried(title, missing);
}

/** One such test. */
export function testWhere(there: boolean, missing: string, title: string, run: () => Promise<void>): void {
  if (there) test(title, run);
  else untried(title, missing);
}
