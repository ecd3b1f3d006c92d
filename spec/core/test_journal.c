#include "test.h"

#include "alloc.h"
#include "crc64.h"
#include "folder.h"
#include "journal.h"
#include "journal_format.h"

#include <pthread.h>

#define MIB ((uint64_t) 1 << 20)
#define HEADER OSSDL_JOURNAL_HEADER_BYTES
#define RECORD OSSDL_JOURNAL_RECORD_BYTES

static struct ossdl_journal *journal;
static struct ossdl_error err;
static struct ossdl_extents found;

static struct ossdl_identity identity_of(uint64_t size)
{
    struct ossdl_identity identity = {
        .etag = "\"0123\"", .size = size, .has_crc64 = true, .crc64 = 77};

    return identity;
}

static struct ossdl_extent extent_of(uint64_t start, uint64_t end)
{
    struct ossdl_extent extent = {start, end, start * 31 + end};

    return extent;
}

static enum ossdl_status take_of(const char *path, const char *bucket,
                                 const char *object)
{
    memset(&err, 0, sizeof err);
    return ossdl_journal_open(path, ossdl_slice_str(bucket),
                              ossdl_slice_str(object), &journal, &err);
}

static enum ossdl_status take(void)
{
    return take_of("cp", "bucket", "object");
}

static void drop(void)
{
    ossdl_journal_close(journal);
    journal = NULL;
}

static bool append(uint64_t start, uint64_t end)
{
    return ossdl_journal_append(journal, extent_of(start, end), &err) == 0;
}

/* A checkpoint at "cp" of 100 MiB with one record for each of n MiB. */
static bool prepare(unsigned n)
{
    struct ossdl_identity identity = identity_of(100 * MIB);

    if (take() || ossdl_journal_begin(journal, &identity, &err)) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!append(i * MIB, (i + 1) * MIB)) {
            return false;
        }
    }
    drop();
    return folder_size("cp") == (int64_t) (HEADER + n * RECORD);
}

/* Opens "cp", reads its records without merging any, and closes it. */
static bool reload(void)
{
    bool fine = take() == OSSDL_OK && ossdl_journal_loaded(journal);

    ossdl_extents_cleanup(&found);
    ossdl_extents_init(&found, 1);
    fine = fine && ossdl_journal_extents(journal, &found, &err) == OSSDL_OK;
    drop();
    return fine;
}

static bool has(size_t index, uint64_t start, uint64_t end)
{
    struct ossdl_extent extent = ossdl_extents_at(&found, index);

    return extent.start == start && extent.end == end &&
           extent.crc64 == extent_of(start, end).crc64;
}

static void finish(void)
{
    ossdl_extents_cleanup(&found);
    drop();
    folder_drop();
}

TEST("nothing is on disk before a checkpoint begins")
{
    CHECK(folder_make());
    CHECK_OK(take());
    CHECK(!ossdl_journal_loaded(journal));
    CHECK(!ossdl_journal_reason(journal));
    CHECK(!ossdl_journal_identity(journal));
    CHECK(!folder_has("cp"));
    CHECK_U64(ossdl_journal_append(journal, extent_of(0, 1), &err),
              OSSDL_ECHECKPOINT);
    CHECK(strstr(err.message, "cp was not begun"));
    CHECK_OK(ossdl_journal_extents(journal, &found, &err));
    CHECK_U64(ossdl_extents_count(&found), 0);
    CHECK_OK(ossdl_journal_remove(journal, &err));
    finish();
}

TEST("closing no journal does nothing")
{
    ossdl_journal_close(NULL);
}

TEST("what was written is read back")
{
    CHECK(folder_make());
    CHECK(prepare(3));
    CHECK_OK(take());
    CHECK(ossdl_journal_loaded(journal));
    CHECK(!ossdl_journal_reason(journal));
    CHECK_STR(ossdl_journal_identity(journal)->etag, "\"0123\"");
    CHECK_U64(ossdl_journal_identity(journal)->size, 100 * MIB);
    CHECK_U64(ossdl_journal_identity(journal)->crc64, 77);
    drop();
    CHECK(reload());
    CHECK_U64(ossdl_extents_count(&found), 3);
    CHECK(has(0, 0, MIB) && has(1, MIB, 2 * MIB) && has(2, 2 * MIB, 3 * MIB));
    finish();
}

TEST("a resumed checkpoint goes on behind its records")
{
    CHECK(folder_make());
    CHECK(prepare(2));
    CHECK_OK(take());
    CHECK(append(5 * MIB, 6 * MIB));
    drop();
    CHECK(reload());
    CHECK_U64(ossdl_extents_count(&found), 3);
    CHECK(has(2, 5 * MIB, 6 * MIB));
    finish();
}

TEST("beginning again drops every record and every other name")
{
    struct ossdl_identity identity = identity_of(7 * MIB);

    CHECK(folder_make());
    CHECK(prepare(3));
    CHECK_OK(take_of("cp", "bucket", "other"));
    CHECK(!ossdl_journal_loaded(journal));
    CHECK_STR(ossdl_journal_reason(journal),
              "the checkpoint is of another object");
    CHECK(!ossdl_journal_identity(journal));
    CHECK_U64(folder_size("cp"), HEADER + 3 * RECORD);
    CHECK_OK(ossdl_journal_begin(journal, &identity, &err));
    CHECK(!ossdl_journal_reason(journal));
    CHECK_U64(folder_size("cp"), HEADER);
    CHECK_U64(ossdl_journal_identity(journal)->size, 7 * MIB);
    CHECK_OK(
        ossdl_journal_begin(journal, ossdl_journal_identity(journal), &err));
    CHECK_U64(ossdl_journal_identity(journal)->size, 7 * MIB);
    drop();
    CHECK_OK(take_of("cp", "bucket", "other"));
    CHECK(ossdl_journal_loaded(journal));
    drop();
    CHECK_OK(take_of("cp", "tekcub", "other"));
    CHECK(!ossdl_journal_loaded(journal));
    finish();
}

TEST("records of an earlier checkpoint in the same file are not believed")
{
    unsigned char old[RECORD];
    unsigned char all[HEADER + RECORD];
    struct ossdl_identity identity = identity_of(100 * MIB);

    CHECK(folder_make());
    CHECK(prepare(1));
    CHECK_U64(folder_get("cp", all, sizeof all), sizeof all);
    memcpy(old, all + HEADER, RECORD);
    CHECK_OK(take());
    CHECK_OK(ossdl_journal_begin(journal, &identity, &err));
    drop();
    CHECK_U64(folder_get("cp", all, HEADER), HEADER);
    memcpy(all + HEADER, old, RECORD);
    CHECK(folder_put("cp", all, sizeof all));
    CHECK(reload());
    CHECK_U64(ossdl_extents_count(&found), 0);
    finish();
}

TEST("a checkpoint cut at any byte loses no more than what was cut")
{
    unsigned char all[HEADER + 3 * RECORD];

    CHECK(folder_make());
    CHECK(prepare(3));
    CHECK_U64(folder_get("cp", all, sizeof all), sizeof all);
    for (size_t len = 0; len <= sizeof all; len++) {
        CHECK(folder_put("cp", all, len));
        if (len < HEADER) {
            CHECK_OK(take());
            CHECK(!ossdl_journal_loaded(journal));
            CHECK(strstr(ossdl_journal_reason(journal), "checkpoint is"));
            drop();
            CHECK_U64(folder_size("cp"), len);
        } else {
            CHECK(reload());
            CHECK_U64(ossdl_extents_count(&found), (len - HEADER) / RECORD);
        }
    }
    finish();
}

TEST("a torn last record does not spoil the next, read or unread")
{
    unsigned char all[HEADER + 2 * RECORD];

    CHECK(folder_make());
    CHECK(prepare(2));
    CHECK_U64(folder_get("cp", all, sizeof all), sizeof all);
    for (size_t len = HEADER + 1; len < sizeof all; len++) {
        bool torn = (len - HEADER) % RECORD != 0;

        if ((len - HEADER) % RECORD == RECORD - 1 && all[len] == 0) {
            continue; /* what is missing is what a hole has: nothing is torn */
        }

        for (int read = 0; read < 2; read++) {
            CHECK(folder_put("cp", all, len));
            CHECK_OK(take());
            if (read) {
                CHECK_OK(ossdl_journal_extents(journal, &found, &err));
            }
            CHECK(append(9 * MIB, 10 * MIB));
            drop();
            CHECK((folder_size("cp") - (int64_t) HEADER) % RECORD == 0);
            CHECK_U64(folder_size("cp"),
                      (len / RECORD + 1 + (torn && !read)) * RECORD);
            CHECK(reload());
            CHECK_U64(ossdl_extents_count(&found), (len - HEADER) / RECORD + 1);
        }
    }
    finish();
}

TEST("any flipped bit of the header makes the checkpoint unusable")
{
    unsigned char all[HEADER + RECORD];

    CHECK(folder_make());
    CHECK(prepare(1));
    CHECK_U64(folder_get("cp", all, sizeof all), sizeof all);
    for (size_t bit = 0; bit < HEADER * 8; bit += bit < 4096 ? 1 : 61) {
        all[bit / 8] ^= (unsigned char) (1 << bit % 8);
        CHECK(folder_put("cp", all, sizeof all));
        CHECK_OK(take());
        CHECK(!ossdl_journal_loaded(journal));
        CHECK(ossdl_journal_reason(journal));
        drop();
        all[bit / 8] ^= (unsigned char) (1 << bit % 8);
    }
    finish();
}

TEST("any flipped bit of a record drops that record alone")
{
    unsigned char all[HEADER + 3 * RECORD];

    CHECK(folder_make());
    CHECK(prepare(3));
    CHECK_U64(folder_get("cp", all, sizeof all), sizeof all);
    for (size_t bit = 0; bit < RECORD * 8; bit++) {
        unsigned char *byte = all + HEADER + RECORD + bit / 8;

        *byte ^= (unsigned char) (1 << bit % 8);
        CHECK(folder_put("cp", all, sizeof all));
        CHECK(reload());
        CHECK_U64(ossdl_extents_count(&found), 2);
        CHECK(has(0, 0, MIB) && has(1, 2 * MIB, 3 * MIB));
        *byte ^= (unsigned char) (1 << bit % 8);
    }
    finish();
}

TEST("duplicates, any order and overlaps: the later record is right")
{
    CHECK(folder_make());
    CHECK(prepare(0));
    CHECK_OK(take());
    CHECK(append(4 * MIB, 5 * MIB));
    CHECK(append(0, MIB));
    CHECK(append(0, MIB));
    CHECK(append(4 * MIB + 1, 6 * MIB));
    CHECK(append(2 * MIB, 3 * MIB));
    drop();
    CHECK(reload());
    CHECK_U64(ossdl_extents_count(&found), 3);
    CHECK(has(0, 0, MIB) && has(1, 2 * MIB, 3 * MIB) &&
          has(2, 4 * MIB + 1, 6 * MIB));
    finish();
}

TEST("records beyond the object or of no bytes are left out")
{
    CHECK(folder_make());
    CHECK(prepare(0));
    CHECK_OK(take());
    CHECK(append(99 * MIB, 101 * MIB));
    CHECK(append(100 * MIB, 100 * MIB + 1));
    CHECK(append(UINT64_MAX - 1, UINT64_MAX));
    CHECK(append(0, UINT64_MAX));
    CHECK(append(5, 5));
    CHECK(append(6, 5));
    CHECK(append(99 * MIB, 100 * MIB));
    drop();
    CHECK_U64(folder_size("cp"), HEADER + 5 * RECORD);
    CHECK(reload());
    CHECK_U64(ossdl_extents_count(&found), 1);
    CHECK(has(0, 99 * MIB, 100 * MIB));
    finish();
}

TEST("a run of zeros between records is skipped")
{
    CHECK(folder_make());
    CHECK(prepare(1));
    CHECK(truncate("cp", HEADER + 500000 * 2) == 0);
    CHECK_OK(take());
    CHECK(append(3 * MIB, 4 * MIB));
    drop();
    CHECK(reload());
    CHECK_U64(ossdl_extents_count(&found), 2);
    finish();
}

TEST("a hole of terabytes ends the reading soon and is cut off")
{
    CHECK(folder_make());
    CHECK(prepare(2));
    CHECK(truncate("cp", (off_t) 3 << 40) == 0);
    CHECK_OK(take());
    CHECK(ossdl_journal_loaded(journal));
    CHECK_OK(ossdl_journal_extents(journal, &found, &err));
    CHECK_U64(folder_size("cp"), HEADER + 2 * RECORD);
    CHECK(append(3 * MIB, 4 * MIB));
    drop();
    CHECK(reload());
    CHECK_U64(ossdl_extents_count(&found), 3);
    finish();
}

TEST("more records than one block holds are all read")
{
    CHECK(folder_make());
    CHECK(prepare(0));
    CHECK_OK(take());
    for (uint64_t i = 0; i < 5000; i++) {
        CHECK(append(i * 2, i * 2 + 1));
    }
    drop();
    CHECK(reload());
    CHECK_U64(ossdl_extents_count(&found), 5000);
    CHECK(has(4999, 9998, 9999));
    finish();
}

TEST("a foreign file is named for what it is and left until begin")
{
    struct ossdl_identity identity = identity_of(5);

    CHECK(folder_make());
    CHECK(folder_put("cp", "<xml>not ours</xml>", 19));
    CHECK_OK(take());
    CHECK(!ossdl_journal_loaded(journal));
    CHECK(strstr(ossdl_journal_reason(journal), "checkpoint"));
    drop();
    CHECK_U64(folder_size("cp"), 19);
    CHECK_OK(take());
    CHECK_OK(ossdl_journal_begin(journal, &identity, &err));
    CHECK_U64(folder_size("cp"), HEADER);
    finish();
}

static bool busy_here(void)
{
    struct ossdl_journal *other = journal;

    return ossdl_journal_open("cp", ossdl_slice_str("b"), ossdl_slice_str("o"),
                              &other, &err) == OSSDL_EBUSY &&
           !other && strstr(err.message, "another download holds cp");
}

TEST("a checkpoint in use is busy for others, and so is its beginning")
{
    struct ossdl_identity identity = identity_of(5);
    struct ossdl_journal *late = NULL;

    CHECK(folder_make());
    CHECK_OK(ossdl_journal_open("cp", ossdl_slice_str("b"),
                                ossdl_slice_str("o"), &late, &err));
    CHECK_OK(take());
    CHECK_OK(ossdl_journal_begin(journal, &identity, &err));
    CHECK(busy_here());
    CHECK(folder_in_child(busy_here));
    CHECK_U64(ossdl_journal_begin(late, &identity, &err), OSSDL_EBUSY);
    ossdl_journal_close(late);
    CHECK(folder_has("cp"));
    finish();
}

TEST("links, folders and pipes are refused as checkpoints")
{
    CHECK(folder_make());
    CHECK(folder_put("real", "", 0));
    CHECK(symlink("real", "cp") == 0);
    CHECK_U64(take(), OSSDL_EIO);
    CHECK(!journal);
    CHECK_STR(err.code, "ELOOP");
    CHECK(unlink("cp") == 0 && mkdir("cp", 0777) == 0);
    CHECK_U64(take(), OSSDL_EIO);
    CHECK_STR(err.code, "EISDIR");
    CHECK(rmdir("cp") == 0 && mkfifo("cp", 0666) == 0);
    CHECK_U64(take(), OSSDL_EIO);
    CHECK(strstr(err.message, "a named pipe stands at cp"));
    finish();
}

TEST("a folder that is missing shows when the checkpoint is opened")
{
    CHECK(folder_make());
    CHECK_U64(take_of("none/cp", "b", "o"), OSSDL_EIO);
    CHECK_STR(err.code, "ENOENT");
    CHECK(strstr(err.message, "none/cp"));
    finish();
}

TEST("names that do not fit are refused before anything is written")
{
    struct ossdl_identity identity = identity_of(5);

    CHECK(folder_make());
    CHECK_OK(take_of("cp", "", "object"));
    CHECK_U64(ossdl_journal_begin(journal, &identity, &err), OSSDL_EINVALID);
    CHECK(!folder_has("cp"));
    drop();
    CHECK_OK(ossdl_journal_open("cp", ossdl_slice_str("b"),
                                ossdl_slice_of("a\0b", 3), &journal, &err));
    CHECK_U64(ossdl_journal_begin(journal, &identity, &err), OSSDL_EINVALID);
    CHECK(!folder_has("cp"));
    finish();
}

TEST("removing takes our file and no other")
{
    CHECK(folder_make());
    CHECK(prepare(1));
    CHECK_OK(take());
    CHECK_OK(ossdl_journal_remove(journal, &err));
    CHECK(!folder_has("cp"));
    drop();
    CHECK(prepare(1));
    CHECK_OK(take());
    CHECK(rename("cp", "moved") == 0);
    CHECK(folder_put("cp", "x", 1));
    CHECK_OK(ossdl_journal_remove(journal, &err));
    CHECK(folder_has("cp") && folder_has("moved"));
    finish();
}

TEST("a full disk fails the beginning and leaves nothing behind")
{
    static char fill[64 << 10];
    struct ossdl_identity identity = identity_of(5);

    CHECK(folder_make());
    if (folder_mount("64k")) {
        CHECK(folder_put("full/fill", fill, sizeof fill));
        CHECK_OK(take_of("full/cp", "b", "o"));
        CHECK_U64(ossdl_journal_begin(journal, &identity, &err), OSSDL_EIO);
        CHECK_STR(err.code, "ENOSPC");
        CHECK(strstr(err.message, "full/cp"));
        CHECK(!ossdl_journal_identity(journal));
        CHECK_U64(ossdl_journal_append(journal, extent_of(0, 1), &err),
                  OSSDL_ECHECKPOINT);
        drop();
        CHECK(!folder_has("full/cp"));
        folder_unmount();
    }
    finish();
}

TEST("a full disk fails an append and spoils no other record")
{
    static char fill[56 << 10];
    struct ossdl_identity identity = identity_of(100 * MIB);
    uint64_t written = 0;

    CHECK(folder_make());
    if (folder_mount("64k")) {
        CHECK(folder_put("full/fill", fill, sizeof fill));
        CHECK_OK(take_of("full/cp", "b", "o"));
        CHECK_OK(ossdl_journal_begin(journal, &identity, &err));
        while (append(written * 2, written * 2 + 1)) {
            written++;
        }
        CHECK_STR(err.code, "ENOSPC");
        CHECK_U64(written, 4096 / RECORD);
        CHECK(unlink("full/fill") == 0);
        CHECK(append(MIB, MIB + 1));
        drop();
        CHECK_OK(take_of("full/cp", "b", "o"));
        ossdl_extents_init(&found, 1);
        CHECK_OK(ossdl_journal_extents(journal, &found, &err));
        CHECK_U64(ossdl_extents_count(&found), written + 1);
        drop();
        folder_unmount();
    }
    finish();
}

#define THREADS 8
#define APPENDS 500

static void *append_many(void *context)
{
    uint64_t first = (uint64_t) (uintptr_t) context * APPENDS;

    for (uint64_t i = first; i < first + APPENDS; i++) {
        if (ossdl_journal_append(journal, extent_of(i * 2, i * 2 + 1), NULL)) {
            return NULL;
        }
    }
    return context;
}

TEST("appends of many threads are all there")
{
    pthread_t threads[THREADS];
    uintptr_t finished = 0;

    CHECK(folder_make());
    CHECK(prepare(0));
    CHECK_OK(take());
    for (uintptr_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, append_many, (void *) i) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;

        CHECK(pthread_join(threads[i], &result) == 0);
        finished += (uintptr_t) result;
    }
    drop();
    CHECK_U64(finished, THREADS * (THREADS - 1) / 2);
    CHECK_U64(folder_size("cp"), HEADER + THREADS * APPENDS * RECORD);
    CHECK(reload());
    CHECK_U64(ossdl_extents_count(&found), THREADS * APPENDS);
    finish();
}

static bool fail_countdown(void *context, size_t size)
{
    int *left = context;

    (void) size;
    return (*left)-- > 0;
}

TEST("no allocation that fails leaves anything open or allocated")
{
    int allowed = -1;
    enum ossdl_status status = OSSDL_EMEMORY;

    CHECK(folder_make());
    CHECK(prepare(3));
    while (status) {
        int left = ++allowed;

        ossdl_extents_init(&found, 1);
        ossdl_alloc_set_hook(fail_countdown, &left);
        status = take();
        if (!status) {
            status = ossdl_journal_extents(journal, &found, &err);
        }
        ossdl_alloc_set_hook(NULL, NULL);
        CHECK(!status || status == OSSDL_EMEMORY);
        drop();
        ossdl_extents_cleanup(&found);
        CHECK(allowed < 50);
    }
    CHECK(allowed > 4);
    finish();
}

TEST_MAIN()
