#include "sink.h"

#include "alloc.h"
#include "file.h"
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* A run of this many bytes written through the page cache goes to the disk. */
#define WINDOW_BYTES ((uint64_t) 8 * 1024 * 1024)
/* Connections write in as many places; more of them only flush earlier. */
#define WINDOW_COUNT 16

/* A run of bytes that was written and not yet sent to the disk. */
struct window {
    uint64_t start;
    uint64_t end; /* equal to start: unused */
};

struct ossdl_sink {
    char *path;
    struct ossdl_file file;
    struct ossdl_file direct; /* fd -1: not opened */
    uint64_t size;            /* as prepared */
    bool large;               /* worth managing the page cache for */
    bool reserved;            /* its blocks were allocated */
    bool committed;
    bool doubtful; /* a sync failed */
    atomic_bool use_direct;
    atomic_bool filled;     /* something was written */
    struct ossdl_lock lock; /* of all writes through the page cache */
    /* under the lock: */
    struct window windows[WINDOW_COUNT];
    unsigned oldest;       /* window to give up for a new place */
    struct window flushed; /* sent to the disk before the last one */
};

/* --- opening and closing ------------------------------------------------- */

enum ossdl_status ossdl_sink_open(const char *part_path,
                                  struct ossdl_sink **out_sink,
                                  struct ossdl_error *err)
{
    struct ossdl_sink *sink = ossdl_alloc_zero(1, sizeof *sink);
    enum ossdl_status status;

    *out_sink = NULL;
    if (!sink) {
        return ossdl_error_memory(err);
    }
    if (ossdl_lock_init(&sink->lock)) {
        ossdl_free(sink);
        return ossdl_error_memory(err);
    }
    sink->file.fd = -1;
    sink->direct.fd = -1;
    atomic_init(&sink->use_direct, false);
    atomic_init(&sink->filled, false);
    sink->path = ossdl_alloc_string(part_path, strlen(part_path));
    status = sink->path
                 ? ossdl_file_open_exclusive(sink->path, true, &sink->file, err)
                 : ossdl_error_memory(err);
    if (status != OSSDL_OK) {
        ossdl_sink_close(sink);
        return status;
    }
    *out_sink = sink;
    return OSSDL_OK;
}

void ossdl_sink_close(struct ossdl_sink *sink)
{
    if (!sink) {
        return;
    }
    if (sink->file.created && !atomic_load(&sink->filled) && !sink->committed) {
        ossdl_file_unlink(&sink->file, NULL);
    }
    ossdl_file_close(&sink->direct);
    ossdl_file_close(&sink->file);
    ossdl_lock_cleanup(&sink->lock);
    ossdl_free(sink->path);
    ossdl_free(sink);
}

void ossdl_sink_discard(struct ossdl_sink *sink)
{
    if (!sink->committed) {
        ossdl_file_unlink(&sink->file, NULL);
    }
}

uint64_t ossdl_sink_size(const struct ossdl_sink *sink)
{
    uint64_t size = 0;

    return ossdl_file_size(&sink->file, &size, NULL) ? 0 : size;
}

/* --- preparing ----------------------------------------------------------- */

static enum ossdl_status set_length(struct ossdl_sink *sink, uint64_t size,
                                    bool fresh, struct ossdl_error *err)
{
    /* A file that was created just now is empty: no need to ask. */
    uint64_t there = 0;
    enum ossdl_status status = OSSDL_OK;

    if (!sink->file.created || atomic_load(&sink->filled) || sink->size > 0) {
        status = ossdl_file_size(&sink->file, &there, err);
    }
    if (status == OSSDL_OK && there > 0 && (fresh || there > size)) {
        status = ossdl_file_truncate(&sink->file, fresh ? 0 : size, err);
    }
    if (status == OSSDL_OK && size > OSSDL_SINK_SMALL_BYTES) {
        status = ossdl_file_allocate(&sink->file, size, err);
        sink->reserved =
            status == OSSDL_OK && ossdl_file_allocated(&sink->file) >= size;
    }
    return status;
}

static void choose_direct(struct ossdl_sink *sink, enum ossdl_sink_direct how)
{
    bool wanted = how == OSSDL_SINK_DIRECT_ON ||
                  (how == OSSDL_SINK_DIRECT_AUTO && sink->large);

    if (wanted && sink->direct.fd < 0) {
        wanted = ossdl_file_open_direct(&sink->file, &sink->direct);
    }
    if (wanted) {
        /* Reading ahead would cache blocks that are then written directly. */
        (void) posix_fadvise(sink->file.fd, 0, 0, POSIX_FADV_RANDOM);
    }
    atomic_store(&sink->use_direct, wanted);
}

enum ossdl_status ossdl_sink_prepare(struct ossdl_sink *sink, uint64_t size,
                                     enum ossdl_sink_direct direct, bool fresh,
                                     struct ossdl_error *err)
{
    enum ossdl_status status = set_length(sink, size, fresh, err);

    if (status != OSSDL_OK) {
        return status;
    }
    if (fresh) {
        atomic_store(&sink->filled, false);
    }
    sink->size = size;
    sink->large = size >= OSSDL_SINK_LARGE_BYTES;
    memset(sink->windows, 0, sizeof sink->windows);
    memset(&sink->flushed, 0, sizeof sink->flushed);
    choose_direct(sink, direct);
    return OSSDL_OK;
}

/* --- writing through the page cache -------------------------------------- */

static struct window *window_for_locked(struct ossdl_sink *sink,
                                        uint64_t offset)
{
    for (unsigned i = 0; i < WINDOW_COUNT; i++) {
        struct window *window = &sink->windows[i];

        if (window->end == offset && window->end > window->start) {
            return window;
        }
    }
    sink->oldest = (sink->oldest + 1) % WINDOW_COUNT;
    return &sink->windows[sink->oldest];
}

/*
 * Counts a write into its window. *out_flush is what should start on its way
 * to the disk now, *out_drop what has had the time to arrive there and need
 * not stay in memory; both may be empty.
 */
static void window_note_locked(struct ossdl_sink *sink, uint64_t offset,
                               size_t len, struct window *out_flush,
                               struct window *out_drop)
{
    struct window *window = window_for_locked(sink, offset);
    struct window none = {0, 0};

    *out_flush = none;
    *out_drop = none;
    if (window->end != offset || window->end == window->start) {
        *out_flush = *window;
        window->start = offset;
    }
    window->end = offset + len;
    if (window->end - window->start >= WINDOW_BYTES) {
        *out_flush = *window;
        *window = none;
    }
    if (out_flush->end > out_flush->start) {
        *out_drop = sink->flushed;
        sink->flushed = *out_flush;
    }
}

/* Advice only: what it cannot do, the final sync does. */
static void window_flush(const struct ossdl_sink *sink, struct window flush,
                         struct window drop)
{
    if (flush.end > flush.start) {
        (void) sync_file_range(sink->file.fd, (off_t) flush.start,
                               (off_t) (flush.end - flush.start),
                               SYNC_FILE_RANGE_WRITE);
    }
    if (drop.end > drop.start) {
        (void) posix_fadvise(sink->file.fd, (off_t) drop.start,
                             (off_t) (drop.end - drop.start),
                             POSIX_FADV_DONTNEED);
    }
}

/* The lock makes writers sleep; on the kernel's inode lock they would spin. */
static enum ossdl_status write_cached(struct ossdl_sink *sink, uint64_t offset,
                                      const char *bytes, size_t len,
                                      struct ossdl_error *err)
{
    struct window flush = {0, 0};
    struct window drop = {0, 0};
    enum ossdl_status status;

    if (len == 0) {
        return OSSDL_OK;
    }
    ossdl_lock_take(&sink->lock);
    status = ossdl_file_pwrite_full(&sink->file, offset, bytes, len, err);
    if (status == OSSDL_OK && sink->large) {
        window_note_locked(sink, offset, len, &flush, &drop);
    }
    ossdl_lock_drop(&sink->lock);
    window_flush(sink, flush, drop);
    return status;
}

/* --- writing and reading ------------------------------------------------- */

/* How much of a write is head, which only the page cache takes. */
static size_t head_len(uint64_t offset, size_t len)
{
    size_t over = (size_t) (offset % OSSDL_SINK_BLOCK_BYTES);
    size_t head = over == 0 ? 0 : OSSDL_SINK_BLOCK_BYTES - over;

    return head < len ? head : len;
}

static bool aligned(const void *memory, uint64_t offset)
{
    return ((uintptr_t) memory |
            (uintptr_t) (offset % OSSDL_SINK_BLOCK_BYTES)) %
               OSSDL_SINK_BLOCK_BYTES ==
           0;
}

/* Whole blocks, past the page cache; through it if that is refused. */
static enum ossdl_status write_blocks(struct ossdl_sink *sink, uint64_t offset,
                                      const char *bytes, size_t len,
                                      struct ossdl_error *err)
{
    struct ossdl_error refused;
    enum ossdl_status status =
        ossdl_file_pwrite_full(&sink->direct, offset, bytes, len, &refused);

    if (status != OSSDL_OK &&
        (refused.sys_errno == EINVAL || refused.sys_errno == EOPNOTSUPP)) {
        atomic_store(&sink->use_direct, false);
        return write_cached(sink, offset, bytes, len, err);
    }
    if (status != OSSDL_OK && err) {
        *err = refused;
    }
    return status;
}

static enum ossdl_status check_bounds(const struct ossdl_sink *sink,
                                      uint64_t offset, size_t len,
                                      struct ossdl_error *err)
{
    if (offset <= sink->size && len <= sink->size - offset) {
        return OSSDL_OK;
    }
    return ossdl_error_set(err, OSSDL_EPROTOCOL, NULL,
                           "%zu bytes at %llu do not fit into %s, which has "
                           "%llu; nothing was written",
                           len, (unsigned long long) offset, sink->path,
                           (unsigned long long) sink->size);
}

enum ossdl_status ossdl_sink_write(struct ossdl_sink *sink, uint64_t offset,
                                   const void *bytes, size_t len,
                                   struct ossdl_error *err)
{
    const char *from = bytes;
    size_t head = head_len(offset, len);
    size_t blocks = (len - head) / OSSDL_SINK_BLOCK_BYTES;
    size_t middle = blocks * OSSDL_SINK_BLOCK_BYTES;
    enum ossdl_status status = check_bounds(sink, offset, len, err);

    if (status != OSSDL_OK || len == 0) {
        return status;
    }
    atomic_store(&sink->filled, true);
    if (!atomic_load(&sink->use_direct) ||
        middle < OSSDL_SINK_DIRECT_MIN_BYTES ||
        !aligned(from + head, offset + head)) {
        return write_cached(sink, offset, from, len, err);
    }
    status = write_cached(sink, offset, from, head, err);
    if (status == OSSDL_OK) {
        status = write_blocks(sink, offset + head, from + head, middle, err);
    }
    if (status == OSSDL_OK) {
        status = write_cached(sink, offset + head + middle,
                              from + head + middle, len - head - middle, err);
    }
    return status;
}

/*
 * How much could be read past the page cache: less than len at the end of the
 * file, and 0 when that way is closed, for whatever reason.
 */
static size_t read_blocks(struct ossdl_sink *sink, uint64_t offset,
                          void *buffer, size_t len)
{
    size_t whole = len - len % OSSDL_SINK_BLOCK_BYTES;
    size_t got = 0;

    if (!atomic_load(&sink->use_direct) || whole == 0 ||
        !aligned(buffer, offset)) {
        return 0;
    }
    if (ossdl_file_pread_full(&sink->direct, offset, buffer, whole, &got,
                              NULL)) {
        return got; /* the odd bytes before the end of the file do that */
    }
    return got;
}

enum ossdl_status ossdl_sink_read(struct ossdl_sink *sink, uint64_t offset,
                                  void *buffer, size_t len, size_t *out_len,
                                  struct ossdl_error *err)
{
    size_t got = read_blocks(sink, offset, buffer, len);
    size_t rest = 0;
    enum ossdl_status status =
        ossdl_file_pread_full(&sink->file, offset + got, (char *) buffer + got,
                              len - got, &rest, err);

    *out_len = got + rest;
    return status;
}

/* --- finishing ----------------------------------------------------------- */

/* What is wrong is another program's doing: the same call again begins anew. */
static enum ossdl_status check_complete(const struct ossdl_sink *sink,
                                        struct ossdl_error *err)
{
    uint64_t size = 0;

    if (!ossdl_file_is_at_path(&sink->file, &size)) {
        ossdl_error_set(err, OSSDL_EIO, "ESTALE",
                        "%s was removed or replaced by another program while "
                        "it was downloaded to; start again",
                        sink->path);
    } else if (size != sink->size) {
        ossdl_error_set(err, OSSDL_EIO, "ESTALE",
                        "%s has %llu bytes instead of %llu: another program "
                        "changed it, or not all was written; start again",
                        sink->path, (unsigned long long) size,
                        (unsigned long long) sink->size);
    } else {
        return OSSDL_OK;
    }
    if (err) {
        err->retryable = true;
    }
    return OSSDL_EIO;
}

/* The folder is opened while nothing has happened that it would be late for. */
static enum ossdl_status sync_data(struct ossdl_sink *sink,
                                   const char *final_path,
                                   struct ossdl_file *out_folder,
                                   struct ossdl_error *err)
{
    enum ossdl_status status = check_complete(sink, err);

    if (status == OSSDL_OK) {
        status = ossdl_file_open_folder(final_path, out_folder, err);
    }
    if (status == OSSDL_OK) {
        status = ossdl_file_sync(&sink->file, err);
        sink->doubtful = status != OSSDL_OK;
    }
    return status;
}

enum ossdl_status ossdl_sink_commit(struct ossdl_sink *sink,
                                    const char *final_path, bool durable,
                                    struct ossdl_error *err)
{
    struct ossdl_file folder = {.fd = -1};
    enum ossdl_status status = OSSDL_OK;

    if (durable) {
        status = sync_data(sink, final_path, &folder, err);
    }
    if (status == OSSDL_OK) {
        status = check_complete(sink, err);
    }
    if (status == OSSDL_OK) {
        status = ossdl_file_rename(&sink->file, final_path, err);
        sink->committed = status == OSSDL_OK;
    }
    if (status == OSSDL_OK && durable) {
        status = ossdl_file_sync_folder(&folder, err);
    }
    ossdl_file_close(&folder);
    return status;
}

bool ossdl_sink_has_holes(const struct ossdl_sink *sink)
{
    return sink->reserved && ossdl_file_allocated(&sink->file) < sink->size;
}

int64_t ossdl_sink_changed_at(const struct ossdl_sink *sink)
{
    return ossdl_file_changed_at(&sink->file);
}

bool ossdl_sink_doubtful(const struct ossdl_sink *sink)
{
    return sink->doubtful;
}

bool ossdl_sink_committed(const struct ossdl_sink *sink)
{
    return sink->committed;
}
