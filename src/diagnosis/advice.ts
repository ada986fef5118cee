/** Turns findings about a start that does not succeed into advice for the operator, one line each. */
import { shellWord } from '../base/shell-word.ts';
import { awaitedPort, httpPort, type ProbeSpec } from '../probes/spec.ts';
import { addressOf, type ListeningSocket } from '../sockets/ownership.ts';
import { canonicalHost, hostPort } from '../sockets/rows.ts';

/** When the diagnosis runs: the app is still starting, is being stopped, missed the start timeout, or died. */
export type Moment = 'waiting' | 'stopped' | 'timeout' | 'died';

export interface Findings {
  readonly probes: readonly ProbeSpec[];
  /** The sockets that the app listens on, or did when it was last found listening. */
  readonly listening: readonly ListeningSocket[];
  /** Whether the sockets were read before the app was asked to end: afterwards it may have closed them. */
  readonly looked: boolean;
  /** Other processes that hold a probed port, by the port: `nginx (pid 77)`. */
  readonly holders: ReadonlyMap<number, string>;
  /** `.socket` units that hold a port which the app may need, by the port. */
  readonly socketUnits: ReadonlyMap<number, string>;
  /** Awaited ports whose sockets systemd passed to this unit, if nothing gives them to an unchanged app. */
  readonly passed: readonly number[];
  /** Whether --take-sockets is possible. */
  readonly canTake: boolean;
  /** Probed ports that need a privilege which the app probably lacks. */
  readonly reserved: readonly number[];
  /** Whether a user manager runs the unit: it cannot grant privileges. */
  readonly byUserManager: boolean;
  /** Whether systemd may have stopped the unit because of its start timeout. */
  readonly tooLong: boolean;
  /** With --handoff. Advice must not suggest probes that need a wrapper which stays. */
  readonly handoff: boolean;
  /** The unit's KillMode=, if readable. */
  readonly killMode: string | undefined;
}

/** The socket that a probe waits for. */
interface Awaited {
  readonly option: string;
  readonly name: string;
  readonly kind: ListeningSocket['kind'];
  readonly matches: (socket: ListeningSocket) => boolean;
}

/** @returns an empty list if the operator need not change anything */
export function advice(moment: Moment, findings: Findings): readonly string[] {
  const elsewhere = listensElsewhere(findings, moment);
  const unused = unusedSockets(findings);
  // the probe itself reports the holder of a port
  if (moment === 'waiting') return [...heldBySystemd(findings), ...unused, ...elsewhere, ...listensAlready(findings)];
  return [
    ...heldBySystemd(findings),
    ...heldPorts(findings),
    ...unused,
    ...(moment === 'died' ? reservedPorts(findings) : []),
    ...elsewhere,
    ...(moment === 'timeout' || moment === 'stopped' ? nothingYet(findings) : []),
    ...(moment === 'stopped' && findings.tooLong ? [TOO_SHORT] : []),
    ...leftovers(findings),
  ];
}

const TOO_SHORT = "if the app only needs more time: raise the unit's TimeoutStartSec=, or add --extend-timeout 30s";

function heldBySystemd({ socketUnits }: Findings): readonly string[] {
  return [...socketUnits].map(
    ([port, unit]) =>
      `port ${port} is held by systemd for ${unit}: add Sockets=${unit} under [Service] and let the app listen on ` +
      `the descriptor that systemd passes (Node: --take-sockets), give the app another port, or stop ${unit}`,
  );
}

/**
 * An app that opens its port itself fails then (EADDRINUSE). Conditional, because an app that has ended, or is still
 * loading, may use the descriptor.
 */
function unusedSockets({ passed, canTake, listening }: Findings): readonly string[] {
  const used = listening.flatMap((socket) => (socket.kind === 'tcp' && socket.inherited ? [socket.port] : []));
  return passed
    .filter((port) => !used.includes(port))
    .map(
      (port) =>
        `systemd passed the socket of port ${port} to this unit: if the app opens the port itself, ` +
        `${canTake ? 'add --take-sockets, or ' : ''}let it listen on that descriptor`,
    );
}

function heldPorts({ holders, socketUnits }: Findings): readonly string[] {
  const others = [...holders].filter(([port]) => !socketUnits.has(port));
  // not "stop": the holder may be docker-proxy, or the instance that serves
  return others.map(([port, holder]) => `port ${port} is held by ${holder}: free it, or give the app another port`);
}

function reservedPorts({ reserved, holders, listening, byUserManager }: Findings): readonly string[] {
  // the app's program may have the privilege itself (setcap(8))
  const opened = (port: number) => listening.some((socket) => socket.kind === 'tcp' && socket.port === port);
  return reserved
    .filter((port) => !holders.has(port) && !opened(port))
    .map(
      (port) =>
        `port ${port} needs a privilege that the app does not have: ` +
        `${byUserManager ? '' : 'add AmbientCapabilities=CAP_NET_BIND_SERVICE under [Service], or '}` +
        'give the app a port from 1024 on',
    );
}

/** The app listens, but on another socket than the probed one. While it is starting, more may follow. */
function listensElsewhere({ probes, listening, holders, passed }: Findings, moment: Moment): readonly string[] {
  const yet = moment === 'waiting' ? ' so far' : '';
  const sockets = listening.filter((socket) => !(socket.kind === 'tcp' && socket.inspector));
  return probes.flatMap((spec) => {
    const awaited = awaitedOf(spec);
    if (!awaited || sockets.some(awaited.matches)) return [];
    const port = awaitedPort(spec);
    // an app that evades another listener on this port uses a different port each time
    if (port !== undefined && (holders.has(port) || passed.includes(port))) return [];
    const others = sockets.filter(({ kind }) => kind === awaited.kind);
    const [first] = others;
    if (!first) return [];
    const where = others.map(addressOf).join(', ');
    return (
      `the app listens on ${where}${yet}, not on ${awaited.name}: write ` +
      `${asOption(awaited.option, first)}, or change where the app listens`
    );
  });
}

/**
 * The app listens, but no log line has matched: the regex may be wrong. Not for other probes: an app that sends its own
 * readiness signal may well listen before it is ready.
 */
function listensAlready({ probes, listening }: Findings): readonly string[] {
  const [first] = listening.filter((socket) => socket.kind === 'tcp' && !socket.inspector);
  const isLog = probes.every(({ kind }) => kind === 'log');
  return first && isLog ? [maySignify(first, ' already')] : [];
}

function maySignify(socket: ListeningSocket, already = ''): string {
  const option = socket.kind === 'unix' ? '--unix' : '--tcp';
  return (
    `the app listens on ${addressOf(socket)}${already}: if listening means ready, write ` +
    `${asOption(option, socket)}`
  );
}

function nothingYet({ probes, listening, looked, holders, socketUnits, passed, handoff }: Findings): readonly string[] {
  const [first] = listening.filter((socket) => socket.kind === 'unix' || !socket.inspector);
  const auto = probes.some(({ kind }) => kind === 'auto');
  if (first === undefined) {
    if (!looked || holders.size + socketUnits.size + passed.length > 0) return [];
    if (auto && handoff) return ['the app does not listen: choose a probe, e.g. --file or --exec, or remove --handoff'];
    if (auto) return ["the app neither listens nor sends READY=1: choose a probe, e.g. --stdout 'listening on'"];
    return probes.some(awaitedOf) ? ['the app has not opened any port; its own output may say why'] : [];
  }
  if (auto || probes.every((spec) => !awaitedOf(spec))) {
    return [maySignify(first)];
  }
  return [];
}

function leftovers({ killMode }: Findings): readonly string[] {
  if (killMode !== 'process' && killMode !== 'none') return [];
  return [`KillMode=${killMode} leaves processes of the app running after a stop; write KillMode=mixed`];
}

function awaitedOf(spec: ProbeSpec): Awaited | undefined {
  switch (spec.kind) {
    case 'tcp':
      // any process may own it, also on another host: the app's own sockets are irrelevant
      if (spec.owner === 'any') return undefined;
      return port('--tcp', spec.port, spec.hosts);
    case 'http': {
      if (!spec.onThisHost || spec.owner === 'any') return undefined;
      return port('--http', httpPort(spec.url), spec.hosts);
    }
    case 'listen':
      if (spec.target === 'any') return undefined;
      if (typeof spec.target === 'number') return port('--listen', spec.target, undefined);
      return path('--listen', spec.target);
    case 'unix':
      return path('--unix', spec.path);
    default:
      return undefined;
  }
}

function port(option: string, number: number, hosts: readonly string[] | undefined): Awaited {
  const reached = (host: string) =>
    ['0.0.0.0', '::'].includes(host) || hosts?.some((wanted) => canonicalHost(wanted) === host);
  const where = hosts?.map((host) => hostPort(host, number)).join(' or ');
  return {
    option,
    name: where ?? `port ${number}`,
    kind: 'tcp',
    matches: (socket) =>
      socket.kind === 'tcp' && socket.port === number && (hosts === undefined || reached(socket.host) === true),
  };
}

function path(option: string, wanted: string): Awaited {
  return {
    ...{ option, name: wanted, kind: 'unix' },
    matches: (socket) => socket.kind === 'unix' && socket.path === wanted,
  };
}

/** The option that probes this socket. */
function asOption(option: string, socket: ListeningSocket): string {
  if (socket.kind === 'unix') return `${option} ${shellWord(socket.path)}`;
  const local = ['0.0.0.0', '::', '127.0.0.1', '::1'].includes(socket.host);
  if (option === '--listen') return `--listen ${socket.port}`;
  if (option === '--http') return `--http http://${local ? `127.0.0.1:${socket.port}` : addressOf(socket)}/`;
  return `${option} ${local ? socket.port : addressOf(socket)}`;
}
