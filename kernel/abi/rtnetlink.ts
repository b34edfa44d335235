// Numbers and layouts of rtnetlink, as far as interfaces and their addresses need; what all netlink shares is in
// netlink.ts. Headers: <sys/socket.h>, <linux/rtnetlink.h>, <linux/if_link.h>, <linux/if_addr.h>. C names are kept
// letter for letter; a system test compares every one with the headers of the machine.

export const RTM = {
  RTM_NEWLINK: 16,
  RTM_GETLINK: 18,
  RTM_NEWADDR: 20,
  RTM_GETADDR: 22,
  RTNLGRP_LINK: 1,
  RTNLGRP_IPV4_IFADDR: 5,
  RTNLGRP_IPV6_IFADDR: 9,
  IFLA_IFNAME: 3,
  IFA_ADDRESS: 1,
  IFA_LOCAL: 2,
} as const;

export const IFINFOMSG = { size: 16, ifi_family: 0, ifi_type: 2, ifi_index: 4, ifi_flags: 8 } as const;
export const IFADDRMSG = { size: 8, ifa_family: 0, ifa_index: 4 } as const;
