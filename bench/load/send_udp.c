// Sends each line of a file as one datagram to 127.0.0.1, in batches, at a given rate or flat out.
// usage: send_udp FILE PORT RATE PART PARTS
//   RATE in messages a second, 0: as fast as one sender can; PART of PARTS: only the lines that begin in
//   this share of the file, for several senders at once
// Prints one line of JSON: when it began and ended, in nanoseconds since 1970.
// A sender that waits sleeps, so that on a small machine it does not take a core from the receiver.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// 64 messages at 0.7 M/s are 91 us: small against any receive buffer, and few system calls.
enum { BATCH = 64 };

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

// The first line that begins at or after this share of the bytes.
static char *share(char *bytes, int64_t size, int part, int parts) {
  int64_t at = (size * part + parts - 1) / parts;
  if (at <= 0) return bytes;
  if (at >= size) return bytes + size;
  char *feed = memchr(bytes + at - 1, '\n', (size_t)(size - at + 1));
  return feed == NULL ? bytes + size : feed + 1;
}

// Waits until the given number of messages is due.
static void pace(int64_t began, int64_t sent, double rate) {
  int64_t ahead = began + (int64_t)((double)sent * 1e9 / rate) - now_ns();
  if (ahead <= 0) return;
  struct timespec t = {.tv_sec = ahead / 1000000000, .tv_nsec = ahead % 1000000000};
  nanosleep(&t, NULL);
}

int main(int argc, char **argv) {
  if (argc != 6) return 64;
  int file = open(argv[1], O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info) < 0) die(argv[1]);
  char *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  if (bytes == MAP_FAILED) die("mmap");
  int part = atoi(argv[4]), parts = atoi(argv[5]);
  char *at = share(bytes, info.st_size, part, parts), *end = share(bytes, info.st_size, part + 1, parts);

  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
  double rate = atof(argv[3]);
  prctl(PR_SET_TIMERSLACK, 1);

  struct mmsghdr messages[BATCH];
  struct iovec pieces[BATCH];
  memset(messages, 0, sizeof messages);
  int64_t sent = 0, began = now_ns();
  while (at < end) {
    int count = 0;
    for (; count < BATCH && at < end; count++) {
      char *line_end = memchr(at, '\n', (size_t)(end - at));
      if (line_end == NULL) line_end = end;
      pieces[count] = (struct iovec){.iov_base = at, .iov_len = (size_t)(line_end - at)};
      messages[count].msg_hdr.msg_iov = &pieces[count];
      messages[count].msg_hdr.msg_iovlen = 1;
      at = line_end + 1;
    }
    for (int done = 0; done < count;) {
      int put = sendmmsg(fd, messages + done, (unsigned)(count - done), 0);
      if (put < 0 && errno != EINTR && errno != ENOBUFS && errno != ECONNREFUSED) die("sendmmsg");
      if (put > 0) done += put;
    }
    sent += count;
    if (rate > 0) pace(began, sent, rate);
  }
  printf("{\"beganNs\":\"%lld\",\"endedNs\":\"%lld\"}\n", (long long)began, (long long)now_ns());
  return 0;
}
