// Loaded before a program's libraries: counts the calls by which it changes files below a folder, and ends it at one of
// them, as a power cut would; and tells of every connection that it tries.
//   WATCH_BELOW  a part of the paths that count
//   WATCH_KILL   the number of the call that is the last; without it, all go through
//   WATCH_REPORT a file that gets a line for each call, and for each connection
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
enum { most = 65536 };
static atomic_int calls;
static atomic_char watched[most];

static void tell(const char *what, const char *of) {
  const char *report = getenv("WATCH_REPORT");
  if (report == NULL) return;
  char line[512];
  int length = snprintf(line, sizeof line, "%s %s\n", what, of);
  int file = REAL(open)(report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return;
  if (length >= (int)sizeof line) length = sizeof line - 1;
  if (REAL(write)(file, line, length) < 0) abort();
  REAL(close)(file);
}

static int below(const char *path) {
  const char *part = getenv("WATCH_BELOW");
  return part != NULL && path != NULL && strstr(path, part) != NULL;
}

static void count(const char *what, const char *of) {
  int number = atomic_fetch_add(&calls, 1) + 1;
  const char *last = getenv("WATCH_KILL");
  if (last != NULL && number == atoi(last)) kill(getpid(), SIGKILL);
  tell(what, of);
}

static void counted(const char *what, const char *path, const char *other) {
  if (below(path) || below(other)) count(what, path);
}
static void counted_file(const char *what, int file) {
  if (file >= 0 && file < most && watched[file]) count(what, "");
}

static int opened(int file, const char *path, int flags) {
  if (file >= 0 && file < most) watched[file] = (flags & (O_WRONLY | O_RDWR)) != 0 && below(path);
  return file;
}

#define OPEN(name)                                                       \
  int name(const char *path, int flags, ...) {                           \
    va_list rest;                                                        \
    va_start(rest, flags);                                               \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0; \
    va_end(rest);                                                        \
    if (flags & (O_WRONLY | O_RDWR)) counted("open", path, NULL);        \
    return opened(REAL(name)(path, flags, mode), path, flags);           \
  }
OPEN(open)
OPEN(open64)

int rename(const char *from, const char *to) { counted("rename", from, to); return REAL(rename)(from, to); }
int link(const char *from, const char *to) { counted("link", from, to); return REAL(link)(from, to); }
int symlink(const char *to, const char *path) { counted("symlink", path, NULL); return REAL(symlink)(to, path); }
int unlink(const char *path) { counted("unlink", path, NULL); return REAL(unlink)(path); }
int rmdir(const char *path) { counted("rmdir", path, NULL); return REAL(rmdir)(path); }
int mkdir(const char *path, mode_t mode) { counted("mkdir", path, NULL); return REAL(mkdir)(path, mode); }
int chmod(const char *path, mode_t mode) { counted("chmod", path, NULL); return REAL(chmod)(path, mode); }
int fchmod(int file, mode_t mode) { counted_file("fchmod", file); return REAL(fchmod)(file, mode); }
int fsync(int file) { counted_file("fsync", file); return REAL(fsync)(file); }
ssize_t write(int file, const void *bytes, size_t length) { counted_file("write", file); return REAL(write)(file, bytes, length); }
ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) { counted_file("pwrite", file); return REAL(pwrite64)(file, bytes, length, at); }
ssize_t writev(int file, const struct iovec *parts, int n) { counted_file("writev", file); return REAL(writev)(file, parts, n); }
int close(int file) {
  counted_file("close", file);
  if (file >= 0 && file < most) watched[file] = 0;
  return REAL(close)(file);
}

int connect(int socket, const struct sockaddr *address, socklen_t length) {
  if (address->sa_family == AF_INET || address->sa_family == AF_INET6) tell("CONNECT", "");
  return REAL(connect)(socket, address, length);
}
ssize_t sendto(int socket, const void *bytes, size_t length, int flags, const struct sockaddr *address, socklen_t size) {
  if (address != NULL && (address->sa_family == AF_INET || address->sa_family == AF_INET6)) tell("CONNECT", "sendto");
  return REAL(sendto)(socket, bytes, length, flags, address, size);
}
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  tell("CONNECT", host == NULL ? "" : host);
  return REAL(getaddrinfo)(host, service, hints, found);
}
