/** Polls one URL and reports the status only. */
import { readFileSync, statSync } from 'node:fs';
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
  /** Accept self-signed and other untrusted certificates. */
  readonly insecure: boolean;
  /** A file with more CA certificates: the app's NODE_EXTRA_CA_CERTS, which our own Node has not read. */
  readonly extraCa?: string | undefined;
  /** Called if that file cannot be read. Node does not treat this as an error either. */
  readonly warn: (message: string) => void;
}

export interface HttpAnswer {
  readonly status: number;
  /** The address that answered. */
  readonly address: string;
  /** Whether it came over the connection of an earlier request. */
  readonly kept: boolean;
  readonly socket: Socket;
}

export interface HttpClient {
  /**
   * Sends one request at a time. Reports the answer, or why there is none: `ECONNREFUSED`. The disposer cancels it.
   * @param hold delays the last byte of the request on a new connection: a server that closes the connection with its
   * answer could not be identified afterwards
   */
  get(report: (answer: HttpAnswer | string) => void, hold?: Hold): Disposer;
  /**
   * Closes the connection after the server's last answer. The next request opens a new connection.
   * @param otherAddress whether that one goes to the host's next address
   */
  leave(otherAddress?: boolean): void;
}

type Hold = (socket: Socket) => Promise<void>;

/**
 * How long a connection is reused, ms: the process that accepted it keeps answering on it, even after another process
 * took over the port.
 */
const KEPT_FOR = 1000;

/** The longest response head, bytes. */
const HEAD_MAX = 64 * 1024;

/** Each has its own agent, so that we choose when the connection closes. */
interface Connection {
  readonly agent: Agent;
  readonly openedAt: number;
  socket?: Socket;
  /** Whether an answer is still arriving. */
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
  /** The previous connection, while it still receives the rest of an answer. */
  let leaving: Connection | undefined;

  const open = (hold: Hold | undefined): Connection => {
    const agent = new http.Agent({ ...tls, lookup, keepAlive: true, maxSockets: 1 });
    if (hold) holdConnections(agent, hold, connectTls);
    const opened: Connection = { agent, openedAt: clock.now(), busy: false, left: false };
    // Node calls it once the whole answer has been read
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
    // an app whose answers never end then serves one connection of ours, and not one per request
    leaving?.socket?.destroy();
    leaving = current.busy ? current : undefined;
    leaveOrder(current);
    current = undefined;
  };

  return {
    get(report, hold) {
      if (current && (current.busy || clock.now() > current.openedAt + KEPT_FOR)) leaveIt();
      current ??= open(hold);
      const own = current;
      own.busy = true;
      let settled = false;
      const settle = (answer: HttpAnswer | string) => {
        if (!settled) {
          settled = true;
          report(answer);
        }
      };
      const answered = ({ socket, statusCode }: IncomingMessage) =>
        settle({
          status: statusCode as number,
          address: socket.remoteAddress ?? (hosts[0] as string),
          kept: sent.reusedSocket,
          socket: socket as Socket,
        });
      const sent = http
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
        sent.destroy();
      };
    },
    leave: leaveIt,
  };
}

/** Makes each new connection send its first request without the last byte, and then hold. */
function holdConnections(agent: Agent, hold: Hold, connectTls: typeof import('node:tls').connect | undefined): void {
  agent.createConnection = (options, created) => {
    if (!connectTls) return new HeldSocket(hold).connect(options as TcpNetConnectOpts);
    // after the TLS handshake the server has accepted
    const socket = connectTls(
      options as ConnectionOptions,
      () => void hold(socket).then(() => created?.(null, socket)),
    );
    socket.once('error', (error) => created?.(error, socket));
    return undefined;
  };
}

/** Holds after the first bytes: with TCP_DEFER_ACCEPT a server accepts only a connection that has data (tcp(7)). */
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
      // Node aborts if bytes have a text encoding
      const none = 'buffer' as BufferEncoding;
      super._write(bytes.subarray(0, -1), none, (error) => {
        if (error) callback(error);
        else void hold(this).then(() => super._write(bytes.subarray(-1), none, callback));
      });
    }
  }
}

/**
 * Waits for the rest of an answer, because a server would abort it if we closed our side
 * (https://nodejs.org/api/net.html#new-netsocketoptions, allowHalfOpen). The wait is bounded: it may be an event
 * stream.
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

/** @returns names and values in turn */
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
  // a request has one Host only (RFC 9112, 3.2): the last one given
  const host = headers.findLast(([name]) => name.toLowerCase() === 'host');
  const further = headers.filter((header) => header[0].toLowerCase() !== 'host' || header === host);
  return [...own.filter(([name]) => !given.has(name.toLowerCase())), ...further].flat();
}

async function tlsOptions(host: string, { insecure, extraCa, warn }: HttpRequest): Promise<ConnectionOptions> {
  const { createSecureContext } = await import('node:tls');
  const secureContext = extraCa && !insecure ? trusting(extraCa, createSecureContext, warn) : undefined;
  // an IP address is not allowed as server name (RFC 6066, 3)
  const servername = isIP(host) === 0 ? host : '';
  const options = { servername, rejectUnauthorized: !insecure, ALPNProtocols: ['http/1.1'] };
  return secureContext ? { ...options, secureContext } : options;
}

/** One per file: Node too reads the file once. */
const contexts = new Map<string, SecureContext | undefined>();

/**
 * Adds the file to the CAs that Node trusts (https://nodejs.org/api/cli.html#node_extra_ca_certsfile). Node's `ca`
 * option also calls addCACert() of the inner context, but it replaces the default CAs, which a distribution or
 * NODE_USE_SYSTEM_CA=1 may have configured.
 */
function trusting(extraCa: string, create: () => SecureContext, warn: HttpRequest['warn']): SecureContext | undefined {
  if (contexts.has(extraCa)) return contexts.get(extraCa);
  let context: SecureContext | undefined;
  try {
    // a FIFO would block, and its bytes are for the app
    if (!statSync(extraCa).isFile()) throw new Error('it is not a file');
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
 * Node tries several addresses in turn and reports their errors as one (https://nodejs.org/api/net.html#socketconnect).
 */
function codeOf(error: NodeJS.ErrnoException, secure: boolean): string {
  const first = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException) : error;
  const { code, message, syscall } = first;
  // OpenSSL's error for a plain-text answer, among others
  if (code === 'EPROTO') return 'EPROTO (a server without TLS? then write http://)';
  if (code?.startsWith('HPE_')) return 'not an HTTP response';
  // "socket hang up" has the code of a reset, but no system call
  if (code === 'ECONNRESET' && syscall === undefined)
    return `closed without a response${secure ? '' : ' (a TLS server? then write https://)'}`;
  if (code !== undefined && UNTRUSTED.test(code)) return `${code} (untrusted certificate; --http-insecure accepts it)`;
  return code ?? message;
}
