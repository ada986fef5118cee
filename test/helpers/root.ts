/** Tests of what only root can set up. */
import { describe, test } from 'vitest';
import { untried } from './untried.ts';

export const IS_ROOT: boolean = process.getuid?.() === 0;

export function testAsRoot(title: string, body: () => Promise<void>): void {
  if (IS_ROOT) test(title, body);
  else untried(title, 'needs root');
}

export function describeAsRoot(title: string, define: () => void): void {
  if (IS_ROOT) describe(title, define);
  else untried(title, 'needs root');
}
