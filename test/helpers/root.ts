/** Tests that only root can set up. */
import { test } from 'vitest';
import { describeWhere, untried } from './untried.ts';

export const IS_ROOT: boolean = process.getuid?.() === 0;

export function testAsRoot(title: string, body: () => Promise<void>): void {
  if (IS_ROOT) test(title, body);
  else untried(title, 'needs root');
}

export function describeAsRoot(title: string, define: () => void): void {
  describeWhere(IS_ROOT, 'needs root', title, define);
}
