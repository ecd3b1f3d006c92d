#include "journal.h"

#include "alloc.h"
#include "file.h"
#include "journal_format.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* Records are read in blocks of this many bytes. */
#define BLOCK_BYTES (2048 * OSSDL_JOURNAL_RECORD_BYTES)

/*
 * So many bytes without a valid record end the reading. A power cut may leave
 * a run of unwritten records, but not one that long.
 */
#define INVALID_BYTES_MAX ((size_t) 1024 * 1024)

struct ossdl_journal {
    char *path;
    char *bucket_bytes; /* owned copies of the names, and slices of them */
    char *object_bytes;
    struct ossdl_slice bucket;
    struct ossdl_slice object;
    struct ossdl_file file; /* fd -1: not there yet */
    bool loaded;
    bool usable; /* loaded or begun: it has a header and takes records */
    bool begun;
    char reason[160]; /* why it was not loaded, or "" */
    bool foreign;     /* it never was one */
    struct ossdl_identity identity;
    uint64_t salt;
    atomic_uint_fast64_t end; /* offset of the next record */
};

/* --- opening and closing ------------------------------------------------- */

static enum ossdl_status copy_names(struct ossdl_journal *journal,
                                    const char *path, struct ossdl_slice bucket,
                                    struct ossdl_slice object,
                                    struct ossdl_error *err)
{
    journal->path = ossdl_alloc_string(path, strlen(path));
    journal->bucket_bytes = ossdl_alloc_string(bucket.ptr, bucket.len);
    journal->object_bytes = ossdl_alloc_string(object.ptr, object.len);
    if (!journal->path || !journal->bucket_bytes || !journal->object_bytes) {
        return ossdl_error_memory(err);
    }
    journal->bucket = ossdl_slice_of(journal->bucket_bytes, bucket.len);
    journal->object = ossdl_slice_of(journal->object_bytes, object.len);
    return OSSDL_OK;
}

static void take_header(struct ossdl_journal *journal,
                        const struct ossdl_journal_header *header)
{
    uint64_t records = journal->file.size - OSSDL_JOURNAL_HEADER_BYTES;
    uint64_t slots = records / OSSDL_JOURNAL_RECORD_BYTES +
                     (records % OSSDL_JOURNAL_RECORD_BYTES != 0);

    journal->identity = header->identity;
    journal->salt = header->salt;
    journal->loaded = true;
    journal->usable = true;
    /* A torn record keeps its slot, so that what follows is aligned. */
    atomic_store(&journal->end, OSSDL_JOURNAL_HEADER_BYTES +
                                    slots * OSSDL_JOURNAL_RECORD_BYTES);
}

static void set_reason(struct ossdl_journal *journal, const char *reason)
{
    snprintf(journal->reason, sizeof journal->reason, "%.*s",
             (int) sizeof journal->reason - 1, reason);
}

/* Only a disk that cannot be read is an error here. */
static enum ossdl_status load(struct ossdl_journal *journal,
                              struct ossdl_error *err)
{
    unsigned char block[OSSDL_JOURNAL_HEADER_BYTES];
    struct ossdl_journal_header header;
    struct ossdl_error why;
    size_t len = 0;
    enum ossdl_status status = ossdl_file_pread_full(&journal->file, 0, block,
                                                     sizeof block, &len, err);

    if (status != OSSDL_OK) {
        return status;
    }
    if (ossdl_journal_decode_header(block, len, &header, &why)) {
        set_reason(journal, why.message);
        journal->foreign = strcmp(why.code, "NoCheckpoint") == 0;
    } else if (!ossdl_slice_is(journal->bucket, header.bucket) ||
               !ossdl_slice_is(journal->object, header.object)) {
        set_reason(journal, "the checkpoint is of another object");
    } else {
        take_header(journal, &header);
    }
    return OSSDL_OK;
}

static enum ossdl_status open_existing(struct ossdl_journal *journal,
                                       struct ossdl_error *err)
{
    enum ossdl_status status =
        ossdl_file_open_exclusive(journal->path, false, &journal->file, err);

    if (status != OSSDL_OK) {
        return status;
    }
    return journal->file.fd < 0 ? ossdl_file_check_folder(journal->path, err)
                                : load(journal, err);
}

enum ossdl_status ossdl_journal_open(const char *path,
                                     struct ossdl_slice bucket,
                                     struct ossdl_slice object,
                                     struct ossdl_journal **out_journal,
                                     struct ossdl_error *err)
{
    struct ossdl_journal *journal = ossdl_alloc_zero(1, sizeof *journal);
    enum ossdl_status status;

    *out_journal = NULL;
    if (!journal) {
        return ossdl_error_memory(err);
    }
    journal->file.fd = -1;
    atomic_init(&journal->end, 0);
    status = copy_names(journal, path, bucket, object, err);
    if (status == OSSDL_OK) {
        status = open_existing(journal, err);
    }
    if (status != OSSDL_OK) {
        ossdl_journal_close(journal);
        return status;
    }
    *out_journal = journal;
    return OSSDL_OK;
}

void ossdl_journal_close(struct ossdl_journal *journal)
{
    if (!journal) {
        return;
    }
    if (journal->file.created && !journal->begun) {
        ossdl_file_unlink(&journal->file, NULL);
    }
    ossdl_file_close(&journal->file);
    ossdl_free(journal->path);
    ossdl_free(journal->bucket_bytes);
    ossdl_free(journal->object_bytes);
    ossdl_free(journal);
}

/* --- what was found ------------------------------------------------------ */

bool ossdl_journal_loaded(const struct ossdl_journal *journal)
{
    return journal->loaded;
}

bool ossdl_journal_foreign(const struct ossdl_journal *journal)
{
    return journal->foreign;
}

const char *ossdl_journal_reason(const struct ossdl_journal *journal)
{
    return journal->reason[0] != '\0' ? journal->reason : NULL;
}

const struct ossdl_identity *
ossdl_journal_identity(const struct ossdl_journal *journal)
{
    return journal->usable ? &journal->identity : NULL;
}

/* Where reading stands. */
struct scan {
    uint64_t offset;    /* of the next block in the file */
    uint64_t valid_end; /* behind the last valid record */
    size_t invalid;     /* bytes of bad records since then */
};

static enum ossdl_status scan_block(const struct ossdl_journal *journal,
                                    struct scan *scan,
                                    const unsigned char *block, size_t len,
                                    struct ossdl_extents *into)
{
    size_t step = OSSDL_JOURNAL_RECORD_BYTES;

    for (size_t at = 0; len - at >= step; at += step) {
        struct ossdl_extent extent;

        if (!ossdl_journal_decode_record(block + at, journal->salt,
                                         journal->identity.size, &extent)) {
            scan->invalid += step;
            continue;
        }
        if (ossdl_extents_add(into, extent)) {
            return OSSDL_EMEMORY;
        }
        scan->invalid = 0;
        scan->valid_end = scan->offset + at + step;
    }
    scan->offset += len;
    return OSSDL_OK;
}

static enum ossdl_status scan_all(const struct ossdl_journal *journal,
                                  struct scan *scan, unsigned char *block,
                                  struct ossdl_extents *into,
                                  struct ossdl_error *err)
{
    size_t len = BLOCK_BYTES;

    while (len == BLOCK_BYTES && scan->invalid < INVALID_BYTES_MAX) {
        enum ossdl_status status = ossdl_file_pread_full(
            &journal->file, scan->offset, block, BLOCK_BYTES, &len, err);

        if (status != OSSDL_OK) {
            return status;
        }
        if (scan_block(journal, scan, block, len, into)) {
            return ossdl_error_memory(err);
        }
    }
    return OSSDL_OK;
}

/*
 * Cuts off what follows the last valid record: the next ones must not stand
 * behind a run of bad ones that a later reading would stop at.
 */
static enum ossdl_status cut(struct ossdl_journal *journal, uint64_t end,
                             struct ossdl_error *err)
{
    uint64_t size = 0;
    enum ossdl_status status = ossdl_file_size(&journal->file, &size, err);

    if (status == OSSDL_OK && size > end) {
        status = ossdl_file_truncate(&journal->file, end, err);
    }
    if (status == OSSDL_OK) {
        atomic_store(&journal->end, end);
    }
    return status;
}

enum ossdl_status ossdl_journal_extents(struct ossdl_journal *journal,
                                        struct ossdl_extents *into,
                                        struct ossdl_error *err)
{
    struct scan scan = {.offset = OSSDL_JOURNAL_HEADER_BYTES,
                        .valid_end = OSSDL_JOURNAL_HEADER_BYTES};
    unsigned char *block;
    enum ossdl_status status;

    if (!journal->usable) {
        return OSSDL_OK;
    }
    block = ossdl_alloc(BLOCK_BYTES);
    if (!block) {
        return ossdl_error_memory(err);
    }
    status = scan_all(journal, &scan, block, into, err);
    ossdl_free(block);
    return status != OSSDL_OK ? status : cut(journal, scan.valid_end, err);
}

/* --- writing ------------------------------------------------------------- */

static enum ossdl_status draw_salt(uint64_t *out_salt, struct ossdl_error *err)
{
    ssize_t got;

    do {
        got = getrandom(out_salt, sizeof *out_salt, 0);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t) sizeof *out_salt
               ? OSSDL_OK
               : ossdl_error_errno(err, got < 0 ? errno : EIO,
                                   "the system gives no random bytes");
}

static enum ossdl_status write_header(struct ossdl_journal *journal,
                                      const unsigned char *block,
                                      struct ossdl_error *err)
{
    enum ossdl_status status = ossdl_file_truncate(&journal->file, 0, err);

    return status != OSSDL_OK
               ? status
               : ossdl_file_pwrite_full(&journal->file, 0, block,
                                        OSSDL_JOURNAL_HEADER_BYTES, err);
}

enum ossdl_status ossdl_journal_begin(struct ossdl_journal *journal,
                                      const struct ossdl_identity *identity,
                                      struct ossdl_error *err)
{
    unsigned char block[OSSDL_JOURNAL_HEADER_BYTES];
    struct ossdl_identity copy = *identity; /* it may be our own */
    uint64_t salt = 0;
    enum ossdl_status status = draw_salt(&salt, err);

    if (status == OSSDL_OK) {
        status = ossdl_journal_encode_header(&copy, journal->bucket,
                                             journal->object, salt, block, err);
    }
    if (status == OSSDL_OK && journal->file.fd < 0) {
        status =
            ossdl_file_open_exclusive(journal->path, true, &journal->file, err);
    }
    if (status != OSSDL_OK) {
        return status;
    }
    journal->usable = false;
    status = write_header(journal, block, err);
    if (status != OSSDL_OK) {
        return status;
    }
    journal->identity = copy;
    journal->salt = salt;
    atomic_store(&journal->end, OSSDL_JOURNAL_HEADER_BYTES);
    journal->begun = true;
    journal->usable = true;
    journal->loaded = false;
    journal->reason[0] = '\0';
    return OSSDL_OK;
}

enum ossdl_status ossdl_journal_append(struct ossdl_journal *journal,
                                       struct ossdl_extent extent,
                                       struct ossdl_error *err)
{
    unsigned char record[OSSDL_JOURNAL_RECORD_BYTES];
    uint64_t slot;

    if (!journal->usable) {
        return ossdl_error_set(err, OSSDL_ECHECKPOINT, NULL,
                               "the checkpoint %s was not begun",
                               journal->path);
    }
    if (extent.start >= extent.end) {
        return OSSDL_OK;
    }
    ossdl_journal_encode_record(extent, journal->salt, record);
    /* Each append has its own slot, so none waits for another. */
    slot = atomic_fetch_add(&journal->end, sizeof record);
    return ossdl_file_pwrite_full(&journal->file, slot, record, sizeof record,
                                  err);
}

enum ossdl_status ossdl_journal_remove(struct ossdl_journal *journal,
                                       struct ossdl_error *err)
{
    return ossdl_file_unlink(&journal->file, err);
}
