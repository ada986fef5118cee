/**
 * Asks one URL again and again, for the status alone. Not node:http: there are up to seventy questions a second while an
 * app starts, and each would cost that three times as much (`npm run bench -- http`).
 */
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Disposer } from '../core/clock.ts';
import { leave } from './connection.ts';

export interface HttpRequest {
  readonly url: URL;
  /** The addresses of the URL's host. */
  readonly hosts: readonly string[];
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Whether a certificate that nobody vouches for is good enough. */
  readonly insecure: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  /** The address that answered. */
  readonly address: string;
}

export interface HttpClient {
  /** One question at a time. Tells the answer, or why there is none: `ECONNREFUSED`. Not after the disposer was called. */
  get(tell: (answer: HttpAnswer | string) => void): Disposer;
  /** Says goodbye, and lets the server finish its last answer. */
  close(): void;
}

/** A longer head is no answer, bytes. */
const HEAD_MAX = 64 * 1024;

export async function openHttpClient(request: HttpRequest): Promise<HttpClient> {
  const open = await connector(request);
  const question = Buffer.from(requestText(request), 'latin1');
  let socket: Socket | undefined;
  /** Bytes of the last answer that are still to come on the socket. */
  let owed = 0;

  const drop = () => {
    if (socket) leave(socket.removeAllListeners('data').removeAllListeners('close'));
    socket = undefined;
  };

  return {
    get(tell) {
      if (owed > 0) drop();
      owed = 0;
      socket ??= open();
      const own = socket;
      let received: Buffer = Buffer.alloc(0);
      const settle = (answer: HttpAnswer | string) => {
        own.removeAllListeners('data').removeAllListeners('error').removeAllListeners('close');
        own.on('error', () => {});
        own.on('close', () => {
          if (socket === own) socket = undefined;
        });
        tell(answer);
      };
      own.on('data', (piece: Buffer) => {
        received = received.length === 0 ? piece : Buffer.concat([received, piece]);
        const head = finalHead(received);
        if (head === 'more') {
          if (received.length < HEAD_MAX) return;
        }
        if (typeof head === 'string') {
          own.destroy();
          settle('not an HTTP answer');
          return;
        }
        settle({ status: head.status, address: own.remoteAddress ?? (request.hosts[0] as string) });
        if (head.bodyLength === undefined) {
          // only its end would tell where the answer ends
          if (socket === own) drop();
          return;
        }
        owed = head.bodyLength - (received.length - head.length);
        own.on('data', (rest: Buffer) => {
          owed -= rest.length;
        });
      });
      own.on('error', (error) => settle(codeOf(error)));
      own.on('close', () => settle('closed without an answer'));
      own.write(question);
      return () => {
        own
          .removeAllListeners()
          .on('error', () => {})
          .destroy();
        if (socket === own) socket = undefined;
      };
    },
    close: drop,
  };
}

interface Head {
  readonly status: number;
  /** Of the head and of what came before it, bytes. */
  readonly length: number;
  /** Undefined where the connection cannot be kept: then it is not needed. */
  readonly bodyLength: number | undefined;
}

/** The head of an answer, behind those that only announce it (1xx but 101: RFC 9110, 15.2). */
function finalHead(bytes: Buffer): Head | 'more' | 'garbage' {
  let start = 0;
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n', start);
    const text = bytes.toString('latin1', start, end === -1 ? undefined : end);
    const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |\r|$)/.exec(text)?.[1]);
    if (end === -1) return /^(H|$)/.test(text) ? 'more' : 'garbage';
    if (Number.isNaN(status)) return 'garbage';
    const length = end + 4;
    if (status >= 200 || status === 101) return { status, length, bodyLength: bodyLength(status, text) };
    start = length;
  }
}

/** By the rules of RFC 9112, 6.3 and 9.3, as far as they are simple. */
function bodyLength(status: number, head: string): number | undefined {
  if (!head.startsWith('HTTP/1.1') || /^connection:[^\r]*\bclose\b/im.test(head) || status === 101) return undefined;
  if (status === 204 || status === 304) return 0;
  if (/^transfer-encoding:/im.test(head)) return undefined;
  const length = /^content-length:[ \t]*(\d+)[ \t]*(?:\r|$)/im.exec(head)?.[1];
  return length === undefined ? undefined : Number(length);
}

function requestText({ url, headers }: HttpRequest): string {
  const own: (readonly [string, string])[] = [
    ['Host', url.host],
    ['User-Agent', 'sd-ready-wrap'],
    ['Accept', '*/*'],
  ];
  if (url.username !== '' || url.password !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    own.push(['Authorization', `Basic ${Buffer.from(credentials).toString('base64')}`]);
  }
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const all = [...own.filter(([name]) => !given.has(name.toLowerCase())), ...headers];
  const lines = all.map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

async function connector({ url, hosts, insecure }: HttpRequest): Promise<() => Socket> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'https:';
  const options: ConnectionOptions = {
    host,
    port: Number(url.port || (secure ? 443 : 80)),
    lookup: (_name, { all }, callback) => {
      const addresses = hosts.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
      if (all) callback(null, addresses);
      else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
    },
  };
  if (!secure) {
    const { connect } = await import('node:net');
    return () => connect({ ...options, port: options.port as number });
  }
  const { connect } = await import('node:tls');
  const { isIP } = await import('node:net');
  // a name only: an address is no server name (RFC 6066, 3)
  const servername = isIP(host) === 0 ? host : '';
  return () => connect({ ...options, servername, rejectUnauthorized: !insecure, ALPNProtocols: ['http/1.1'] });
}

/** Several addresses are tried in turn, and their errors come as one (https://nodejs.org/api/net.html#socketconnect). */
function codeOf(error: NodeJS.ErrnoException): string {
  const first = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException) : error;
  return first.code ?? first.message;
}
