/**
 * Starts a child without a change of directory. execa asks for one, to where we are already, and that fails where the
 * directory was removed or we may not search it, as with `sudo -u app sd-ready-wrap …` in /root: what a child inherits
 * it has all the same (chdir(2), fork(2)).
 */
import { ChildProcess } from 'node:child_process';
import { orElse } from '../base/or-else.ts';

/** The method that every way to start a child ends in; its types leave it out. */
const prototype = ChildProcess.prototype as unknown as { spawn(options: object): unknown };

/** @param start starts the child by execa before it returns */
export function inSameDirectory<T>(start: () => T): T {
  // it also asks for the name of ours to word an error, and then fails by itself where there is none
  if (!orElse(process.cwd, false)) process.cwd = () => '/';
  const { spawn } = prototype;
  prototype.spawn = function (options) {
    return spawn.call(this, { ...options, cwd: undefined });
  };
  try {
    return start();
  } finally {
    prototype.spawn = spawn;
  }
}
