/*
 * Loaded before the C library of a process: writes down, in the order in which they happen, all calls that change or
 * sync what lies under one folder. From that, a test builds what a disk may hold after a power cut at any moment.
 *
 * A change is recorded when it begins (from then on, parts of it may reach the disk) and again when it has ended (only
 * then does a later sync cover it). What this file cannot follow, such as a shared writable mapping, is recorded as
 * such, so that the test fails instead of trusting a recording with holes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST_FDS = 4096, MOST_FILES = 1024, PATH_BYTES = 4096 };
enum { CREATED = 1, SYNCHRONOUS = 2, FAILED = 4 };

struct __attribute__((packed)) event {
    uint8_t kind;
    uint8_t flags;
    uint16_t file;
    uint32_t call;
    uint64_t offset;
    uint32_t length;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *folder;
static int trace = -1;
static uint32_t calls;
static struct { dev_t device; ino_t inode; } files[MOST_FILES];
static uint16_t file_count;
/* One more than the number of the file; 0 for descriptors of others. */
static uint16_t file_of[MOST_FDS];
static uint8_t synchronous[MOST_FDS];

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("POWER_TRACE");
    folder = getenv("POWER_FOLDER");
    if (folder == NULL || path == NULL) return;
    trace = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static void put(const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        long written = syscall(SYS_write, trace, at, length);
        if (written <= 0) abort();
        at += written;
        length -= (size_t)written;
    }
}

/* Returns the number by which the end of the same call is found. */
static uint32_t record(uint8_t kind, uint8_t flags, uint16_t file, uint32_t call, uint64_t offset,
                       const struct iovec *parts, int count)
{
    int saved = errno;
    size_t length = 0;
    for (int i = 0; i < count; i++) length += parts[i].iov_len;
    pthread_mutex_lock(&lock);
    if (call == 0) call = ++calls;
    struct event event = { kind, flags, file, call, offset, (uint32_t)length };
    put(&event, sizeof event);
    for (int i = 0; i < count; i++) put(parts[i].iov_base, parts[i].iov_len);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return call;
}

static uint32_t record_text(uint8_t kind, uint8_t flags, uint16_t file, const char *text, size_t length)
{
    struct iovec part = { (void *)text, length };
    return record(kind, flags, file, 0, 0, &part, 1);
}

static void record_end(uint8_t kind, uint16_t file, uint32_t call, long result)
{
    record(kind, result < 0 ? FAILED : 0, file, call, result < 0 ? 0 : (uint64_t)result, NULL, 0);
}

static int inside(const char *path)
{
    if (trace < 0 || path == NULL) return 0;
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int known(int fd)
{
    return trace >= 0 && fd >= 0 && fd < MOST_FDS && file_of[fd] != 0;
}

static void unknown(const char *what)
{
    record_text('X', 0, 0, what, strlen(what));
}

static void opened(int fd, const char *path, int flags, int existed)
{
    struct stat status;
    if (fd >= MOST_FDS || fstat(fd, &status) != 0) abort();
    uint16_t file = 0;
    while (file < file_count && (files[file].device != status.st_dev || files[file].inode != status.st_ino)) file++;
    if (file == file_count) {
        if (file_count == MOST_FILES) abort();
        files[file_count].device = status.st_dev;
        files[file_count].inode = status.st_ino;
        file_count++;
    }
    file_of[fd] = (uint16_t)(file + 1);
    synchronous[fd] = (flags & O_DSYNC) != 0;
    if ((flags & O_TRUNC) != 0 && existed) unknown("O_TRUNC");
    record_text('O', existed ? 0 : CREATED, file, path, strlen(path));
}

static int open_at(int at, const char *path, int flags, mode_t mode)
{
    static int (*next)(int, const char *, int, ...);
    if (next == NULL) next = real("openat");
    int watched = inside(path);
    int existed = watched && faccessat(AT_FDCWD, path, F_OK, 0) == 0;
    int fd = next(at, path, flags, mode);
    if (fd >= 0 && fd < MOST_FDS) file_of[fd] = 0;
    if (fd >= 0 && watched) opened(fd, path, flags, existed);
    return fd;
}

#define MODE_OF(flags)                                     \
    mode_t mode = 0;                                       \
    if (((flags) & O_CREAT) != 0) {                        \
        va_list list;                                      \
        va_start(list, flags);                             \
        mode = va_arg(list, mode_t);                       \
        va_end(list);                                      \
    }

int open(const char *path, int flags, ...) { MODE_OF(flags) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) return open_at(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE_OF(flags) return open_at(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE_OF(flags) return open_at(at, path, flags, mode); }

int close(int fd)
{
    static int (*next)(int);
    if (next == NULL) next = real("close");
    if (known(fd)) file_of[fd] = 0;
    return next(fd);
}

static ssize_t write_at(int fd, const struct iovec *parts, int count, off_t offset)
{
    uint16_t file = (uint16_t)(file_of[fd] - 1);
    uint32_t call = record('W', synchronous[fd] ? SYNCHRONOUS : 0, file, 0, (uint64_t)offset, parts, count);
    ssize_t done = syscall(SYS_pwritev, fd, parts, (unsigned long)count, offset, 0L);
    int saved = errno;
    record_end('w', file, call, done);
    errno = saved;
    return done;
}

static ssize_t write_here(int fd, const struct iovec *parts, int count)
{
    if ((fcntl(fd, F_GETFL) & O_APPEND) != 0) lseek(fd, 0, SEEK_END);
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t done = write_at(fd, parts, count, offset);
    if (done > 0) lseek(fd, offset + done, SEEK_SET);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    struct iovec part = { (void *)bytes, length };
    return known(fd) ? write_here(fd, &part, 1) : syscall(SYS_write, fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return known(fd) ? write_here(fd, parts, count) : syscall(SYS_writev, fd, parts, (unsigned long)count);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    struct iovec part = { (void *)bytes, length };
    return known(fd) ? write_at(fd, &part, 1, offset) : syscall(SYS_pwrite64, fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) { return pwrite(fd, bytes, length, offset); }

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    if (known(fd)) return write_at(fd, parts, count, offset);
    return syscall(SYS_pwritev, fd, parts, (unsigned long)count, offset, 0L);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) { return pwritev(fd, parts, count, offset); }

static int sync_file(int fd, long number)
{
    if (!known(fd)) return (int)syscall(number, fd);
    uint16_t file = (uint16_t)(file_of[fd] - 1);
    uint32_t call = record('S', 0, file, 0, 0, NULL, 0);
    long result = syscall(number, fd);
    int saved = errno;
    record_end('s', file, call, result);
    errno = saved;
    return (int)result;
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

int ftruncate(int fd, off_t length)
{
    if (known(fd)) record('T', 0, (uint16_t)(file_of[fd] - 1), 0, (uint64_t)length, NULL, 0);
    return (int)syscall(SYS_ftruncate, fd, length);
}

int ftruncate64(int fd, off_t length) { return ftruncate(fd, length); }

int mkdir(const char *path, mode_t mode)
{
    int result = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    int saved = errno;
    if (result == 0 && inside(path)) record_text('D', 0, 0, path, strlen(path));
    errno = saved;
    return result;
}

int rename(const char *from, const char *to)
{
    char both[2 * PATH_BYTES];
    int watched = inside(from) || inside(to);
    if (watched) {
        size_t first = strlen(from) + 1;
        size_t second = strlen(to);
        if (first + second > sizeof both) abort();
        memcpy(both, from, first);
        memcpy(both + first, to, second);
        record_text('R', 0, 0, both, first + second);
    }
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int unlink(const char *path)
{
    if (inside(path)) record_text('U', 0, 0, path, strlen(path));
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    if (inside(path)) record_text('U', 0, 0, path, strlen(path));
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    static void *(*next)(void *, size_t, int, int, int, off_t);
    if (next == NULL) next = real("mmap");
    if (known(fd) && (protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0) {
        record('M', 0, (uint16_t)(file_of[fd] - 1), 0, 0, NULL, 0);
    }
    return next(address, length, protection, flags, fd, offset);
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    return mmap(address, length, protection, flags, fd, offset);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    if (known(fd)) unknown("fallocate");
    return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t length, unsigned flags)
{
    if (known(out)) unknown("copy_file_range");
    return syscall(SYS_copy_file_range, in, from, out, to, length, flags);
}

ssize_t sendfile64(int out, int in, off64_t *offset, size_t length)
{
    if (known(out)) unknown("sendfile");
    return syscall(SYS_sendfile, out, in, offset, length);
}
