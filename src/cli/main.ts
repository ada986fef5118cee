/**
 * The program: reads the options, prepares, starts the app, supervises it, and ends as the app ended. Modules that the
 * start does not need are loaded after it.
 */
import { endLike } from '../app/end.ts';
import { type Inherited, inheritedDescriptors } from '../app/inherited.ts';
import { KnownError } from '../base/errors.ts';
import { EXIT, type ExitStatus } from '../base/exit-status.ts';
import { clock } from '../base/real-clock.ts';
import { variableOf } from '../options/variables.ts';
import { namesHosts, watchedStreams } from '../probes/spec.ts';
import { createCanary } from '../signals/canary.ts';
import { catchSignals, type SignalSource } from '../signals/source.ts';
import { sendFailureStatus, takeSnapshot, withPrepared } from './before-start.ts';
import { printError } from './print.ts';
import { refuseTakenDescriptors } from './refuse-inherited.ts';
import { type Request, readRequest } from './request.ts';
import { start } from './start.ts';

/** @param argv without Node and the script */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const signals = catchSignals();
  let status: ExitStatus;
  try {
    status = await run(argv, env, signals);
  } catch (error) {
    const isKnown = error instanceof KnownError;
    printError(isKnown ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error), env);
    status = { code: isKnown ? error.code : EXIT.OWN_FAILURE };
    const isDryRun =
      argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined).includes('--dry-run') ||
      env[variableOf('dry-run')] !== undefined;
    if (isKnown && !isDryRun) await sendFailureStatus(error, env);
  }
  signals.release();
  endLike(status, env);
}

async function run(argv: readonly string[], env: NodeJS.ProcessEnv, signals: SignalSource): Promise<ExitStatus> {
  if (/--inspect/.test(process.env['NODE_OPTIONS'] ?? '')) (await import('../app/no-inspector.ts')).closeInspector();
  const inherited = inheritedDescriptors(env);

  // a name server, or the writer of a pipe that is read, may be slow, and no other code handles signals yet
  const request = await Promise.race([accepted(argv, env, inherited), signals.interrupted]);
  if (typeof request === 'string') return { signal: request };
  if (!request) return { code: 0 };

  const snapshot = takeSnapshot(request.config, inherited);
  return withPrepared(request, env, inherited, async (prepared) => {
    const { config, handoff } = prepared;
    const startedAt = clock.now();
    const app = await start(prepared, env, inherited);
    // at once: a signal to the whole unit from before the canary runs would be forwarded to the app a second time
    const detached = handoff?.parent !== undefined || config.signalScope === 'group';
    const canary = createCanary({ appPid: app.pid, detached });
    if (config.forwardSignals === 'auto') canary.start();

    const { attend } = await import('./attend.ts');
    const transport = await prepared.transport().catch(async (error: unknown) => {
      // the addon is installed but cannot be loaded; the app has only just been started
      if (app.kill('SIGKILL') === undefined) await app.exited;
      throw error;
    });
    return attend({ config, env, app, canary, signals, startedAt, snapshot, transport, prepared });
  });
}

/** @returns undefined if the request was only to print */
async function accepted(argv: readonly string[], env: NodeJS.ProcessEnv, inherited: Inherited) {
  const parsed = await readRequest(argv, env);
  if (!parsed) return undefined;
  limitThreads(parsed);
  refuseTakenDescriptors(parsed.config.probes, inherited);
  return withAddresses(parsed);
}

/** Resolves host names. Without any, node:dns is not loaded. */
async function withAddresses(request: Request): Promise<Request> {
  const { config } = request;
  if (!namesHosts(config.probes)) return request;
  const { resolveHosts } = await import('./resolve-hosts.ts');
  return { ...request, config: { ...config, probes: await resolveHosts(config.probes) } };
}

/**
 * libuv's thread pool has four threads by default, started at its first use
 * (https://docs.libuv.org/en/v1.x/threadpool.html). One per watched stream is enough, so that a stalled reader blocks
 * no other stream, and one for the rest.
 */
function limitThreads({ config }: Request): void {
  process.env['UV_THREADPOOL_SIZE'] = String(1 + watchedStreams(config.probes).size);
}
