// Both ends of the connections of the attribution tests. A client says for each connection who it was, so that every
// answer can be held against the truth:  PID PORT START_US
//
//   who-peer serve HOST                                  prints the port; accepts and reads until told to end
//   who-peer KIND HOST PORT COUNT LIFE_US FORK [BIND]    KIND: tcp, udp (with a peer), udp-free (without)
//                                                        FORK 1: each connection has a process of its own
//                                                        BIND: the client's port, of every connection; it ends with RST

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OPEN_MAX_HERE 1024

static long long now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void sleep_until(long long until) {
  for (long long left = until - now_us(); left > 0; left = until - now_us()) {
    struct timespec t = {left / 1000000, (left % 1000000) * 1000};
    nanosleep(&t, NULL);
  }
}

static socklen_t fill(struct sockaddr_storage *to, const char *host, int port) {
  memset(to, 0, sizeof *to);
  if (strchr(host, ':')) {
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)to;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    inet_pton(AF_INET6, host, &six->sin6_addr);
    return sizeof *six;
  }
  struct sockaddr_in *four = (struct sockaddr_in *)to;
  four->sin_family = AF_INET;
  four->sin_port = htons(port);
  inet_pton(AF_INET, host, &four->sin_addr);
  return sizeof *four;
}

static int port_of(int fd) {
  struct sockaddr_storage me;
  socklen_t size = sizeof me;
  getsockname(fd, (struct sockaddr *)&me, &size);
  return ntohs(me.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&me)->sin6_port
                                        : ((struct sockaddr_in *)&me)->sin_port);
}

static int serve(const char *host) {
  struct sockaddr_storage at;
  socklen_t size = fill(&at, host, 0);
  int tcp = socket(at.ss_family, SOCK_STREAM, 0);
  if (bind(tcp, (struct sockaddr *)&at, size) || listen(tcp, 1024)) return 1;
  size = fill(&at, host, port_of(tcp));
  int udp = socket(at.ss_family, SOCK_DGRAM, 0);
  if (bind(udp, (struct sockaddr *)&at, size)) return 1;
  printf("%d\n", port_of(tcp));
  fflush(stdout);
  struct pollfd fds[OPEN_MAX_HERE] = {{tcp, POLLIN, 0}, {udp, POLLIN, 0}};
  int count = 2;
  char bytes[4096];
  for (;;) {
    poll(fds, count, -1);
    if (fds[1].revents) (void)!recv(udp, bytes, sizeof bytes, MSG_DONTWAIT);
    for (int i = 2; i < count; i++) {
      if (!fds[i].revents || read(fds[i].fd, bytes, sizeof bytes) > 0) continue;
      close(fds[i].fd);
      fds[i--] = fds[--count];
    }
    if (!fds[0].revents || count == OPEN_MAX_HERE) continue;
    int fd = accept(tcp, NULL, NULL);
    if (fd >= 0) fds[count++] = (struct pollfd){fd, POLLIN, 0};
  }
}

static void one(const char *kind, const char *host, int port, int life_us, int bind_port) {
  struct sockaddr_storage to;
  socklen_t size = fill(&to, host, port);
  int is_tcp = strcmp(kind, "tcp") == 0;
  int fd = socket(to.ss_family, is_tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
  if (bind_port) {
    struct sockaddr_storage me;
    int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    socklen_t mine = fill(&me, strchr(host, ':') ? "::" : "0.0.0.0", bind_port);
    if (bind(fd, (struct sockaddr *)&me, mine)) perror("bind");
    struct linger none = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  }
  long long start = now_us();
  if (strcmp(kind, "udp-free") == 0) (void)!sendto(fd, "x", 1, 0, (struct sockaddr *)&to, size);
  else if (connect(fd, (struct sockaddr *)&to, size) == 0 && !is_tcp) (void)!send(fd, "x", 1, 0);
  int port_here = port_of(fd);
  sleep_until(start + life_us);
  close(fd);
  char line[96];
  int length = snprintf(line, sizeof line, "%d %d %lld\n", getpid(), port_here, start);
  if (write(1, line, length) != length) _exit(1);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "serve") == 0) return serve(argv[2]);
  if (argc < 7) return 64;
  int count = atoi(argv[4]);
  for (int i = 0; i < count; i++) {
    if (!atoi(argv[6])) {
      one(argv[1], argv[2], atoi(argv[3]), atoi(argv[5]), argc > 7 ? atoi(argv[7]) : 0);
      continue;
    }
    pid_t child = fork();
    if (child == 0) {
      one(argv[1], argv[2], atoi(argv[3]), atoi(argv[5]), argc > 7 ? atoi(argv[7]) : 0);
      _exit(0);
    }
    waitpid(child, NULL, 0);
  }
  return 0;
}
