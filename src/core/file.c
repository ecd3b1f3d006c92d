#include "file.h"

#include "alloc.h"
#include "buf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often the path may be replaced under us before we give up. */
#define OPEN_TRIES 64

/* The most that one read or write is asked for; Linux moves less than 2 GiB. */
#define IO_CHUNK ((size_t) 1 << 30)

static int open_raw(const char *path, int flags)
{
    int fd;

    do {
        fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
                  0666);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static const char *kind_of(mode_t mode)
{
    if (S_ISDIR(mode)) {
        return "a folder";
    }
    if (S_ISLNK(mode)) {
        return "a symbolic link";
    }
    return S_ISFIFO(mode) ? "a named pipe" : "a device or socket";
}

static int errno_of(mode_t mode)
{
    if (S_ISDIR(mode)) {
        return EISDIR;
    }
    return S_ISLNK(mode) ? ELOOP : EINVAL;
}

static enum ossdl_status refuse(struct ossdl_error *err, int sys_errno,
                                const char *what, const char *path)
{
    char name[16];

    ossdl_error_set(err, OSSDL_EIO, ossdl_errno_name(sys_errno, name),
                    "%s stands at %s; remove it or choose another name", what,
                    path);
    if (err) {
        err->sys_errno = sys_errno;
    }
    return OSSDL_EIO;
}

static enum ossdl_status check_regular(const char *path,
                                       const struct stat *info,
                                       struct ossdl_error *err)
{
    mode_t mode = info->st_mode;

    return S_ISREG(mode) ? OSSDL_OK
                         : refuse(err, errno_of(mode), kind_of(mode), path);
}

/* Only a regular file with one name: another name would be overwritten too. */
static enum ossdl_status check_kind(const char *path, const struct stat *info,
                                    struct ossdl_error *err)
{
    enum ossdl_status status = check_regular(path, info, err);

    if (status == OSSDL_OK && info->st_nlink > 1) {
        status = refuse(err, EEXIST, "a file that has another name (hard link)",
                        path);
    }
    return status;
}

static bool same_file(const struct ossdl_file *file, const struct stat *info)
{
    return info->st_dev == file->device && info->st_ino == file->inode;
}

/* Owned by the caller; NULL without memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash) {
        return ossdl_alloc_string(".", 1);
    }
    return ossdl_alloc_string(path,
                              slash == path ? 1 : (size_t) (slash - path));
}

/*
 * In a folder that is everybody's (as /tmp is) anybody can have put a file
 * there that stays his own, and change what we write into it. The rule is that
 * of the kernel's protected_regular, which looks only at files to be created.
 */
static enum ossdl_status check_owner(const char *path, const struct stat *info,
                                     struct ossdl_error *err)
{
    char *folder;
    struct stat parent;
    bool planted;

    if (info->st_uid == geteuid()) {
        return OSSDL_OK;
    }
    folder = folder_of(path);
    if (!folder) {
        return ossdl_error_memory(err);
    }
    planted = stat(folder, &parent) == 0 && (parent.st_mode & S_ISVTX) &&
              (parent.st_mode & S_IWOTH) && parent.st_uid != info->st_uid;
    ossdl_free(folder);
    return planted ? refuse(err, EACCES, "a file that belongs to another user",
                            path)
                   : OSSDL_OK;
}

/* OSSDL_OK with fd -1: there is no file, or it went away just now. */
static enum ossdl_status open_existing(const char *path,
                                       struct ossdl_file *file,
                                       struct ossdl_error *err)
{
    enum ossdl_status status;
    struct stat info;

    if (lstat(path, &info) != 0) {
        return errno == ENOENT
                   ? OSSDL_OK
                   : ossdl_error_errno(err, errno, "cannot look at %s", path);
    }
    status = check_kind(path, &info, err);
    if (status != OSSDL_OK) {
        return status;
    }
    file->fd = open_raw(path, O_RDWR);
    if (file->fd < 0 && errno != ENOENT) {
        return ossdl_error_errno(err, errno, "cannot open %s", path);
    }
    return OSSDL_OK;
}

static enum ossdl_status lock(struct ossdl_file *file, struct ossdl_error *err)
{
    int result;

    do {
        result = flock(file->fd, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        file->locked = true;
        return OSSDL_OK;
    }
    if (errno == EWOULDBLOCK) {
        return ossdl_error_set(err, OSSDL_EBUSY, "busy",
                               "another download holds %s; wait for it or "
                               "choose another name",
                               file->path);
    }
    return ossdl_error_errno(err, errno,
                             "cannot lock %s (the file system must support "
                             "flock)",
                             file->path);
}

/*
 * Between open and lock, the former holder may have renamed or removed the
 * file: then the lock is on something that path does not name, and *out_stale
 * asks for another try.
 */
static enum ossdl_status lock_and_check(struct ossdl_file *file,
                                        bool *out_stale,
                                        struct ossdl_error *err)
{
    enum ossdl_status status;
    struct stat opened;

    if (fstat(file->fd, &opened) != 0) {
        return ossdl_error_errno(err, errno, "cannot look at %s", file->path);
    }
    file->device = opened.st_dev;
    file->inode = opened.st_ino;
    status = lock(file, err);
    if (status != OSSDL_OK) {
        return status;
    }
    *out_stale = !ossdl_file_is_at_path(file, &file->size);
    if (*out_stale) {
        return OSSDL_OK;
    }
    status = check_kind(file->path, &opened, err);
    return status != OSSDL_OK || file->created
               ? status
               : check_owner(file->path, &opened, err);
}

static enum ossdl_status open_once(struct ossdl_file *file, bool create,
                                   bool *out_stale, struct ossdl_error *err)
{
    *out_stale = false;
    if (create) {
        file->fd = open_raw(file->path, O_RDWR | O_CREAT | O_EXCL);
        file->created = file->fd >= 0;
        if (file->fd < 0 && errno != EEXIST) {
            return ossdl_error_errno(err, errno, "cannot create %s",
                                     file->path);
        }
    }
    if (file->fd < 0) {
        enum ossdl_status status = open_existing(file->path, file, err);

        if (status != OSSDL_OK || file->fd < 0) {
            *out_stale = create;
            return status;
        }
    }
    return lock_and_check(file, out_stale, err);
}

static void file_reset(struct ossdl_file *file, const char *path)
{
    memset(file, 0, sizeof *file);
    file->fd = -1;
    file->path = path;
    file->owner = getpid();
}

enum ossdl_status ossdl_file_open_exclusive(const char *path, bool create,
                                            struct ossdl_file *out_file,
                                            struct ossdl_error *err)
{
    for (int i = 0; i < OPEN_TRIES; i++) {
        enum ossdl_status status;
        bool stale;

        file_reset(out_file, path);
        status = open_once(out_file, create, &stale, err);
        if (status == OSSDL_OK && !stale) {
            return OSSDL_OK;
        }
        if (out_file->created && status != OSSDL_OK && status != OSSDL_EBUSY) {
            (void) !ossdl_file_unlink(out_file, NULL);
        }
        ossdl_file_close(out_file);
        if (status != OSSDL_OK) {
            return status;
        }
    }
    return ossdl_error_set(err, OSSDL_EBUSY, "busy",
                           "%s is replaced again and again by another "
                           "program; choose another name",
                           path);
}

bool ossdl_file_open_direct(const struct ossdl_file *file,
                            struct ossdl_file *out_file)
{
    struct stat info;

    file_reset(out_file, file->path);
    out_file->fd = open_raw(file->path, O_RDWR | O_DIRECT);
    if (out_file->fd < 0) {
        return false;
    }
    if (fstat(out_file->fd, &info) != 0 || !same_file(file, &info)) {
        ossdl_file_close(out_file);
        return false;
    }
    out_file->device = file->device;
    out_file->inode = file->inode;
    return true;
}

/*
 * A child that was forked meanwhile shares the lock and keeps it after our
 * close, so it is given up in so many words; but never by that child.
 */
void ossdl_file_close(struct ossdl_file *file)
{
    if (file->fd < 0) {
        return;
    }
    if (file->locked && file->owner == getpid()) {
        (void) flock(file->fd, LOCK_UN);
    }
    close(file->fd);
    file->fd = -1;
    file->locked = false;
}

bool ossdl_file_is_at_path(const struct ossdl_file *file, uint64_t *out_size)
{
    struct stat info;

    if (lstat(file->path, &info) != 0 || !same_file(file, &info)) {
        return false;
    }
    if (out_size) {
        *out_size = (uint64_t) info.st_size;
    }
    return true;
}

enum ossdl_status ossdl_file_pread_full(const struct ossdl_file *file,
                                        uint64_t offset, void *buffer,
                                        size_t len, size_t *out_len,
                                        struct ossdl_error *err)
{
    size_t done = 0;

    *out_len = 0;
    while (done < len) {
        size_t ask = len - done < IO_CHUNK ? len - done : IO_CHUNK;
        ssize_t got = pread(file->fd, (char *) buffer + done, ask,
                            (off_t) (offset + done));

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return ossdl_error_errno(err, errno, "cannot read %s", file->path);
        }
        if (got == 0) {
            break;
        }
        done += (size_t) got;
        *out_len = done;
    }
    return OSSDL_OK;
}

enum ossdl_status ossdl_file_pwrite_full(const struct ossdl_file *file,
                                         uint64_t offset, const void *bytes,
                                         size_t len, struct ossdl_error *err)
{
    size_t done = 0;

    while (done < len) {
        size_t ask = len - done < IO_CHUNK ? len - done : IO_CHUNK;
        ssize_t put = pwrite(file->fd, (const char *) bytes + done, ask,
                             (off_t) (offset + done));

        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return ossdl_error_errno(err, put < 0 ? errno : ENOSPC,
                                     "cannot write %s", file->path);
        }
        done += (size_t) put;
    }
    return OSSDL_OK;
}

enum ossdl_status ossdl_file_size(const struct ossdl_file *file,
                                  uint64_t *out_size, struct ossdl_error *err)
{
    struct stat info;

    if (fstat(file->fd, &info) != 0) {
        return ossdl_error_errno(err, errno, "cannot look at %s", file->path);
    }
    *out_size = (uint64_t) info.st_size;
    return OSSDL_OK;
}

/* Zero or an errno. */
static int truncate_raw(int fd, uint64_t size)
{
    int result;

    if (size > INT64_MAX) {
        return EFBIG;
    }
    do {
        result = ftruncate(fd, (off_t) size);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

enum ossdl_status ossdl_file_truncate(const struct ossdl_file *file,
                                      uint64_t size, struct ossdl_error *err)
{
    int failed = truncate_raw(file->fd, size);

    return failed ? ossdl_error_errno(err, failed,
                                      "cannot set the length of %s to %llu",
                                      file->path, (unsigned long long) size)
                  : OSSDL_OK;
}

/*
 * Zero or an errno. Not posix_fallocate(): where the file system cannot
 * reserve, that writes to every block instead, slowly.
 */
static int allocate_raw(int fd, uint64_t size)
{
    int result;

    if (size > INT64_MAX) {
        return EFBIG;
    }
    do {
        result = fallocate(fd, 0, 0, (off_t) size);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

enum ossdl_status ossdl_file_allocate(const struct ossdl_file *file,
                                      uint64_t size, struct ossdl_error *err)
{
    uint64_t before = 0;
    enum ossdl_status status = ossdl_file_size(file, &before, err);
    int failed;

    if (status != OSSDL_OK || size == 0) {
        return status;
    }
    failed = allocate_raw(file->fd, size);
    if (failed == EOPNOTSUPP || failed == ENOSYS || failed == EINVAL) {
        failed = size > before ? truncate_raw(file->fd, size) : 0;
    }
    if (failed == 0) {
        return OSSDL_OK;
    }
    /* What was reserved before the disk became full is given back. */
    (void) truncate_raw(file->fd, before);
    return ossdl_error_errno(err, failed, "cannot reserve %llu bytes for %s",
                             (unsigned long long) size, file->path);
}

enum ossdl_status ossdl_file_sync(const struct ossdl_file *file,
                                  struct ossdl_error *err)
{
    int result;

    do {
        result = fdatasync(file->fd);
    } while (result != 0 && errno == EINTR);
    return result == 0
               ? OSSDL_OK
               : ossdl_error_errno(err, errno, "cannot bring %s to the disk",
                                   file->path);
}

enum ossdl_status ossdl_file_open_folder(const char *path,
                                         struct ossdl_file *out_folder,
                                         struct ossdl_error *err)
{
    char *folder = folder_of(path);

    file_reset(out_folder, path);
    if (!folder) {
        return ossdl_error_memory(err);
    }
    do {
        out_folder->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (out_folder->fd < 0 && errno == EINTR);
    if (out_folder->fd < 0) {
        ossdl_error_errno(err, errno, "cannot open the folder of %s", path);
    }
    ossdl_free(folder);
    return out_folder->fd < 0 ? OSSDL_EIO : OSSDL_OK;
}

enum ossdl_status ossdl_file_sync_folder(const struct ossdl_file *folder,
                                         struct ossdl_error *err)
{
    int result;

    do {
        result = fsync(folder->fd);
    } while (result != 0 && errno == EINTR);
    /* Some file systems have nothing to sync in a folder, and say so. */
    if (result == 0 || errno == EINVAL || errno == EOPNOTSUPP) {
        return OSSDL_OK;
    }
    return ossdl_error_errno(
        err, errno, "cannot bring the folder of %s to the disk", folder->path);
}

enum ossdl_status ossdl_file_check_folder(const char *path,
                                          struct ossdl_error *err)
{
    char *folder = folder_of(path);
    enum ossdl_status status = OSSDL_OK;

    if (!folder) {
        return ossdl_error_memory(err);
    }
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0) {
        status = ossdl_error_errno(err, errno, "cannot create %s", path);
    }
    ossdl_free(folder);
    return status;
}

enum ossdl_status ossdl_file_check_target(const char *path,
                                          struct ossdl_error *err)
{
    struct stat info;

    /* Follows a link: one to a folder is kept rather than replaced. */
    if (stat(path, &info) != 0) {
        return errno == ENOENT
                   ? OSSDL_OK
                   : ossdl_error_errno(err, errno, "cannot look at %s", path);
    }
    return check_regular(path, &info, err);
}

enum ossdl_status ossdl_file_rename(struct ossdl_file *file,
                                    const char *new_path,
                                    struct ossdl_error *err)
{
    if (rename(file->path, new_path) != 0) {
        return ossdl_error_errno(err, errno, "cannot rename %s to %s",
                                 file->path, new_path);
    }
    file->locked = false; /* nobody looks for a download under this name */
    return OSSDL_OK;
}

enum ossdl_status ossdl_file_unlink(struct ossdl_file *file,
                                    struct ossdl_error *err)
{
    if (file->fd < 0 || file->owner != getpid() ||
        !ossdl_file_is_at_path(file, NULL)) {
        return OSSDL_OK;
    }
    if (unlink(file->path) != 0 && errno != ENOENT) {
        return ossdl_error_errno(err, errno, "cannot remove %s", file->path);
    }
    file->locked = false;
    return OSSDL_OK;
}

uint64_t ossdl_file_allocated(const struct ossdl_file *file)
{
    struct stat found;

    return fstat(file->fd, &found) == 0 ? (uint64_t) found.st_blocks * 512 : 0;
}

int64_t ossdl_file_changed_at(const struct ossdl_file *file)
{
    struct stat found;

    return fstat(file->fd, &found) == 0
               ? (int64_t) found.st_ctim.tv_sec * 1000000000 +
                     found.st_ctim.tv_nsec
               : 0;
}

char *ossdl_file_absolute(const char *path)
{
    char folder[PATH_MAX];
    struct ossdl_buf text;
    char *copy = NULL;

    if (path[0] == '/' || !getcwd(folder, sizeof folder) || folder[0] != '/' ||
        strlen(folder) + strlen(path) + sizeof ".part" >= PATH_MAX) {
        return ossdl_alloc_string(path, strlen(path));
    }
    ossdl_buf_init(&text, sizeof folder);
    if (ossdl_buf_printf(&text, "%s/%s", folder, path) == OSSDL_OK) {
        copy = ossdl_alloc_string(text.data, text.len);
    }
    ossdl_buf_cleanup(&text);
    return copy;
}
