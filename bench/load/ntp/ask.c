// Asks an NTP server on 127.0.0.1, and prints one line of JSON.
// usage: ask PORT rate WINDOW SECONDS   answers a second with so many requests outstanding
//        ask PORT error COUNT PAUSE_US  the offset that a client measures; on one machine the true one is 0
// The receive time is the kernel's, the transmit time is read right before the sending, as chronyd does both.
// A request that is not answered within 200 ms counts as lost.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, PACKET = 48, PATIENCE_MS = 200 };

static int64_t now_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int open_socket(int port) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1, size = 8 << 20;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
  return fd;
}

// A 32.32 timestamp since 1900 as nanoseconds since 1970 (era 0).
static int64_t read_stamp(const unsigned char *at) {
  uint32_t words[2];
  memcpy(words, at, 8);
  uint64_t fraction = ntohl(words[1]);
  return ((int64_t)ntohl(words[0]) - 2208988800LL) * 1000000000 + (int64_t)((fraction * 1000000000) >> 32);
}

// One exchange; 0 if no answer came.
static int measure(int fd, uint64_t cookie, double *offset_us, double *delay_us) {
  unsigned char request[PACKET] = {0x23}, answer[256], control[256];
  memcpy(request + 40, &cookie, 8);
  int64_t sent = now_ns(CLOCK_REALTIME);
  if (send(fd, request, PACKET, 0) != PACKET) return 0;
  for (;;) {
    struct pollfd wait = {fd, POLLIN, 0};
    if (poll(&wait, 1, PATIENCE_MS) < 1) return 0;
    struct iovec piece = {answer, sizeof answer};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(fd, &message, 0) < PACKET || memcmp(answer + 24, &cookie, 8) != 0) continue;
    struct timespec stamp;
    memcpy(&stamp, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof stamp);
    int64_t received = (int64_t)stamp.tv_sec * 1000000000 + stamp.tv_nsec;
    int64_t there = read_stamp(answer + 32) - sent, back = read_stamp(answer + 40) - received;
    *offset_us = (double)(there + back) / 2000;
    *delay_us = (double)(there - back) / 1000;
    return 1;
  }
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double rank(const double *sorted, int count, double share) {
  return count == 0 ? NAN : sorted[(int)((count - 1) * share + 0.5)];
}

static void run_error(int fd, int count, int pause_us) {
  double *offsets = malloc((size_t)count * 8), *sizes = malloc((size_t)count * 8), *delays = malloc((size_t)count * 8);
  int got = 0, lost = 0;
  for (int i = 0; i < count; i++) {
    if (measure(fd, 0x5afe000000000001u + (uint64_t)i, &offsets[got], &delays[got])) got++;
    else lost++;
    usleep((useconds_t)pause_us);
  }
  for (int i = 0; i < got; i++) sizes[i] = fabs(offsets[i]);
  qsort(offsets, (size_t)got, 8, compare);
  qsort(sizes, (size_t)got, 8, compare);
  qsort(delays, (size_t)got, 8, compare);
  printf("{\"answers\":%d,\"lost\":%d,\"offsetUs\":%.3f,\"medianUs\":%.3f,\"p95Us\":%.3f,\"p99Us\":%.3f,\"delayUs\":%.3f}\n",
         got, lost, rank(offsets, got, 0.5), rank(sizes, got, 0.5), rank(sizes, got, 0.95), rank(sizes, got, 0.99),
         rank(delays, got, 0.5));
}

static void run_rate(int fd, int window, double seconds) {
  static unsigned char request[PACKET] = {0x23}, answers[BATCH][128];
  struct mmsghdr out[BATCH] = {0}, in[BATCH] = {0};
  struct iovec out_piece = {request, PACKET}, pieces[BATCH];
  for (int i = 0; i < BATCH; i++) {
    pieces[i] = (struct iovec){answers[i], 128};
    out[i].msg_hdr = (struct msghdr){.msg_iov = &out_piece, .msg_iovlen = 1};
    in[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1};
  }
  long sent = 0, got = 0, lost = 0;
  int64_t began = now_ns(CLOCK_MONOTONIC), last = began, end = began + (int64_t)(seconds * 1e9), now = began;
  while (now < end) {
    long room = window - (sent - got - lost);
    if (room > 0) {
      int put = sendmmsg(fd, out, (unsigned)(room < BATCH ? room : BATCH), 0);
      if (put > 0) sent += put;
    }
    int taken = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
    now = now_ns(CLOCK_MONOTONIC);
    if (taken > 0) {
      got += taken;
      last = now;
    } else if (now - last > PATIENCE_MS * 1000000LL) {
      lost = sent - got;
      last = now;
    }
  }
  printf("{\"answers\":%ld,\"lost\":%ld,\"seconds\":%.6f}\n", got, lost, (double)(now - began) / 1e9);
}

int main(int argc, char **argv) {
  if (argc != 5) return 64;
  int fd = open_socket(atoi(argv[1]));
  prctl(PR_SET_TIMERSLACK, 1);
  if (strcmp(argv[2], "rate") == 0) run_rate(fd, atoi(argv[3]), atof(argv[4]));
  else run_error(fd, atoi(argv[3]), atoi(argv[4]));
  return 0;
}
