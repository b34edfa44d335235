// Sends a file over one TCP connection to 127.0.0.1, in large pieces, as fast as the receiver takes it.
// usage: send_tcp FILE PORT
// Prints one line of JSON: when it began and ended, in nanoseconds since 1970.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 256 * 1024 };

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  int file = open(argv[1], O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info) < 0) die(argv[1]);
  size_t size = (size_t)info.st_size;
  char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  if (bytes == MAP_FAILED) die("mmap");

  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");

  int64_t began = now_ns();
  for (size_t at = 0; at < size;) {
    size_t left = size - at;
    ssize_t put = write(fd, bytes + at, left < PIECE ? left : PIECE);
    if (put < 0) die("write");
    at += (size_t)put;
  }
  shutdown(fd, SHUT_WR);
  int64_t ended = now_ns();
  printf("{\"beganNs\":\"%lld\",\"endedNs\":\"%lld\"}\n", (long long)began, (long long)ended);
  // The receiver closes when it has read everything: then nothing is reset on the way.
  char end[256];
  while (read(fd, end, sizeof end) > 0) continue;
  return 0;
}
