/**
 * Looks up one socket by netlink (sock_diag(7)). This takes a fraction of a millisecond, however many connections are
 * open. Node has no netlink sockets, so it needs node:ffi or koffi. It is opened at the first use, because most starts
 * do not need it.
 */
import { loadByKoffi } from '../base/koffi.ts';
import { loadByNodeFfi } from '../base/node-ffi.ts';
import { type Acceptor, addressBytes, type ConnectionEnds, STILL_OPEN } from './accepted.ts';
import { canonicalHost, LITTLE_ENDIAN } from './rows.ts';

export interface SockDiag {
  /** As acceptorOf() of accepted.ts; undefined if the kernel does not answer. */
  acceptorOf(ends: ConnectionEnds): Acceptor | undefined;
  /**
   * The same for a connection of a Unix socket.
   * @param inode the inode of our end
   */
  acceptorOfUnix(inode: number): Acceptor | undefined;
  /** The inode of a Unix socket's file, which a rename does not change. */
  fileOf(inode: number): number | undefined;
}

/** From the kernel's headers: linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, linux/unix_diag.h. */
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST = 1;
const NLMSG_ERROR = 2;
const IPPROTO_TCP = 6;
const TCP_LISTEN = 10;
const UDIAG_SHOW_VFS = 2;
const UDIAG_SHOW_PEER = 4;
const UNIX_DIAG_VFS = 1;
const UNIX_DIAG_PEER = 2;
const UNIX_DIAG_SHUTDOWN = 6;
const MSG_DONTWAIT = 0x40;

/** The sizes of struct nlmsghdr and of the fixed part of a unix_diag_msg, bytes. */
const HEADER = 16;
const UNIX_MESSAGE = 16;

let opening: Promise<SockDiag | 'none'> | undefined;
let opened: SockDiag | 'none' | undefined;

/** @returns `none` if neither can be loaded, or netlink is refused (RestrictAddressFamilies= in systemd.exec(5)) */
export function sockDiag(): Promise<SockDiag | 'none'> {
  opening ??= open()
    .catch(() => undefined)
    .then((found) => {
      opened = found ?? 'none';
      return opened;
    });
  return opening;
}

/** The same without waiting: undefined while it is still being opened. */
export function sockDiagIfOpen(): SockDiag | 'none' | undefined {
  void sockDiag();
  return opened;
}

async function open(): Promise<SockDiag | undefined> {
  // netlink numbers have the machine's byte order, and this code writes little-endian
  if (!LITTLE_ENDIAN) return undefined;
  const { func } = await loadByNodeFfi().catch(loadByKoffi);
  const send = func('send', 'long', ['int', 'pointer', 'size_t', 'int']);
  const recv = func('recv', 'long', ['int', 'pointer', 'size_t', 'int']);
  const socket = func('socket', 'int', ['int', 'int', 'int']);
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd < 0) return undefined;
  const answer = Buffer.alloc(8192);

  /** @returns the answer without its header; undefined for an error, such as ENOENT for an unknown socket */
  const request = (body: Buffer): Buffer | undefined => {
    const header = Buffer.alloc(HEADER);
    header.writeUInt32LE(HEADER + body.length, 0);
    header.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
    header.writeUInt16LE(NLM_F_REQUEST, 6);
    if (send(fd, Buffer.concat([header, body]), HEADER + body.length, 0) < 0) return undefined;
    // the kernel answers before send(2) returns
    const length = recv(fd, answer, answer.length, MSG_DONTWAIT);
    if (length < HEADER || answer.readUInt16LE(4) === NLMSG_ERROR) return undefined;
    return answer.subarray(HEADER, length);
  };

  const findTcp = (source: End, destination: End) => {
    const found = request(inetRequest(source, destination));
    return found && { state: found.readUInt8(1), inode: found.readUInt32LE(68) };
  };

  return {
    acceptorOf({ localAddress, localPort, remoteAddress, remotePort }) {
      // a link-local address needs its zone, which Node does not report
      if (/^fe[89ab]/i.test(localAddress)) return undefined;
      const ours = { address: canonicalHost(localAddress), port: localPort };
      const theirs = { address: canonicalHost(remoteAddress), port: remotePort };
      const found = findTcp(theirs, ours);
      // without such a connection, the kernel answers with a listener that would accept it
      if (found && found.state !== TCP_LISTEN) {
        if (found.inode !== 0) return found.inode;
        return STILL_OPEN.has(found.state) ? 'waiting' : 'closed';
      }
      // a kernel without tcp_diag finds no socket at all
      return findTcp(ours, theirs) ? 'elsewhere' : undefined;
    },

    acceptorOfUnix(inode) {
      const found = request(unixRequest(inode, UDIAG_SHOW_PEER));
      if (!found) return undefined;
      const attributes = attributesOf(found);
      const peer = attributes.get(UNIX_DIAG_PEER)?.readUInt32LE(0) ?? 0;
      if (peer !== 0) return peer;
      return attributes.get(UNIX_DIAG_SHUTDOWN)?.readUInt8(0) === 0 ? 'waiting' : 'closed';
    },

    fileOf(inode) {
      const found = request(unixRequest(inode, UDIAG_SHOW_VFS));
      return found && attributesOf(found).get(UNIX_DIAG_VFS)?.readUInt32LE(0);
    },
  };
}

interface End {
  readonly address: string;
  readonly port: number;
}

/** A struct inet_diag_req_v2. The address decides the family, also for a listener of both IP versions (`::`). */
function inetRequest(source: End, destination: End): Buffer {
  const body = Buffer.alloc(56);
  body[0] = source.address.includes(':') ? AF_INET6 : AF_INET;
  body[1] = IPPROTO_TCP;
  body.writeUInt32LE(ANY, 4);
  body.writeUInt16BE(source.port, 8);
  body.writeUInt16BE(destination.port, 10);
  body.set(addressBytes(source.address), 12);
  body.set(addressBytes(destination.address), 28);
  body.fill(NO_COOKIE, 48);
  return body;
}

/** A struct unix_diag_req. */
function unixRequest(inode: number, show: number): Buffer {
  const body = Buffer.alloc(24);
  body[0] = AF_UNIX;
  body.writeUInt32LE(ANY, 4);
  body.writeUInt32LE(inode, 8);
  body.writeUInt32LE(show, 12);
  body.fill(NO_COOKIE, 16);
  return body;
}

/** In `idiag_states` and `udiag_states`: all states. */
const ANY = 0xffffffff;
const NO_COOKIE = 0xff;

/** The attributes of a unix_diag_msg by type. */
function attributesOf(message: Buffer): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = UNIX_MESSAGE; at + 4 <= message.length; ) {
    const length = message.readUInt16LE(at);
    found.set(message.readUInt16LE(at + 2), message.subarray(at + 4, at + length));
    // each attribute begins at a multiple of 4
    at += (Math.max(length, 4) + 3) & ~3;
  }
  return found;
}
