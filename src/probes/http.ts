/** Ready when an HTTP server answers GET with a status that means so. */
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Disposer } from '../core/clock.ts';
import { pollUntil } from '../core/poll.ts';
import type { ReadinessProbe } from '../core/probe.ts';
import type { ProbeSpec } from '../core/probe-spec.ts';
import { canonicalHost, type TcpTable } from '../core/socket-table.ts';
import type { ProbeContext } from './context.ts';
import { isLoopback, newSocketGate } from './new-socket-gate.ts';
import { ownership } from './ownership.ts';
import { type SocketsInUse, tcpSocketsInUse } from './tcp-sockets.ts';

type HttpSpec = Extract<ProbeSpec, { kind: 'http' }>;

/** How long the rest of an answer may take once its status was enough, ms. */
const LEAVE_TIMEOUT = 1000;

/** What a probe calls of node:http and node:https, which take some milliseconds to load. */
interface HttpModule {
  Agent: new (options: object) => Agent;
  request(url: URL, options: RequestOptions, callback: (response: IncomingMessage) => void): ClientRequest;
}

/** `--http`. Redirects are not followed. */
export function httpProbe(
  spec: HttpSpec,
  { clock, timing, listeners, warn }: ProbeContext,
  socketsInUse: () => SocketsInUse | undefined = tcpSocketsInUse,
): ReadinessProbe {
  const { url, hosts, statuses, headers, insecure } = spec;
  const name = `http ${url}`;
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const local = hosts.every(isLoopback);
  const whyNotOwner = ownership(listeners, local ? spec.owner : 'any', warn, { systemdCounts: true });
  let reason = '';

  const whyNot = (response: IncomingMessage, unchanged: readonly TcpTable[]): string | undefined => {
    const status = response.statusCode ?? 0;
    if (!statuses.some(({ from, to }) => from <= status && status <= to)) return `status ${status}`;
    return whyNotOwner(canonicalHost(response.socket.remoteAddress ?? (hosts[0] as string)), port, unchanged);
  };

  return {
    name,
    get reason() {
      return reason;
    },
    async wait(signal) {
      const http = await load(url.protocol);
      // an agent of its own: the global one may go through a proxy (https://nodejs.org/api/cli.html#node_use_env_proxy1)
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      const options: RequestOptions & { rejectUnauthorized: boolean } = {
        agent,
        method: 'GET',
        headers: { 'user-agent': 'sd-ready-wrap', accept: '*/*', ...group(headers) },
        rejectUnauthorized: !insecure,
        lookup: known(hosts),
      };
      const gate = newSocketGate(timing.interval, clock, local ? socketsInUse : undefined);
      // not at once: the app may be in the middle of an answer
      const leave = () => setTimeout(() => agent.destroy(), LEAVE_TIMEOUT).unref();
      signal.addEventListener('abort', leave, { once: true });
      await pollUntil(
        (done) => {
          const look = gate.look();
          if (!look) {
            done(reason);
            return () => {};
          }
          return ask(http, url, options, (answer) => {
            const began = clock.now();
            const objection = typeof answer === 'string' ? answer : whyNot(answer, look.unchanged);
            look.done(objection === 'ECONNREFUSED', typeof answer === 'string' ? 0 : clock.now() - began);
            done(objection);
          });
        },
        { ...timing, interval: gate.lookInterval },
        clock,
        signal,
        (latest) => {
          reason = latest;
        },
      );
      return name;
    },
  };
}

/** Tells the answer as soon as its status is there, or why there is none. */
function ask(
  http: HttpModule,
  url: URL,
  options: RequestOptions,
  tell: (answer: IncomingMessage | string) => void,
): Disposer {
  const request = http.request(url, options, (response) => {
    request.removeAllListeners('error').on('error', () => {});
    tell(response);
    response.on('error', () => {}).resume();
    // an answer without an end: a stream of events, say
    response.socket.unref();
    const timer = setTimeout(() => response.destroy(), LEAVE_TIMEOUT).unref();
    response.once('close', () => clearTimeout(timer));
  });
  request.once('error', (error) => tell(codeOf(error)));
  request.end();
  return () => {
    request
      .removeAllListeners('response')
      .removeAllListeners('error')
      .on('error', () => {})
      .destroy();
  };
}

/** Several addresses are tried in turn; their errors come as one (https://nodejs.org/api/net.html#socketconnectoptions). */
function codeOf(error: NodeJS.ErrnoException): string {
  const first = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException) : error;
  return first.code ?? first.message;
}

/** The addresses that were looked up before the start, as dns.lookup() gives them. */
function known(hosts: readonly string[]): NonNullable<RequestOptions['lookup']> {
  return (_name, options, callback) => {
    const addresses = hosts.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    const [first] = addresses;
    if (options.all) callback(null, addresses);
    else callback(null, first?.address ?? '', first?.family);
  };
}

/** A header may be given several times. */
function group(headers: HttpSpec['headers']): Record<string, string | string[]> {
  const grouped: Record<string, string[]> = {};
  for (const [header, value] of headers) {
    const key = header.toLowerCase();
    grouped[key] = [...(grouped[key] ?? []), value];
  }
  return Object.fromEntries(
    Object.entries(grouped).map(([header, values]) => [header, values.length === 1 ? (values[0] as string) : values]),
  );
}

async function load(protocol: string): Promise<HttpModule> {
  return protocol === 'https:' ? await import('node:https') : await import('node:http');
}
