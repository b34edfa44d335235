// Sends TCP packets over loopback as fast as the kernel takes them: FLOWS connections, each with its handshake and then
// data one way and acknowledgements the other, mixed. They are for addresses that nobody has, so that nobody answers.
//
//   send_packets PACKETS FLOWS RATE     RATE 0: as fast as possible
//
// Prints {"packets":…,"seconds":…}. Needs CAP_NET_RAW.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define FRAME (14 + 20 + 20 + 100)

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void put16(uint8_t *at, uint32_t v) { at[0] = v >> 8; at[1] = v; }
static void put32(uint8_t *at, uint32_t v) { put16(at, v >> 16); put16(at + 2, v); }

/* Packet `turn` of flow `flow`; its length. */
static size_t fill(uint8_t *f, uint32_t flow, uint32_t turn) {
  int back = turn & 1;
  size_t data = turn >= 4 && !back ? 100 : 0;
  uint32_t sent = turn < 4 ? 0 : (turn - 4 + (back ? 1 : 0)) / 2 * 100;
  uint8_t flags = turn == 0 ? 0x02 : turn == 1 ? 0x12 : data ? 0x18 : 0x10;
  uint32_t client = 0xc6120000u + (flow >> 8), server = 0xc6130001u;
  uint8_t *ip = f + 14, *tcp = f + 34;
  put16(ip + 2, 40 + data);
  put32(ip + 12, back ? server : client);
  put32(ip + 16, back ? client : server);
  put16(tcp, back ? 2525 : 20000 + flow % 256);
  put16(tcp + 2, back ? 20000 + flow % 256 : 2525);
  put32(tcp + 4, back ? 5000 + (turn > 1) : 1000 + (turn > 0) + sent);
  put32(tcp + 8, turn == 0 ? 0 : back ? 1001 + sent : 5001);
  tcp[13] = flags;
  return 54 + data;
}

int main(int argc, char **argv) {
  if (argc != 4) return 64;
  uint64_t packets = strtoull(argv[1], 0, 10);
  uint32_t flows = strtoul(argv[2], 0, 10);
  double rate = atof(argv[3]);
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) { perror("socket"); return 77; }
  int one = 1;
  /* Without it every packet would be shown to capturers as sent, too. */
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = if_nametoindex("lo"), .sll_halen = 6};
  static uint8_t frames[BATCH][FRAME];
  static struct mmsghdr heads[BATCH];
  static struct iovec parts[BATCH];
  for (int i = 0; i < BATCH; i++) {
    uint8_t *f = frames[i];
    /* For another host's card: the kernel shows the packet to capturers and then drops it without looking for a route. */
    f[5] = 1;
    put16(f + 12, ETH_P_IP);
    f[14] = 0x45; f[22] = 64; f[23] = 6;
    f[46] = 0x50; put16(f + 48, 0xfaf0);
    parts[i].iov_base = f;
    heads[i].msg_hdr = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &parts[i], .msg_iovlen = 1};
  }
  double began = now();
  uint64_t at = 0;
  while (at < packets) {
    int n = packets - at < BATCH ? packets - at : BATCH;
    for (int i = 0; i < n; i++) parts[i].iov_len = fill(frames[i], (at + i) % flows, (at + i) / flows);
    for (int done = 0; done < n;) {
      int sent = sendmmsg(fd, heads + done, n - done, 0);
      if (sent <= 0) { perror("sendmmsg"); return 1; }
      done += sent;
    }
    at += n;
    if (rate > 0) while (now() - began < at / rate) usleep(50);
  }
  printf("{\"packets\":%llu,\"seconds\":%.6f}\n", (unsigned long long)packets, now() - began);
  return 0;
}
