// Netlink (netlink(7)): a socket to the kernel and the walk through what it says. The kernel answers within the call
// that asks, so nothing here waits.
//
// A message is a header of 16 bytes and what follows; several lie in one datagram, each at a multiple of 4. Nothing in
// them is trusted: a length that does not fit ends the walk and is told. Other processes cannot send to these sockets,
// since they are connected to the kernel.

import { NETLINK, NLATTR, NLMSGHDR, SOCKADDR_NL } from './abi/netlink.ts';
import { SOCKET } from './abi/socket.ts';
import { bind, closeFd, connectTo, lastError, recv, send, setsockopt, socket } from './libc.ts';

/** The kernel gives a dump in pieces of at most 32 KiB (net/netlink/af_netlink.c, netlink_dump). */
const BUFFER_BYTES = 64 * 1024;

export type Opened =
  | { readonly ok: true; readonly socket: NetlinkSocket }
  /** The kernel's name for the trouble, such as "EPERM". */
  | { readonly ok: false; readonly error: string };

export interface NetlinkWish {
  /** NETLINK_SOCK_DIAG and its like. */
  readonly protocol: number;
  /** Groups to hear, by number. */
  readonly groups: readonly number[];
  /** For sockets that hear groups; 0 keeps the kernel's own choice. */
  readonly receiveBytes: number;
}

/** What one receive gave. */
export type Received =
  | 'nothing'
  /** Messages were lost, since they came faster than they were read. */
  | 'overrun'
  /** `length` bytes lie in `bytes`. */
  | 'bytes'
  /** A message was longer than the buffer; its beginning lies there. */
  | 'cut'
  | 'failed';

function addressOfKernel(groups: number): Uint8Array {
  const name = new Uint8Array(SOCKADDR_NL.size);
  const view = new DataView(name.buffer);
  view.setUint16(SOCKADDR_NL.nl_family, NETLINK.AF_NETLINK, true);
  view.setUint32(SOCKADDR_NL.nl_groups, groups, true);
  return name;
}

function setNumber(fd: number, level: number, name: number, value: number): boolean {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return setsockopt(fd, level, name, bytes, 4) === 0;
}

function prepare(fd: number, wish: NetlinkWish): boolean {
  if (wish.receiveBytes > 0) {
    const isForced = setNumber(fd, SOCKET.SOL_SOCKET, SOCKET.SO_RCVBUFFORCE, wish.receiveBytes);
    if (!isForced) setNumber(fd, SOCKET.SOL_SOCKET, SOCKET.SO_RCVBUF, wish.receiveBytes);
  }
  const name = addressOfKernel(0);
  if (bind(fd, name, name.length) !== 0 || connectTo(fd, name, name.length) !== 0) return false;
  return wish.groups.every((group) =>
    setNumber(fd, NETLINK.SOL_NETLINK, NETLINK.NETLINK_ADD_MEMBERSHIP, group),
  );
}

export class NetlinkSocket {
  readonly fd: number;
  readonly bytes = Buffer.alloc(BUFFER_BYTES);
  /** Of the last receive. */
  length = 0;

  /** Use `openNetlink`. */
  constructor(fd: number) {
    this.fd = fd;
  }

  /** False: the kernel did not take it. */
  send(message: Uint8Array): boolean {
    return Number(send(this.fd, message, message.length, SOCKET.MSG_DONTWAIT)) === message.length;
  }

  receive(): Received {
    const flags = SOCKET.MSG_DONTWAIT | SOCKET.MSG_TRUNC;
    const length = Number(recv(this.fd, this.bytes, this.bytes.length, flags));
    this.length = Math.max(0, Math.min(length, this.bytes.length));
    if (length > this.bytes.length) return 'cut';
    if (length > 0) return 'bytes';
    if (length === 0) return 'nothing';
    const error = lastError();
    if (error === 'ENOBUFS') return 'overrun';
    return error === 'EAGAIN' || error === 'EINTR' ? 'nothing' : 'failed';
  }

  close(): void {
    closeFd(this.fd);
  }
}

export function openNetlink(wish: NetlinkWish): Opened {
  const type = NETLINK.SOCK_RAW | SOCKET.SOCK_CLOEXEC | SOCKET.SOCK_NONBLOCK;
  const fd = socket(NETLINK.AF_NETLINK, type, wish.protocol);
  if (fd < 0) return { ok: false, error: lastError() };
  if (prepare(fd, wish)) return { ok: true, socket: new NetlinkSocket(fd) };
  const error = lastError();
  closeFd(fd);
  return { ok: false, error };
}

/** A request of `payloadBytes` behind its header, which is written; the payload is the caller's. */
export function makeRequest(type: number, flags: number, payloadBytes: number): Buffer {
  const message = Buffer.alloc(NLMSGHDR.size + payloadBytes);
  message.writeUInt32LE(message.length, NLMSGHDR.nlmsg_len);
  message.writeUInt16LE(type, NLMSGHDR.nlmsg_type);
  message.writeUInt16LE(NETLINK.NLM_F_REQUEST | flags, NLMSGHDR.nlmsg_flags);
  return message;
}

export function setSequence(message: Buffer, sequence: number): void {
  message.writeUInt32LE(sequence >>> 0, NLMSGHDR.nlmsg_seq);
}

/** One message of a datagram: its header in words, its payload as a range of the bytes. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly from: number;
  readonly to: number;
}

/** Visits each message. False: what followed the last one visited is no message. */
export function walkMessages(bytes: Buffer, end: number, visit: (message: NetlinkMessage) => void): boolean {
  let at = 0;
  while (at + NLMSGHDR.size <= end) {
    const length = bytes.readUInt32LE(at + NLMSGHDR.nlmsg_len);
    if (length < NLMSGHDR.size || length > end - at) return false;
    visit({
      type: bytes.readUInt16LE(at + NLMSGHDR.nlmsg_type),
      flags: bytes.readUInt16LE(at + NLMSGHDR.nlmsg_flags),
      sequence: bytes.readUInt32LE(at + NLMSGHDR.nlmsg_seq),
      from: at + NLMSGHDR.size,
      to: at + length,
    });
    at += (length + 3) & ~3;
  }
  return at >= end;
}

/** Visits each attribute in a range. What does not fit ends the walk. */
export function walkAttributes(
  bytes: Buffer,
  from: number,
  to: number,
  visit: (type: number, from: number, to: number) => void,
): void {
  let at = from;
  while (at + NLATTR.size <= to) {
    const length = bytes.readUInt16LE(at + NLATTR.nla_len);
    if (length < NLATTR.size || length > to - at) return;
    visit(bytes.readUInt16LE(at + NLATTR.nla_type), at + NLATTR.size, at + length);
    at += (length + 3) & ~3;
  }
}

/** The errno of an error message, positive; 0 is an acknowledgement, undefined a message too short to say. */
export function errorOf(bytes: Buffer, message: NetlinkMessage): number | undefined {
  return message.to - message.from < 4 ? undefined : -bytes.readInt32LE(message.from);
}
