/**
 * Asks one URL again and again, for the status alone. Not node:http: there are up to seventy questions a second while
 * an app starts, and each would cost that three times as much (`npm run bench -- http`).
 */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { ConnectionOptions, SecureContext } from 'node:tls';
import type { Clock, Disposer } from '../../base/clock.ts';
import { LEAVE_TIMEOUT, leave } from './connection.ts';

export interface HttpRequest {
  readonly url: URL;
  /** The addresses of the URL's host. */
  readonly hosts: readonly string[];
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Whether a certificate that nobody vouches for is good enough. */
  readonly insecure: boolean;
  /** A file with certificates of further authorities: the app's NODE_EXTRA_CA_CERTS, which our Node has not read. */
  readonly extraCa?: string | undefined;
  /** Told of that file where it cannot be read, which is no error to Node either. */
  readonly warn: (message: string) => void;
}

export interface HttpAnswer {
  readonly status: number;
  /** The address that answered. */
  readonly address: string;
  /** Whether it came over a connection of an earlier question. */
  readonly kept: boolean;
}

export interface HttpClient {
  /**
   * One question at a time. Tells the answer, or why there is none: `ECONNREFUSED`. Not after the disposer was called.
   */
  get(tell: (answer: HttpAnswer | string) => void): Disposer;
  /** Says goodbye, and lets the server finish its last answer. The next question goes over a new connection. */
  leave(): void;
}

/**
 * For so long a connection is kept, ms: whoever accepted it goes on to answer there, though it may have given the port
 * to another by now.
 */
const KEPT_FOR = 1000;

/** A longer head is no answer, bytes. */
const HEAD_MAX = 64 * 1024;

export async function openHttpClient(request: HttpRequest, clock: Clock): Promise<HttpClient> {
  const connect = await connector(request);
  const question = Buffer.from(requestText(request), 'latin1');
  const anyAddress = request.hosts[0] as string;
  let current: Connection | undefined;
  /** One that still takes the rest of an answer. */
  let leaving: Socket | undefined;

  const leaveIt = () => {
    if (!current) return;
    // an app that never ends its answers has one connection of ours to serve, and not one for each question
    leaving?.destroy();
    leaving = current.owed === 0 ? undefined : current.socket;
    current.leave();
    current = undefined;
  };

  return {
    get(tell) {
      const stale = current && (current.socket.destroyed || current.owed !== 0);
      if (stale || (current && clock.now() > current.openedAt + KEPT_FOR)) leaveIt();
      const kept = current !== undefined;
      current ??= openConnection(connect(), clock.now());
      const own = current;
      own.ask(question, (head) => {
        if (typeof head === 'string') {
          own.socket.destroy();
          tell(head);
        } else {
          tell({ status: head.status, address: own.socket.remoteAddress ?? anyAddress, kept });
        }
      });
      return () => {
        own.ask(undefined, () => {});
        own.socket.destroy();
      };
    },
    leave: leaveIt,
  };
}

interface Connection {
  readonly socket: Socket;
  readonly openedAt: number;
  /** Bytes of the last answer that are still to come; undefined where that is not known. */
  readonly owed: number | undefined;
  /** Sends the question and tells the head of the answer, or why there is none. */
  ask(question: Buffer | undefined, tell: (head: Head | string) => void): void;
  leave(): void;
}

/** The listeners are there for good: to change them with each question would be a good part of what it costs. */
function openConnection(socket: Socket, openedAt: number): Connection {
  let owed: number | undefined = 0;
  let received: Buffer | undefined;
  let waiting: ((head: Head | string) => void) | undefined;
  const settle = (head: Head | string) => {
    const tell = waiting;
    waiting = undefined;
    received = undefined;
    tell?.(head);
  };
  socket.on('data', (piece: Buffer) => {
    if (!waiting) {
      if (owed !== undefined) owed -= piece.length;
      return;
    }
    received = received ? Buffer.concat([received, piece]) : piece;
    const head = finalHead(received);
    if (head === 'more' && received.length < HEAD_MAX) return;
    if (typeof head === 'string') return settle('not an HTTP answer');
    owed = head.bodyLength === undefined ? undefined : head.bodyLength - (received.length - head.length);
    settle(head);
  });
  socket.on('error', (error) => settle(codeOf(error)));
  socket.on('close', () => settle('closed without an answer'));
  return {
    socket,
    openedAt,
    get owed() {
      return owed;
    },
    ask(question, tell) {
      waiting = tell;
      owed = undefined;
      if (question) socket.write(question);
    },
    leave() {
      waiting = undefined;
      if (owed === 0) leave(socket);
      else leaveLater(socket);
    },
  };
}

/**
 * Waits for the rest of an answer, as a server would break it off at the end of our side
 * (https://nodejs.org/api/net.html#new-netsocketoptions, allowHalfOpen), but not for ever: it may be a stream of
 * events.
 */
function leaveLater(socket: Socket): void {
  socket.unref();
  const timer = setTimeout(() => socket.destroy(), LEAVE_TIMEOUT).unref();
  socket.once('close', () => clearTimeout(timer));
}

interface Head {
  readonly status: number;
  /** Of the head and of what came before it, bytes. */
  readonly length: number;
  /** Bytes behind the head, where that is known; then the connection can be kept. */
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
    if (status >= 200 || status === 101)
      return { status, length, bodyLength: bodyLength(status, text, bytes.subarray(length)) };
    start = length;
  }
}

/** By the rules of RFC 9112, 6.3, 7.1 and 9.3. Of a body in chunks only where all of it is there. */
function bodyLength(status: number, head: string, body: Buffer): number | undefined {
  if (!head.startsWith('HTTP/1.1') || /^connection:[^\r]*\bclose\b/im.test(head) || status === 101) return undefined;
  if (status === 204 || status === 304) return 0;
  if (/^transfer-encoding:[ \t]*chunked[ \t]*(?:\r|$)/im.test(head)) return chunksLength(body);
  if (/^transfer-encoding:/im.test(head)) return undefined;
  const length = /^content-length:[ \t]*(\d+)[ \t]*(?:\r|$)/im.exec(head)?.[1];
  return length === undefined ? undefined : Number(length);
}

function chunksLength(body: Buffer): number | undefined {
  let at = 0;
  for (;;) {
    const end = body.indexOf('\r\n', at);
    const size = /^[\da-f]{1,8}/i.exec(body.toString('latin1', at, end === -1 ? at : end))?.[0];
    if (size === undefined) return undefined;
    at = end + 2 + Number.parseInt(size, 16) + 2;
    if (at > body.length) return undefined;
    // the last one; with further fields behind it the end is somewhere else
    if (Number.parseInt(size, 16) === 0) return body.toString('latin1', at - 2, at) === '\r\n' ? at : undefined;
  }
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
  // of Host there may be one only (RFC 9112, 3.2): the last that was given
  const host = headers.findLast(([name]) => name.toLowerCase() === 'host');
  const further = headers.filter((header) => header[0].toLowerCase() !== 'host' || header === host);
  const all = [...own.filter(([name]) => !given.has(name.toLowerCase())), ...further];
  const lines = all.map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

async function connector({ url, hosts, insecure, extraCa, warn }: HttpRequest): Promise<() => Socket> {
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
  const { connect, createSecureContext } = await import('node:tls');
  const { isIP } = await import('node:net');
  // a name only: an address is no server name (RFC 6066, 3)
  const servername = isIP(host) === 0 ? host : '';
  const secureContext = extraCa && !insecure ? trusting(extraCa, createSecureContext, warn) : undefined;
  const tls = { servername, rejectUnauthorized: !insecure, ALPNProtocols: ['http/1.1'] };
  return () => connect({ ...options, ...tls, ...(secureContext ? { secureContext } : {}) });
}

/** By file: read once, as Node does. */
const contexts = new Map<string, SecureContext | undefined>();

/**
 * What Node trusts, and that file (https://nodejs.org/api/cli.html#node_extra_ca_certsfile). addCACert() of the inner
 * context is what Node's own `ca` option ends in, but that option takes the place of what is trusted, which a
 * distribution or NODE_USE_SYSTEM_CA=1 may have said.
 */
function trusting(extraCa: string, create: () => SecureContext, warn: HttpRequest['warn']): SecureContext | undefined {
  if (contexts.has(extraCa)) return contexts.get(extraCa);
  let context: SecureContext | undefined;
  try {
    const extra = readFileSync(extraCa);
    if (!extra.includes('-----BEGIN CERTIFICATE-----')) throw new Error('no certificate in it');
    const trusted = create();
    (trusted.context as { addCACert(certificate: Uint8Array): void }).addCACert(extra);
    context = trusted;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    warn(`NODE_EXTRA_CA_CERTS=${extraCa} is ignored: ${code ?? message}`);
  }
  contexts.set(extraCa, context);
  return context;
}

/**
 * Several addresses are tried in turn, and their errors come as one (https://nodejs.org/api/net.html#socketconnect).
 */
function codeOf(error: NodeJS.ErrnoException): string {
  const first = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException) : error;
  // OpenSSL's word for an answer in plain text, among others
  if (first.code === 'EPROTO') return 'EPROTO: no TLS there? then write http://';
  return first.code ?? first.message;
}
