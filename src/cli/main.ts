/**
 * The program: reads what is asked for, looks what is there, prepares, starts the app, attends to it, and ends as it
 * ended. What is not needed to start the app is loaded after it was started.
 */
import { endLike } from '../app/end.ts';
import { inheritedDescriptors } from '../app/inherited.ts';
import { KnownError } from '../base/errors.ts';
import { EXIT, type ExitStatus } from '../base/exit-status.ts';
import { clock } from '../base/real-clock.ts';
import { variableOf } from '../options/variables.ts';
import { namesHosts, watchedStreams } from '../probes/spec.ts';
import { createCanary } from '../signals/canary.ts';
import { catchSignals, type SignalSource } from '../signals/source.ts';
import { lookAround, tellUnitStatus, withPrepared } from './before-start.ts';
import { printError } from './print.ts';
import { refuseTakenDescriptors } from './refuse-inherited.ts';
import { type Request, readRequest } from './request.ts';
import { start } from './start.ts';

/** @param argv without the runtime and the script */
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
    if (isKnown && !isDryRun) await tellUnitStatus(error, env);
  }
  signals.release();
  endLike(status, env);
}

async function run(argv: readonly string[], env: NodeJS.ProcessEnv, signals: SignalSource): Promise<ExitStatus> {
  if (/--inspect/.test(process.env['NODE_OPTIONS'] ?? '')) (await import('../app/no-inspector.ts')).closeInspector();
  const inherited = inheritedDescriptors(env);

  const written = await readRequest(argv, env);
  if (!written) return { code: 0 };
  limitThreads(written);
  refuseTakenDescriptors(written.config.probes, inherited);
  // a name server may take long, and nothing is there yet that could take the signal
  const request = await Promise.race([withAddresses(written), signals.interrupted]);
  if (typeof request === 'string') return { signal: request };

  const seen = lookAround(request.config, inherited);
  return withPrepared(request, env, inherited, async (prepared) => {
    const { config, handoff } = prepared;
    const startedAt = clock.now();
    const app = await start(prepared, env, inherited);
    // at once: what everybody gets before it lives is taken for ours alone, and sent to the app a second time
    const detached = handoff?.parent !== undefined || config.signalScope === 'group';
    const canary = createCanary({ appPid: app.pid, detached });
    if (config.forwardSignals === 'auto') canary.start();

    const { attend } = await import('./attend.ts');
    const transport = await prepared.transport().catch(async (error: unknown) => {
      // an addon that is there and cannot be loaded: the app has hardly begun
      if (app.kill('SIGKILL') === undefined) await app.exited;
      throw error;
    });
    return attend({ config, env, app, canary, signals, startedAt, seen, transport, prepared });
  });
}

/** Host names become addresses. Where there are none, node:dns is not loaded. */
async function withAddresses(request: Request): Promise<Request> {
  const { config } = request;
  if (!namesHosts(config.probes)) return request;
  const { resolveHosts } = await import('./resolve-hosts.ts');
  return { ...request, config: { ...config, probes: await resolveHosts(config.probes) } };
}

/**
 * Threads of libuv's pool, which are started by what is the first to need one: by default four
 * (https://docs.libuv.org/en/v1.x/threadpool.html). Each watched stream has one of its own, for a reader that stalls.
 */
function limitThreads({ config }: Request): void {
  process.env['UV_THREADPOOL_SIZE'] = String(1 + watchedStreams(config.probes).size);
}
