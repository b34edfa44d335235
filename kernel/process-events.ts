// Hears which processes begin: forks and new programs, from the kernel's process connector. Needs CAP_NET_ADMIN in the
// first user and pid namespace; what it is for works without it, only slower. Threads are left out by a filter in the
// kernel, so that a program with many of them costs nothing here.
//
//   | nlmsghdr 16 | cn_msg 20 | proc_event: what 4, cpu 4, time 8, then the pids |
//
// Refuses: names. A pid is all that the kernel says.

import {
  CN_MSG,
  EXEC_PROC_EVENT,
  FORK_PROC_EVENT,
  NETLINK,
  NLMSGHDR,
  PROC_CONNECTOR,
  PROC_EVENT,
} from './abi/netlink.ts';
import {
  makeRequest,
  type NetlinkMessage,
  type NetlinkSocket,
  openNetlink,
  type Opened,
  walkMessages,
} from './netlink.ts';
import { attachFilter } from './packet-socket.ts';

const RECEIVE_BYTES = 256 * 1024;
const EVENT_AT = NLMSGHDR.size + CN_MSG.size;
const DATA_AT = EVENT_AT + PROC_EVENT.event_data;

/** struct sock_filter (linux/filter.h): code 2, jump if true 1, jump if false 1, constant 4. */
function filterOf(instructions: readonly (readonly [code: number, yes: number, no: number, k: number])[]) {
  const program = Buffer.alloc(instructions.length * 8);
  for (const [at, [code, yes, no, constant]] of instructions.entries()) {
    program.writeUInt16LE(code, at * 8);
    program.writeUInt8(yes, at * 8 + 2);
    program.writeUInt8(no, at * 8 + 3);
    program.writeUInt32LE(constant, at * 8 + 4);
  }
  return program;
}

/** A word is loaded in network order, so what the kernel wrote stands in it the other way round. */
function swapped(word: number): number {
  return (word << 24) >>> 0;
}

/** New programs, and forks whose child is no thread (its pid is that of its group). */
const PROCESSES_ONLY = filterOf([
  [0x20, 0, 0, EVENT_AT + PROC_EVENT.what],
  [0x15, 5, 0, swapped(PROC_CONNECTOR.PROC_EVENT_EXEC)],
  [0x15, 0, 5, swapped(PROC_CONNECTOR.PROC_EVENT_FORK)],
  [0x20, 0, 0, DATA_AT + FORK_PROC_EVENT.child_pid],
  [0x07, 0, 0, 0],
  [0x20, 0, 0, DATA_AT + FORK_PROC_EVENT.child_tgid],
  [0x1d, 0, 1, 0],
  [0x06, 0, 0, 0xffff_ffff],
  [0x06, 0, 0, 0],
]);

/** Asks the kernel to begin. Whether it does is told by nobody; without the right nothing ever comes. */
function listenRequest(): Buffer {
  const request = makeRequest(NETLINK.NLMSG_DONE, 0, CN_MSG.size + 4);
  request.writeUInt32LE(PROC_CONNECTOR.CN_IDX_PROC, NLMSGHDR.size + CN_MSG.id);
  request.writeUInt32LE(PROC_CONNECTOR.CN_VAL_PROC, NLMSGHDR.size + CN_MSG.id + 4);
  request.writeUInt16LE(4, NLMSGHDR.size + CN_MSG.len);
  request.writeUInt32LE(PROC_CONNECTOR.PROC_CN_MCAST_LISTEN, NLMSGHDR.size + CN_MSG.data);
  return request;
}

export function openProcessEvents(): Opened {
  const opened = openNetlink({
    protocol: NETLINK.NETLINK_CONNECTOR,
    groups: [PROC_CONNECTOR.CN_IDX_PROC],
    receiveBytes: RECEIVE_BYTES,
  });
  if (!opened.ok) return opened;
  attachFilter(opened.socket.fd, PROCESSES_ONLY);
  if (opened.socket.send(listenRequest())) return opened;
  opened.socket.close();
  return { ok: false, error: 'EPERM' };
}

/** The pid of the process that began with this message; 0: the message is of something else. */
export function readStart(bytes: Buffer, { from, to }: NetlinkMessage): number {
  const event = from + CN_MSG.data;
  const data = event + PROC_EVENT.event_data;
  if (to < data + EXEC_PROC_EVENT.size) return 0;
  if (bytes.readUInt32LE(from + CN_MSG.id) !== PROC_CONNECTOR.CN_IDX_PROC) return 0;
  const what = bytes.readUInt32LE(event + PROC_EVENT.what);
  if (what === PROC_CONNECTOR.PROC_EVENT_EXEC) return bytes.readUInt32LE(data + EXEC_PROC_EVENT.process_tgid);
  if (what !== PROC_CONNECTOR.PROC_EVENT_FORK || to < data + FORK_PROC_EVENT.size) return 0;
  const pid = bytes.readUInt32LE(data + FORK_PROC_EVENT.child_pid);
  return pid === bytes.readUInt32LE(data + FORK_PROC_EVENT.child_tgid) ? pid : 0;
}

/** Visits the processes that began since the last call, at most `max` messages. How many were lost, at least. */
export function takeStarts(socket: NetlinkSocket, max: number, visit: (pid: number) => void): number {
  let lost = 0;
  for (let i = 0; i < max; i += 1) {
    const received = socket.receive();
    if (received === 'overrun') lost += 1;
    else if (received !== 'bytes') break;
    else
      walkMessages(socket.bytes, socket.length, (message) => {
        const pid = readStart(socket.bytes, message);
        if (pid > 0) visit(pid);
      });
  }
  return lost;
}
