// Makes the nth call of one function fail, for tests. To be preloaded, with FAULT=NAME:N:ERRNO in the environment; calls are
// counted from the moment on at which a file is created that must not exist, as every output is. FAULT_SEEN is a file that
// is made when the call has failed. Of write and ERRNO 0, half is written.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char name[32];
static int code;
static atomic_long left;   // calls until it fails
static atomic_bool armed;

__attribute__((constructor)) static void begin(void) {
  long number = 0;
  const char* fault = getenv("FAULT");
  if (fault && sscanf(fault, "%31[a-z]:%ld:%d", name, &number, &code) == 3) left = number;
}

static int fails(const char* called) {
  if (!armed || strcmp(called, name) != 0 || atomic_fetch_sub(&left, 1) != 1) return 0;
  const long file = syscall(SYS_openat, AT_FDCWD, getenv("FAULT_SEEN"), O_CREAT | O_WRONLY, 0600);
  syscall(SYS_close, file);
  errno = code;
  return 1;
}

#define FAILING(type, called, parameters, number, ...) \
  type called parameters { return fails(#called) ? -1 : (type)syscall(number, __VA_ARGS__); }

static int opened(int folder, const char* path, int flags, mode_t mode) {
  if (flags & O_EXCL) armed = 1;
  return (int)syscall(SYS_openat, folder, path, flags, mode);
}

#define OPEN(called, folder, parameters)          \
  int called parameters {                         \
    va_list more;                                 \
    va_start(more, flags);                        \
    const mode_t mode = va_arg(more, mode_t);     \
    va_end(more);                                 \
    return opened(folder, path, flags, mode);     \
  }
OPEN(open, AT_FDCWD, (const char* path, int flags, ...))
OPEN(open64, AT_FDCWD, (const char* path, int flags, ...))
OPEN(openat, folder, (int folder, const char* path, int flags, ...))
OPEN(openat64, folder, (int folder, const char* path, int flags, ...))

ssize_t write(int file, const void* data, size_t size) {
  if (file > 2 && size > 1 && fails("write")) {
    if (code != 0) return -1;
    size /= 2;
  }
  return syscall(SYS_write, file, data, size);
}

int close(int file) {  // it is closed all the same
  const int result = (int)syscall(SYS_close, file);
  return fails("close") ? -1 : result;
}

FAILING(int, fsync, (int file), SYS_fsync, file)
FAILING(int, fchmod, (int file, mode_t mode), SYS_fchmod, file, mode)
FAILING(int, linkat, (int a, const char* from, int b, const char* to, int flags), SYS_linkat, a, from, b, to, flags)
FAILING(int, renameat, (int a, const char* from, int b, const char* to), SYS_renameat2, a, from, b, to, 0)
FAILING(int, unlink, (const char* path), SYS_unlinkat, AT_FDCWD, path, 0)
FAILING(int, unlinkat, (int folder, const char* path, int flags), SYS_unlinkat, folder, path, flags)

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);

void* malloc(size_t size) { return fails("malloc") ? NULL : __libc_malloc(size); }
void* calloc(size_t count, size_t size) { return fails("malloc") ? NULL : __libc_calloc(count, size); }
void* realloc(void* memory, size_t size) { return fails("malloc") ? NULL : __libc_realloc(memory, size); }
