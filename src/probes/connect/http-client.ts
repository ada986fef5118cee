/** Polls one URL, for the status alone. */
import { readFileSync } from 'node:fs';
import type { Agent, IncomingMessage } from 'node:http';
import { isIP, Socket, type TcpNetConnectOpts } from 'node:net';
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
  readonly socket: Socket;
}

export interface HttpClient {
  /**
   * One question at a time. Tells the answer, or why there is none: `ECONNREFUSED`. Not after the disposer was called.
   * @param hold keeps the question from being complete on a new connection: who closes it with the answer could not be
   * seen any more
   */
  get(tell: (answer: HttpAnswer | string) => void, hold?: Hold): Disposer;
  /**
   * Says goodbye, and lets the server finish its last answer. The next question goes over a new connection.
   * @param otherAddress to the next address of the host
   */
  leave(otherAddress?: boolean): void;
}

type Hold = (socket: Socket) => Promise<void>;

/**
 * How long a connection is kept, ms: the process that accepted it goes on to answer there, even after the port has gone
 * to another process.
 */
const KEPT_FOR = 1000;

/** A longer head is not an answer, bytes. */
const HEAD_MAX = 64 * 1024;

/** An agent for each, as the end of a connection is ours to choose. */
interface Connection {
  readonly agent: Agent;
  readonly openedAt: number;
  socket?: Socket;
  /** Whether an answer is under way. */
  busy: boolean;
  left: boolean;
}

export async function openHttpClient(request: HttpRequest, clock: Clock): Promise<HttpClient> {
  const { url, hosts } = request;
  const secure = url.protocol === 'https:';
  const http = secure ? await import('node:https') : await import('node:http');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const tls = secure ? await tlsOptions(host, request) : {};
  const connectTls = secure ? (await import('node:tls')).connect : undefined;
  let addresses = hosts.map((address) => ({ address, family: isIP(address) }));
  const lookup: ConnectionOptions['lookup'] = (_name, { all }, callback) => {
    if (all) callback(null, addresses);
    else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
  };
  const path = url.pathname + url.search;
  const question = { host, port: url.port, path, headers: headersOf(request), maxHeaderSize: HEAD_MAX };
  let current: Connection | undefined;
  /** One that still takes the rest of an answer. */
  let leaving: Connection | undefined;

  const open = (hold: Hold | undefined): Connection => {
    const agent = new http.Agent({ ...tls, lookup, keepAlive: true, maxSockets: 1 });
    if (hold) holdConnections(agent, hold, connectTls);
    const opened: Connection = { agent, openedAt: clock.now(), busy: false, left: false };
    // called once all of an answer has been read
    agent.keepSocketAlive = (socket) => {
      opened.busy = false;
      if (opened.left) leave(socket as Socket);
      return true;
    };
    return opened;
  };
  const leaveIt = (otherAddress = false) => {
    if (otherAddress) addresses = [...addresses.slice(1), ...addresses.slice(0, 1)];
    if (!current) return;
    // an app that never ends its answers has one connection of ours to serve, and not one for each question
    leaving?.socket?.destroy();
    leaving = current.busy ? current : undefined;
    leaveOrder(current);
    current = undefined;
  };

  return {
    get(tell, hold) {
      if (current && (current.busy || clock.now() > current.openedAt + KEPT_FOR)) leaveIt();
      current ??= open(hold);
      const own = current;
      own.busy = true;
      let settled = false;
      const settle = (answer: HttpAnswer | string) => {
        if (!settled) {
          settled = true;
          tell(answer);
        }
      };
      const answered = ({ socket, statusCode }: IncomingMessage) =>
        settle({
          status: statusCode as number,
          address: socket.remoteAddress ?? (hosts[0] as string),
          kept: asked.reusedSocket,
          socket: socket as Socket,
        });
      const asked = http
        .request({ ...question, agent: own.agent })
        .on('response', (response) => {
          own.socket = response.socket;
          answered(response.resume());
        })
        .on('upgrade', (response, socket) => {
          answered(response);
          leave(socket as Socket);
        })
        .on('error', (error) => settle(codeOf(error, secure)))
        .end();
      return () => {
        settled = true;
        asked.destroy();
      };
    },
    leave: leaveIt,
  };
}

/** Lets each new connection send all of its first question but the last byte, and then hold. */
function holdConnections(agent: Agent, hold: Hold, connectTls: typeof import('node:tls').connect | undefined): void {
  agent.createConnection = (options, created) => {
    if (!connectTls) return new HeldSocket(hold).connect(options as TcpNetConnectOpts);
    // the handshake is enough for the server to accept
    const socket = connectTls(
      options as ConnectionOptions,
      () => void hold(socket).then(() => created?.(null, socket)),
    );
    socket.once('error', (error) => created?.(error, socket));
    return undefined;
  };
}

/** A server may be given a connection only when something has come (TCP_DEFER_ACCEPT in tcp(7)). */
class HeldSocket extends Socket {
  #hold: Hold | undefined;

  constructor(hold: Hold) {
    super();
    this.#hold = hold;
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    const hold = this.#hold;
    this.#hold = undefined;
    if (!hold) super._write(chunk, encoding, callback);
    else {
      const bytes = Buffer.from(chunk as string, encoding);
      // Node aborts at bytes whose encoding is that of a text
      const none = 'buffer' as BufferEncoding;
      super._write(bytes.subarray(0, -1), none, (error) => {
        if (error) callback(error);
        else void hold(this).then(() => super._write(bytes.subarray(-1), none, callback));
      });
    }
  }
}

/**
 * Waits for the rest of an answer, as a server would break it off at the end of our side
 * (https://nodejs.org/api/net.html#new-netsocketoptions, allowHalfOpen), but not for ever: it may be a stream of
 * events.
 */
function leaveOrder(connection: Connection): void {
  connection.left = true;
  const { socket, busy } = connection;
  if (!socket) return;
  if (!busy) return void leave(socket);
  socket.unref();
  const timer = setTimeout(() => socket.destroy(), LEAVE_TIMEOUT).unref();
  socket.once('close', () => clearTimeout(timer));
}

/** Names and values in turn. */
function headersOf({ url, headers }: HttpRequest): string[] {
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
  return [...own.filter(([name]) => !given.has(name.toLowerCase())), ...further].flat();
}

async function tlsOptions(host: string, { insecure, extraCa, warn }: HttpRequest): Promise<ConnectionOptions> {
  const { createSecureContext } = await import('node:tls');
  const secureContext = extraCa && !insecure ? trusting(extraCa, createSecureContext, warn) : undefined;
  // a name only: an address is no server name (RFC 6066, 3)
  const servername = isIP(host) === 0 ? host : '';
  const options = { servername, rejectUnauthorized: !insecure, ALPNProtocols: ['http/1.1'] };
  return secureContext ? { ...options, secureContext } : options;
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
    if (!extra.includes('-----BEGIN CERTIFICATE-----')) throw new Error('it contains no certificate');
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

/** https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const UNTRUSTED = /SELF_SIGNED|UNABLE_TO_|CERT_HAS_EXPIRED|CERT_UNTRUSTED|ERR_TLS_CERT_ALTNAME_INVALID/;

/**
 * Several addresses are tried in turn, and their errors come as one (https://nodejs.org/api/net.html#socketconnect).
 */
function codeOf(error: NodeJS.ErrnoException, secure: boolean): string {
  const first = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException) : error;
  const { code, message, syscall } = first;
  // OpenSSL's word for an answer in plain text, among others
  if (code === 'EPROTO') return 'EPROTO (a server without TLS? then write http://)';
  if (code?.startsWith('HPE_')) return 'not an HTTP response';
  // "socket hang up" has the code of a reset, without a system call
  if (code === 'ECONNRESET' && syscall === undefined)
    return `closed without a response${secure ? '' : ' (a TLS server? then write https://)'}`;
  if (code !== undefined && UNTRUSTED.test(code)) return `${code} (untrusted certificate; --http-insecure accepts it)`;
  return code ?? message;
}
