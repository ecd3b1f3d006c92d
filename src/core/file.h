/*
 * file.h - the few system calls that the data file and the checkpoint need
 *
 * Threads: one file may be read and written by many at once; it is opened,
 *          renamed, unlinked and closed by one.
 * Memory:  a struct ossdl_file is the caller's; its path is borrowed and must
 *          outlive it.
 * Errors:  OSSDL_EIO with errno's name as code and the path in the message,
 *          OSSDL_EBUSY when somebody else holds the file.
 *
 * Every call here goes on after EINTR. No symbolic link is ever followed at
 * the last component of a path, and nothing but a regular file with one name
 * is opened: neither a folder, a pipe nor a device can block or harm us, nor
 * another user's file in a folder like /tmp.
 */
#ifndef OSSDL_CORE_FILE_H
#define OSSDL_CORE_FILE_H

#include "status.h"

OSSDL_BEGIN_DECLS

struct ossdl_file {
    int fd; /* -1: there is none */
    const char *path;
    uint64_t device; /* with inode: which file the path named when opened */
    uint64_t inode;
    uint64_t size; /* in bytes, when opened */
    int64_t owner; /* process id: a forked child must not unlink or unlock */
    bool created;  /* by this open */
    bool locked;   /* by us, and the lock still means something */
};

/*
 * Opens path for reading and writing and locks it (flock). With create, a
 * missing file is made with mode 0666 less the umask; without, a missing file
 * is no error: out_file->fd is -1. Content is left alone. OSSDL_EBUSY when
 * another open file holds the lock, be it in this process or another one.
 * After locking, path is known to name the locked file.
 */
enum ossdl_status
ossdl_file_open_exclusive(const char *path, bool create,
                          struct ossdl_file *out_file,
                          struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * A second descriptor of the same file with O_DIRECT, unlocked. False when
 * the file system does not take it: then out_file->fd is -1.
 */
bool ossdl_file_open_direct(const struct ossdl_file *file,
                            struct ossdl_file *out_file);

/* Unlocks and closes; does nothing when fd is -1. */
void ossdl_file_close(struct ossdl_file *file);

/* Does path (still) name this file? out_size, of the file, may be NULL. */
bool ossdl_file_is_at_path(const struct ossdl_file *file, uint64_t *out_size);

/* Reads until len bytes are there or the file ends. *out_len is right on
 * failure, too. */
enum ossdl_status
ossdl_file_pread_full(const struct ossdl_file *file, uint64_t offset,
                      void *buffer, size_t len, size_t *out_len,
                      struct ossdl_error *err) OSSDL_MUST_CHECK;

/* Writes all of it; a disk that takes nothing counts as full (ENOSPC). */
enum ossdl_status
ossdl_file_pwrite_full(const struct ossdl_file *file, uint64_t offset,
                       const void *bytes, size_t len,
                       struct ossdl_error *err) OSSDL_MUST_CHECK;

enum ossdl_status ossdl_file_size(const struct ossdl_file *file,
                                  uint64_t *out_size,
                                  struct ossdl_error *err) OSSDL_MUST_CHECK;

/* Cuts the file, or extends it by a hole. */
enum ossdl_status ossdl_file_truncate(const struct ossdl_file *file,
                                      uint64_t size,
                                      struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Makes the file at least size bytes long with its blocks reserved, so that
 * the disk cannot become full later; bytes that are there stay. Extends by a
 * hole where the file system cannot reserve. On failure the file has the
 * length it had.
 */
enum ossdl_status ossdl_file_allocate(const struct ossdl_file *file,
                                      uint64_t size,
                                      struct ossdl_error *err) OSSDL_MUST_CHECK;

/* Waits until the data is on the disk (fdatasync). */
enum ossdl_status ossdl_file_sync(const struct ossdl_file *file,
                                  struct ossdl_error *err) OSSDL_MUST_CHECK;

/* Opens the folder of path, to be synced and closed; path is borrowed. */
enum ossdl_status
ossdl_file_open_folder(const char *path, struct ossdl_file *out_folder,
                       struct ossdl_error *err) OSSDL_MUST_CHECK;

/* Waits until the entries of an open folder are on the disk. */
enum ossdl_status
ossdl_file_sync_folder(const struct ossdl_file *folder,
                       struct ossdl_error *err) OSSDL_MUST_CHECK;

/* Can entries be made in the folder of path? Nothing is created. */
enum ossdl_status
ossdl_file_check_folder(const char *path,
                        struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Can path take a finished file? Not if it is a folder, or a symbolic link to
 * one (OSSDL_EIO, code EISDIR).
 */
enum ossdl_status
ossdl_file_check_target(const char *path,
                        struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * The path from the root, so that it means the same after a chdir(); as it is
 * where the current folder has no name or a very long one. The caller frees
 * it; NULL without memory.
 */
char *ossdl_file_absolute(const char *path);

/* When it last changed, in ns of the wall clock; 0 when that is unknown. */
int64_t ossdl_file_changed_at(const struct ossdl_file *file);

/* Bytes of disk that the file has; 0 when that cannot be told. */
uint64_t ossdl_file_allocated(const struct ossdl_file *file);

/*
 * Renames the file to new_path, replacing what is there (a symbolic link is
 * replaced itself, not what it points to). Afterwards file->path no longer
 * names it.
 */
enum ossdl_status ossdl_file_rename(struct ossdl_file *file,
                                    const char *new_path,
                                    struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Removes the path if it still names this file, and this is the process that
 * opened it. It is no error when it does not. Where nothing can be done about
 * a failure, the result may be ignored.
 */
enum ossdl_status ossdl_file_unlink(struct ossdl_file *file,
                                    struct ossdl_error *err);

OSSDL_END_DECLS

#endif
