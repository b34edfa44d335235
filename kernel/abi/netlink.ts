// Numbers and layouts of netlink messages on Linux: <sys/socket.h>, <linux/netlink.h>, and of those about processes:
// <linux/connector.h>, <linux/cn_proc.h>. C names are kept letter for letter; all words are in host order.

export const NETLINK = {
  AF_NETLINK: 16,
  SOCK_RAW: 3,
  NETLINK_ROUTE: 0,
  NETLINK_SOCK_DIAG: 4,
  NETLINK_CONNECTOR: 11,
  SOL_NETLINK: 270,
  NETLINK_ADD_MEMBERSHIP: 1,
  NLM_F_REQUEST: 1,
  NLM_F_DUMP: 0x300,
  NLM_F_DUMP_INTR: 0x10,
  NLMSG_NOOP: 1,
  NLMSG_ERROR: 2,
  NLMSG_DONE: 3,
  NLMSG_OVERRUN: 4,
} as const;

/** struct nlmsghdr: the length with this header@0, type@4, flags@6, seq@8, pid@12; messages begin at multiples of 4. */
export const NLMSGHDR = {
  size: 16,
  nlmsg_len: 0,
  nlmsg_type: 4,
  nlmsg_flags: 6,
  nlmsg_seq: 8,
  nlmsg_pid: 12,
} as const;

/** struct nlattr: the length with this header@0, type@2; attributes begin at multiples of 4. */
export const NLATTR = { size: 4, nla_len: 0, nla_type: 2 } as const;

export const SOCKADDR_NL = { size: 12, nl_family: 0, nl_pid: 4, nl_groups: 8 } as const;

/** struct cn_msg: id.idx@0, id.val@4, seq@8, ack@12, len@16, flags@18, then the data. */
export const CN_MSG = { size: 20, id: 0, seq: 8, ack: 12, len: 16, data: 20 } as const;

export const PROC_CONNECTOR = {
  CN_IDX_PROC: 1,
  CN_VAL_PROC: 1,
  PROC_CN_MCAST_LISTEN: 1,
  PROC_EVENT_FORK: 1,
  PROC_EVENT_EXEC: 2,
} as const;

/** struct proc_event: what@0, cpu@4, timestamp_ns@8, then what belongs to `what`. */
export const PROC_EVENT = { size: 40, what: 0, cpu: 4, timestamp_ns: 8, event_data: 16 } as const;

export const FORK_PROC_EVENT = {
  size: 16,
  parent_pid: 0,
  parent_tgid: 4,
  child_pid: 8,
  child_tgid: 12,
} as const;

export const EXEC_PROC_EVENT = { size: 8, process_pid: 0, process_tgid: 4 } as const;
