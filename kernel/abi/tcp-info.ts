// What the kernel tells of a TCP socket, as far as it is read here. Older kernels give a shorter one. C names are
// kept letter for letter. Header: <linux/tcp.h>, which cannot be read together with that of the C library.

/** struct tcp_info as far as it is read; its size grows with the kernel. */
export const TCP_INFO = {
  tcpi_rtt: 68,
  tcpi_total_retrans: 100,
  tcpi_bytes_acked: 120,
  tcpi_bytes_received: 128,
  tcpi_segs_out: 136,
  tcpi_segs_in: 140,
} as const;
