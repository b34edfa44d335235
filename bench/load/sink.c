// The kernel's own cost of the same work: takes bytes from a socket and puts them into a file, and does
// nothing else. What a syslog server costs beyond this is its own.
// usage: sink tcp PORT FOLDER        one connection into FOLDER/all.log
//        sink files PORT FOLDER      one connection, each line into FOLDER/<third word>.log
//        sink udp PORT FOLDER BYTES  datagrams into FOLDER/all.log, receive buffer of BYTES
// Says "ready" when it listens. Ends on a signal. PRI stays in the lines: not parsing is the point.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024, VECTORS = 512, DATAGRAM = 2048, HOSTS = 128, FILE_BUFFER = 64 * 1024 };
// After a small batch it sleeps, so that more datagrams gather: being woken for each costs more than they do.
enum { FEW = 128, NAP_US = 1000 };

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int open_log(const char *folder, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s.log", folder, name);
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0640);
  if (fd < 0) die(path);
  return fd;
}

static void put(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t done = write(fd, bytes, size);
    if (done < 0) die("write");
    bytes += done;
    size -= (size_t)done;
  }
}

static int listen_on(int type, int port) {
  int fd = socket(AF_INET, type, 0), one = 1;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0) die("bind");
  if (type == SOCK_STREAM && listen(fd, 16) < 0) die("listen");
  return fd;
}

static void ready(void) {
  puts("ready");
  fflush(stdout);
}

static void tcp_to_file(int port, const char *folder) {
  static char chunk[CHUNK];
  int listener = listen_on(SOCK_STREAM, port), out = open_log(folder, "all");
  ready();
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    for (ssize_t got; (got = read(fd, chunk, sizeof chunk)) > 0;) put(out, chunk, (size_t)got);
    close(fd);
  }
}

struct host {
  char name[64];
  int fd;
  size_t used;
  char buffer[FILE_BUFFER];
};
static struct host hosts[HOSTS];
static int host_count;

static struct host *host_of(const char *folder, const char *name, size_t length) {
  // The names of the bench end in two digits or less: they are their own hash.
  unsigned start = (unsigned)(name[length - 1] - '0' + 10 * (name[length - 2] & 15)) % HOSTS;
  for (unsigned i = 0; i < HOSTS; i++) {
    struct host *one = &hosts[(start + i) % HOSTS];
    if (one->name[0] == 0) {
      if (++host_count == HOSTS) die("too many hosts");
      memcpy(one->name, name, length < 63 ? length : 63);
      one->fd = open_log(folder, one->name);
      return one;
    }
    if (strncmp(one->name, name, length) == 0 && one->name[length] == 0) return one;
  }
  die("too many hosts");
  return NULL;
}

static void flush_hosts(void) {
  for (int i = 0; i < HOSTS; i++) {
    if (hosts[i].used > 0) put(hosts[i].fd, hosts[i].buffer, hosts[i].used);
    hosts[i].used = 0;
  }
}

static void tcp_to_files(int port, const char *folder) {
  static char chunk[CHUNK];
  int listener = listen_on(SOCK_STREAM, port);
  ready();
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    size_t rest = 0;
    for (ssize_t got; (got = read(fd, chunk + rest, sizeof chunk - rest)) > 0;) {
      char *at = chunk, *end = chunk + rest + got, *stop;
      for (; (stop = memchr(at, '\n', (size_t)(end - at))) != NULL; at = stop + 1) {
        char *name = (char *)memchr(at, '>', (size_t)(stop - at)) + 17;
        char *name_end = memchr(name, ' ', (size_t)(stop - name));
        struct host *to = host_of(folder, name, (size_t)(name_end - name));
        size_t size = (size_t)(stop + 1 - at);
        if (to->used + size > FILE_BUFFER) {
          put(to->fd, to->buffer, to->used);
          to->used = 0;
        }
        memcpy(to->buffer + to->used, at, size);
        to->used += size;
      }
      rest = (size_t)(end - at);
      memmove(chunk, at, rest);
    }
    flush_hosts();
    close(fd);
  }
}

static void udp_to_file(int port, const char *folder, int receive_buffer) {
  static char datagrams[VECTORS][DATAGRAM], lines[VECTORS * DATAGRAM];
  static struct mmsghdr messages[VECTORS];
  static struct iovec pieces[VECTORS];
  int fd = listen_on(SOCK_DGRAM, port), out = open_log(folder, "all");
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) < 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  for (int i = 0; i < VECTORS; i++) {
    pieces[i] = (struct iovec){.iov_base = datagrams[i], .iov_len = DATAGRAM - 1};
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  ready();
  for (;;) {
    int got = recvmmsg(fd, messages, VECTORS, MSG_WAITFORONE, NULL);
    size_t used = 0;
    for (int i = 0; i < got; i++) {
      memcpy(lines + used, datagrams[i], messages[i].msg_len);
      used += messages[i].msg_len;
      lines[used++] = '\n';
    }
    if (used > 0) put(out, lines, used);
    if (got < FEW) usleep(NAP_US);
  }
}

int main(int argc, char **argv) {
  if (argc < 4) return 64;
  int port = atoi(argv[2]);
  if (strcmp(argv[1], "tcp") == 0) tcp_to_file(port, argv[3]);
  else if (strcmp(argv[1], "files") == 0) tcp_to_files(port, argv[3]);
  else if (strcmp(argv[1], "udp") == 0 && argc == 5) udp_to_file(port, argv[3], atoi(argv[4]));
  return 64;
}
