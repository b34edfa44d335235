// Questions to the kernel over rtnetlink: a dump (all interfaces, all addresses), and a socket that says when one of
// them changed. Needs no right, only that AF_NETLINK is allowed. Messages are walked where they lie; what is cut short
// ends the walk. Refuses: to change anything.

import { NETLINK, NLMSGHDR, SOCKADDR_NL } from './abi/netlink.ts';
import { RTATTR, RTM } from './abi/rtnetlink.ts';
import { SOCKET } from './abi/socket.ts';
import { bind, closeFd, lastError, poll, recv, send, socket } from './libc.ts';

/** The kernel fills at most 32 KiB of it with one piece of a dump (netlink_dump in af_netlink.c). */
const PIECE_BYTES = 65_536;
const WAIT_MS = 100;
/** A dump that changes under our eyes is asked for again. */
const TRIES_MAX = 4;
const POLLIN = 1;

export interface NetlinkMessage {
  readonly type: number;
  /** Behind the nlmsghdr. */
  readonly body: DataView;
}

function openRoute(groups: number): number {
  const kind = SOCKET.SOCK_DGRAM | SOCKET.SOCK_NONBLOCK | SOCKET.SOCK_CLOEXEC;
  const fd = socket(NETLINK.AF_NETLINK, kind, NETLINK.NETLINK_ROUTE);
  if (fd < 0) return fd;
  const name = new Uint8Array(SOCKADDR_NL.size);
  const view = new DataView(name.buffer);
  view.setUint16(SOCKADDR_NL.nl_family, NETLINK.AF_NETLINK, true);
  view.setUint32(SOCKADDR_NL.nl_groups, groups, true);
  if (bind(fd, name, name.length) === 0) return fd;
  closeFd(fd);
  return -1;
}

/** Readable when an interface or an address came, went or changed; -1 where the kernel gives none. */
export function openChanges(): number {
  return openRoute(RTM.RTMGRP_LINK | RTM.RTMGRP_IPV4_IFADDR | RTM.RTMGRP_IPV6_IFADDR);
}

const scrap = new Uint8Array(PIECE_BYTES);

/** Takes what was told, unread: who hears of a change asks for all. An overrun (ENOBUFS) is a change as well. */
export function drainChanges(fd: number): void {
  for (let taken = 0; taken < 64; taken += 1) {
    if (recv(fd, scrap, scrap.length, SOCKET.MSG_DONTWAIT) > 0) continue;
    if (lastError() === 'EAGAIN') return;
  }
}

/** Every message of the answer, or the name of the error. */
export function dumpRoute(type: number, bodyBytes: number): NetlinkMessage[] | string {
  const fd = openRoute(0);
  if (fd < 0) return lastError();
  try {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const answer = askOnce(fd, type, bodyBytes);
      if (answer !== undefined) return answer;
    }
    return 'EINTR';
  } finally {
    closeFd(fd);
  }
}

function askOnce(fd: number, type: number, bodyBytes: number): NetlinkMessage[] | string | undefined {
  const question = new Uint8Array(NLMSGHDR.size + bodyBytes);
  const view = new DataView(question.buffer);
  view.setUint32(NLMSGHDR.nlmsg_len, question.length, true);
  view.setUint16(NLMSGHDR.nlmsg_type, type, true);
  view.setUint16(NLMSGHDR.nlmsg_flags, NETLINK.NLM_F_REQUEST | NETLINK.NLM_F_DUMP, true);
  if (send(fd, question, question.length, 0) < 0) return lastError();
  return readAnswer(fd);
}

/** Undefined: it changed meanwhile. */
function readAnswer(fd: number): NetlinkMessage[] | string | undefined {
  const messages: NetlinkMessage[] = [];
  let isWhole = true;
  for (;;) {
    const piece = new Uint8Array(PIECE_BYTES);
    const got = receive(fd, piece);
    if (typeof got === 'string') return got;
    for (const { type, flags, body } of walk(piece.subarray(0, got))) {
      if ((flags & NETLINK.NLM_F_DUMP_INTR) !== 0) isWhole = false;
      if (type === NETLINK.NLMSG_DONE) return isWhole ? messages : undefined;
      if (type === NETLINK.NLMSG_ERROR) return 'EPROTO';
      messages.push({ type, body });
    }
  }
}

function receive(fd: number, piece: Uint8Array): number | string {
  const got = recv(fd, piece, piece.length, SOCKET.MSG_DONTWAIT);
  if (got > 0) return got;
  if (lastError() !== 'EAGAIN') return lastError();
  const watched = new Uint8Array(8);
  const view = new DataView(watched.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, POLLIN, true);
  if (poll(watched, 1, WAIT_MS) <= 0) return 'ETIMEDOUT';
  const late = recv(fd, piece, piece.length, SOCKET.MSG_DONTWAIT);
  return late > 0 ? late : lastError();
}

function* walk(bytes: Uint8Array): Generator<NetlinkMessage & { readonly flags: number }> {
  let at = 0;
  while (at + NLMSGHDR.size <= bytes.length) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at);
    const length = view.getUint32(NLMSGHDR.nlmsg_len, true);
    if (length < NLMSGHDR.size || at + length > bytes.length) return;
    const from = bytes.byteOffset + at + NLMSGHDR.size;
    yield {
      type: view.getUint16(NLMSGHDR.nlmsg_type, true),
      flags: view.getUint16(NLMSGHDR.nlmsg_flags, true),
      body: new DataView(bytes.buffer, from, length - NLMSGHDR.size),
    };
    at += (length + 3) & ~3;
  }
}

/** The bytes of the first attribute of this type behind `from`. */
export function attribute(body: DataView, from: number, type: number): Uint8Array | undefined {
  let at = from;
  while (at + RTATTR.size <= body.byteLength) {
    const length = body.getUint16(at + RTATTR.rta_len, true);
    if (length < RTATTR.size || at + length > body.byteLength) return undefined;
    if (body.getUint16(at + RTATTR.rta_type, true) === type) {
      return new Uint8Array(body.buffer, body.byteOffset + at + RTATTR.size, length - RTATTR.size);
    }
    at += (length + 3) & ~3;
  }
  return undefined;
}
