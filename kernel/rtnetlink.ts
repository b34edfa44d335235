// Questions to the kernel over rtnetlink: a dump (all interfaces, all addresses), and a socket that says when one of
// them changed. Needs no right, only that AF_NETLINK is allowed. What is cut short ends the walk.
// Refuses: to change anything.

import { NETLINK } from './abi/netlink.ts';
import { RTM } from './abi/rtnetlink.ts';
import { SOCKET } from './abi/socket.ts';
import { lastError, recv } from './libc.ts';
import { makeRequest, type NetlinkSocket, openNetlink, walkAttributes, walkMessages } from './netlink.ts';

/** A dump that changes under our eyes is asked for again. */
const TRIES_MAX = 4;

export interface RouteMessage {
  readonly type: number;
  /** Behind the nlmsghdr. */
  readonly body: Buffer;
}

function openRoute(groups: readonly number[]): ReturnType<typeof openNetlink> {
  return openNetlink({ protocol: NETLINK.NETLINK_ROUTE, groups, receiveBytes: 0 });
}

/** Readable when an interface or an address came, went or changed; -1 where the kernel gives none. */
export function openChanges(): number {
  const opened = openRoute([RTM.RTNLGRP_LINK, RTM.RTNLGRP_IPV4_IFADDR, RTM.RTNLGRP_IPV6_IFADDR]);
  return opened.ok ? opened.socket.fd : -1;
}

const scrap = new Uint8Array(64);

/** Takes what was told, unread: who hears of a change asks for all. An overrun (ENOBUFS) is a change as well. */
export function drainChanges(fd: number): void {
  for (let taken = 0; taken < 64; taken += 1) {
    if (recv(fd, scrap, scrap.length, SOCKET.MSG_DONTWAIT) > 0) continue;
    if (lastError() === 'EAGAIN') return;
  }
}

/** Every message of the answer, or the name of the error. */
export function dumpRoute(type: number, bodyBytes: number): RouteMessage[] | string {
  const opened = openRoute([]);
  if (!opened.ok) return opened.error;
  try {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const answer = askOnce(opened.socket, makeRequest(type, NETLINK.NLM_F_DUMP, bodyBytes));
      if (answer !== undefined) return answer;
    }
    return 'EINTR';
  } finally {
    opened.socket.close();
  }
}

/** Undefined: it changed meanwhile. */
function askOnce(socket: NetlinkSocket, request: Buffer): RouteMessage[] | string | undefined {
  if (!socket.send(request)) return lastError();
  const messages: RouteMessage[] = [];
  let isInterrupted = false;
  for (;;) {
    const received = socket.receive();
    if (received === 'nothing') return 'EAGAIN';
    if (received === 'cut') return 'EMSGSIZE';
    if (received !== 'bytes') return lastError();
    let end: 'whole' | 'failed' | undefined;
    walkMessages(socket.bytes, socket.length, ({ type: kind, flags, from, to }) => {
      if ((flags & NETLINK.NLM_F_DUMP_INTR) !== 0) isInterrupted = true;
      if (kind === NETLINK.NLMSG_DONE) end ??= 'whole';
      else if (kind === NETLINK.NLMSG_ERROR) end ??= 'failed';
      // The socket's memory is filled anew by the next piece.
      else messages.push({ type: kind, body: Buffer.from(socket.bytes.subarray(from, to)) });
    });
    if (end === 'failed') return 'EPROTO';
    if (end === 'whole') return isInterrupted ? undefined : messages;
  }
}

/** The bytes of the first attribute of this type behind `from`. */
export function attribute(body: Buffer, from: number, type: number): Buffer | undefined {
  let found: Buffer | undefined;
  walkAttributes(body, from, body.length, (kind, start, end) => {
    if (kind === type) found ??= body.subarray(start, end);
  });
  return found;
}
