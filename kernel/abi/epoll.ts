// <sys/epoll.h> on 64-bit Linux. struct epoll_event is packed on x86-64 (12 bytes) and only there.

export const EPOLL = {
  EPOLL_CLOEXEC: 0o2000000,
  EPOLL_CTL_ADD: 1,
  EPOLL_CTL_DEL: 2,
  EPOLL_CTL_MOD: 3,
  EPOLLIN: 1,
  EPOLLOUT: 4,
  EPOLLERR: 8,
  EPOLLHUP: 16,
  EPOLLRDHUP: 0x2000,
} as const;

const packed = process.arch === 'x64';

/** struct epoll_event { uint32_t events; epoll_data_t data; } */
export const EPOLL_EVENT = packed ? { size: 12, events: 0, data: 4 } : { size: 16, events: 0, data: 8 };
