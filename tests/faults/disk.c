/* A bad disk: preloaded into a process (LD_PRELOAD), it stands between it and the C library.
 *
 * For the files below $DISK_DIRECTORY:
 *  - $DISK_LOG: every call that changes a file, and every sync, is a line in that file, in the order
 *    in which they ended. What goes into TCP sockets is in it, too, noted before it is sent: so a
 *    sync that stands above a send had ended before that began.
 *        <nanoseconds> <call> <offset> <length> <errno or 0> <bytes in hex, or -> <path>
 *  - $DISK_SHADOW: a folder with the files as they would be after a power cut: what was synced, and
 *    nothing else. That a file is gone counts once its folder was synced, a rename at once, and a
 *    file that was synced has its name, too.
 *  - $DISK_CONTROL: while that file exists, each of its lines is a fault: an operation (write,
 *    sync, truncate, open), the errno that it fails with (0: none), and how many milliseconds it
 *    takes longer. As on Linux, what a failed sync was to write is not written by a later one.
 *
 * A file is known by its path, and one process at a time writes to it. What comes into a file by
 * mmap, sendfile or io_uring isn't seen.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The C library's own function of that name. */
#define REAL(name) __typeof__(&name) real = (__typeof__(&name))symbol(#name)
#define END INT64_MAX

/* What was written to a file since its last sync lies within from..to. */
struct file {
    struct file *next;
    int64_t from, to;
    char path[];
};

static struct file *files;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *directory, *shadow, *control;
static size_t directory_length;
static int log_fd = -1;

static void *symbol(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    return found;
}

__attribute__((constructor)) static void start(void)
{
    REAL(open);
    directory = getenv("DISK_DIRECTORY");
    shadow = getenv("DISK_SHADOW");
    control = getenv("DISK_CONTROL");
    directory_length = directory ? strlen(directory) : 0;
    const char *log = getenv("DISK_LOG");
    if (log)
        log_fd = real(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Which files are ours. */

static int is_below(const char *path)
{
    return directory_length && !strncmp(path, directory, directory_length)
        && (path[directory_length] == '/' || !path[directory_length]);
}

static int is_ours(int fd, char path[PATH_MAX])
{
    if (!directory_length)
        return 0;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    static const char deleted[] = " (deleted)";
    ssize_t name = length - (ssize_t)strlen(deleted);
    return is_below(path) && (name < 0 || strcmp(path + name, deleted));
}

static int is_ours_by_name(int folder, const char *name, char path[PATH_MAX])
{
    char above[PATH_MAX] = "";
    if (!directory_length || !name)
        return 0;
    if (name[0] != '/') {
        char link[64] = "/proc/self/cwd";
        if (folder != AT_FDCWD)
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, above, PATH_MAX - 2);
        if (length <= 0)
            return 0;
        strcpy(above + length, "/");
    }
    return (size_t)snprintf(path, PATH_MAX, "%s%s", above, name) < PATH_MAX && is_below(path);
}

static int is_tcp(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    return !getsockname(fd, (struct sockaddr *)&address, &length)
        && (address.ss_family == AF_INET || address.ss_family == AF_INET6);
}

/* The log. */

static void note(const char *call, const char *path, int64_t offset, int64_t length, int error,
                 const struct iovec *parts, int count)
{
    static const char digits[] = "0123456789abcdef";
    if (log_fd < 0)
        return;
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total += parts[i].iov_len;
    char *line = malloc(PATH_MAX + 128 + 2 * total);
    if (!line)
        abort();
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int at = sprintf(line, "%lld %s %lld %lld %d ", now.tv_sec * 1000000000LL + now.tv_nsec, call,
                     (long long)offset, (long long)length, error);
    for (int i = 0; i < count; i++)
        for (size_t j = 0; j < parts[i].iov_len; j++) {
            unsigned char byte = ((const unsigned char *)parts[i].iov_base)[j];
            line[at++] = digits[byte >> 4];
            line[at++] = digits[byte & 15];
        }
    at += sprintf(line + at, "%s %s\n", total ? "" : "-",
                  !is_below(path) ? path : path[directory_length] ? path + directory_length + 1 : ".");
    REAL(write);
    if (real(log_fd, line, at) != at)
        abort();
    free(line);
}

static void note_sent(int fd, const struct iovec *parts, int count)
{
    if (log_fd < 0 || !is_tcp(fd))
        return;
    int64_t length = 0;
    for (int i = 0; i < count; i++)
        length += parts[i].iov_len;
    note("send", "tcp", fd, length, 0, parts, count);
}

/* The faults. */

static int fault(const char *operation)
{
    if (!control)
        return 0;
    FILE *lines = fopen(control, "re");
    if (!lines)
        return 0;
    char name[32];
    int error, milliseconds, found = 0, wait = 0;
    while (fscanf(lines, "%31s %d %d", name, &error, &milliseconds) == 3)
        if (!strcmp(name, operation)) {
            found = error;
            wait = milliseconds;
        }
    fclose(lines);
    if (wait) {
        struct timespec pause = { wait / 1000, wait % 1000 * 1000000L };
        nanosleep(&pause, NULL);
    }
    return found;
}

/* The shadow; called with the lock held. */

static struct file *known(const char *path)
{
    struct file *file;
    for (file = files; file; file = file->next)
        if (!strcmp(file->path, path))
            return file;
    file = malloc(sizeof *file + strlen(path) + 1);
    if (!file)
        abort();
    strcpy(file->path, path);
    file->from = 0; /* an earlier process may have left anything in it unsynced */
    file->to = END;
    file->next = files;
    return files = file;
}

static void forget(const char *path)
{
    for (struct file **at = &files; *at; at = &(*at)->next)
        if (!strcmp((*at)->path, path)) {
            struct file *gone = *at;
            *at = gone->next;
            free(gone);
            return;
        }
}

static void dirty(const char *path, int64_t from, int64_t to)
{
    struct file *file = known(path);
    int clean = file->from >= file->to;
    file->from = clean || from < file->from ? from : file->from;
    file->to = clean || to > file->to ? to : file->to;
}

static void in_shadow(const char *path, char copy[PATH_MAX])
{
    if (snprintf(copy, PATH_MAX, "%s%s", shadow, path + directory_length) >= PATH_MAX)
        abort();
    for (char *slash = copy + strlen(shadow); (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(copy, 0700);
        *slash = '/';
    }
}

/* All that is in a file is on the disk now. */
static void keep(int fd, struct file *file, int64_t size)
{
    static char block[1 << 16];
    char copy[PATH_MAX];
    in_shadow(file->path, copy);
    __typeof__(&open) open_file = (__typeof__(&open))symbol("open");
    __typeof__(&pwrite64) write_at = (__typeof__(&pwrite64))symbol("pwrite64");
    __typeof__(&ftruncate64) truncate_to = (__typeof__(&ftruncate64))symbol("ftruncate64");
    int to = open_file(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (to < 0 || truncate_to(to, size))
        abort();
    /* By the same descriptor where that can read: closing another releases SQLite's locks. */
    int from = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY
        ? open_file(file->path, O_RDONLY | O_CLOEXEC) : fd;
    int64_t end = file->to < size ? file->to : size;
    for (int64_t at = file->from; at < end;) {
        size_t wanted = end - at < (int64_t)sizeof block ? end - at : (int64_t)sizeof block;
        ssize_t length = pread64(from, block, wanted, at);
        if (length <= 0 || write_at(to, block, length, at) != length)
            abort();
        at += length;
    }
    if (from != fd)
        close(from);
    close(to);
}

/* The names in a folder are on the disk now: what isn't there any more won't be back. */
static void keep_names(const char *folder)
{
    char copies[PATH_MAX], name[2 * PATH_MAX];
    in_shadow(folder, copies);
    DIR *entries = opendir(copies);
    if (!entries)
        return;
    REAL(unlink);
    for (struct dirent *entry; (entry = readdir(entries));) {
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        if (entry->d_type == DT_REG && access(name, F_OK)) {
            snprintf(name, sizeof name, "%s/%s", copies, entry->d_name);
            real(name);
        }
    }
    closedir(entries);
}

/* Writing. */

struct place {
    char path[PATH_MAX];
    int64_t offset;
    int ours;
};

/* Where a write goes (-1: to the file's own position), and whether it may. Locks if it's ours. */
static int before_write(int fd, int64_t offset, struct place *place)
{
    place->ours = is_ours(fd, place->path);
    if (!place->ours)
        return 0;
    int error = fault("write");
    pthread_mutex_lock(&lock);
    if (offset < 0) {
        struct stat64 found;
        int appends = fcntl(fd, F_GETFL) & O_APPEND;
        offset = appends && !fstat64(fd, &found) ? found.st_size : lseek64(fd, 0, SEEK_CUR);
    }
    place->offset = offset;
    return error;
}

static ssize_t after_write(const char *call, struct place *place, ssize_t written, int error,
                           const struct iovec *parts, int count)
{
    if (!place->ours)
        return written;
    error = written < 0 ? (error ? error : errno) : 0;
    if (written > 0 && shadow)
        dirty(place->path, place->offset, place->offset + written);
    note(call, place->path, place->offset, written, error, parts, count);
    pthread_mutex_unlock(&lock);
    if (error)
        errno = error;
    return written;
}

#define WRITE(call, fd, offset, parts, count, ...)                                    \
    struct place place;                                                               \
    REAL(call);                                                                       \
    int error = before_write(fd, offset, &place);                                     \
    if (!place.ours)                                                                  \
        note_sent(fd, parts, count);                                                  \
    return after_write(#call, &place, error ? -1 : real(__VA_ARGS__), error, parts, count)

ssize_t write(int fd, const void *bytes, size_t length)
{
    struct iovec part = { (void *)bytes, length };
    WRITE(write, fd, -1, &part, 1, fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    WRITE(writev, fd, -1, parts, count, fd, parts, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    struct iovec part = { (void *)bytes, length };
    WRITE(pwrite, fd, offset, &part, 1, fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    struct iovec part = { (void *)bytes, length };
    WRITE(pwrite64, fd, offset, &part, 1, fd, bytes, length, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    WRITE(pwritev, fd, offset, parts, count, fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    WRITE(pwritev64, fd, offset, parts, count, fd, parts, count, offset);
}

/* Sending. */

ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
    REAL(send);
    struct iovec part = { (void *)bytes, length };
    note_sent(fd, &part, 1);
    return real(fd, bytes, length, flags);
}

ssize_t sendto(int fd, const void *bytes, size_t length, int flags,
               const struct sockaddr *to, socklen_t to_length)
{
    __typeof__(&sendto) real = symbol("sendto");
    struct iovec part = { (void *)bytes, length };
    note_sent(fd, &part, 1);
    return real(fd, bytes, length, flags, to, to_length);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    REAL(sendmsg);
    note_sent(fd, message->msg_iov, (int)message->msg_iovlen);
    return real(fd, message, flags);
}

/* Syncing. */

static int sync_file(const char *call, int (*real)(int), int fd)
{
    char path[PATH_MAX];
    if (!is_ours(fd, path))
        return real(fd);
    int error = fault("sync");
    pthread_mutex_lock(&lock);
    int result = error ? -1 : real(fd);
    error = result ? (error ? error : errno) : 0;
    struct stat64 found;
    if (shadow && !fstat64(fd, &found)) {
        if (S_ISDIR(found.st_mode)) {
            if (!result)
                keep_names(path);
        } else {
            struct file *file = known(path);
            if (!result)
                keep(fd, file, found.st_size);
            file->from = file->to = 0;
        }
    }
    note(call, path, 0, 0, error, NULL, 0);
    pthread_mutex_unlock(&lock);
    if (error)
        errno = error;
    return result;
}

int fsync(int fd)
{
    REAL(fsync);
    return sync_file("fsync", real, fd);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    return sync_file("fdatasync", real, fd);
}

/* Other lengths, other names. */

static int resize(const char *call, int (*real)(int, off64_t), int fd, int64_t length)
{
    char path[PATH_MAX];
    if (!is_ours(fd, path))
        return real(fd, length);
    int error = fault("truncate");
    pthread_mutex_lock(&lock);
    int result = error ? -1 : real(fd, length);
    error = result ? (error ? error : errno) : 0;
    if (!result && shadow)
        dirty(path, length, END);
    note(call, path, 0, length, error, NULL, 0);
    pthread_mutex_unlock(&lock);
    if (error)
        errno = error;
    return result;
}

int ftruncate(int fd, off_t length)
{
    return resize("ftruncate", (int (*)(int, off64_t))symbol("ftruncate64"), fd, length);
}

int ftruncate64(int fd, off64_t length)
{
    return resize("ftruncate64", (int (*)(int, off64_t))symbol("ftruncate64"), fd, length);
}

static int allocate(const char *call, int fd, int64_t offset, int64_t length)
{
    char path[PATH_MAX];
    int (*real)(int, off64_t, off64_t) = symbol("posix_fallocate64");
    if (!is_ours(fd, path))
        return real(fd, offset, length);
    int error = fault("write");
    pthread_mutex_lock(&lock);
    if (!error)
        error = real(fd, offset, length);
    if (!error && shadow)
        dirty(path, offset, offset + length);
    note(call, path, offset, length, error, NULL, 0);
    pthread_mutex_unlock(&lock);
    return error;
}

int posix_fallocate(int fd, off_t offset, off_t length)
{
    return allocate("posix_fallocate", fd, offset, length);
}

int posix_fallocate64(int fd, off64_t offset, off64_t length)
{
    return allocate("posix_fallocate64", fd, offset, length);
}

static int open_file(const char *call, int folder, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    __typeof__(&openat) real = symbol("openat");
    int changes = flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC);
    if (!changes || !is_ours_by_name(folder, name, path))
        return real(folder, name, flags, mode);
    int error = fault("open");
    pthread_mutex_lock(&lock);
    int fd = error ? -1 : real(folder, name, flags, mode);
    error = fd < 0 ? (error ? error : errno) : 0;
    if (fd >= 0 && flags & O_TRUNC && shadow)
        dirty(path, 0, END);
    note(call, path, 0, 0, error, NULL, 0);
    pthread_mutex_unlock(&lock);
    if (error)
        errno = error;
    return fd;
}

#define OPEN(call, folder, name, flags)                                     \
    mode_t mode = 0;                                                        \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                  \
        va_list arguments;                                                  \
        va_start(arguments, flags);                                         \
        mode = va_arg(arguments, mode_t);                                   \
        va_end(arguments);                                                  \
    }                                                                       \
    return open_file(call, folder, name, flags, mode)

int open(const char *name, int flags, ...) { OPEN("open", AT_FDCWD, name, flags); }
int open64(const char *name, int flags, ...) { OPEN("open64", AT_FDCWD, name, flags); }
int openat(int folder, const char *name, int flags, ...) { OPEN("openat", folder, name, flags); }
int openat64(int folder, const char *name, int flags, ...) { OPEN("openat64", folder, name, flags); }

static int removed(const char *call, const char *path, int result)
{
    int error = result ? errno : 0;
    pthread_mutex_lock(&lock);
    if (!result)
        forget(path);
    note(call, path, 0, 0, error, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int unlink(const char *name)
{
    REAL(unlink);
    char path[PATH_MAX];
    return is_ours_by_name(AT_FDCWD, name, path) ? removed("unlink", path, real(name)) : real(name);
}

int unlinkat(int folder, const char *name, int flags)
{
    REAL(unlinkat);
    char path[PATH_MAX];
    return is_ours_by_name(folder, name, path)
        ? removed("unlinkat", path, real(folder, name, flags)) : real(folder, name, flags);
}

int rename(const char *name, const char *other)
{
    REAL(rename);
    char from[PATH_MAX], to[PATH_MAX];
    if (!is_ours_by_name(AT_FDCWD, name, from) || !is_ours_by_name(AT_FDCWD, other, to))
        return real(name, other);
    pthread_mutex_lock(&lock);
    int result = real(name, other);
    int error = result ? errno : 0;
    if (!result && shadow) {
        char copy[PATH_MAX], other_copy[PATH_MAX];
        in_shadow(from, copy);
        in_shadow(to, other_copy);
        real(copy, other_copy);
        forget(from);
        forget(to);
    }
    note("rename", to, 0, 0, error, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
