/**
 * For tests inside this process: a script that vm stops by its `timeout` before it got half of that time on a processor
 * is run again. The program retries too, but later, and a test's result would depend on the load.
 */
import { Script } from 'node:vm';

type RunInContext = typeof Script.prototype.runInContext;

const STARVED = 'ERR_SCRIPT_EXECUTION_TIMEOUT';

function patient(run: RunInContext): RunInContext {
  return function (this: Script, context, options) {
    // over all runs: if a script is too slow, each run may be cut off early
    const before = process.cpuUsage();
    for (;;) {
      try {
        return run.call(this, context, options);
      } catch (error) {
        const { user, system } = process.cpuUsage(before);
        const spent = (user + system) / 1000;
        if ((error as NodeJS.ErrnoException).code !== STARVED || spent >= (options?.timeout ?? 0) / 2) throw error;
      }
    }
  };
}

// test files share a worker
const done = Symbol.for('not-starved');
const own = Script.prototype as Script & { [done]?: true };
if (!own[done]) Object.assign(own, { runInContext: patient(own.runInContext), [done]: true });
