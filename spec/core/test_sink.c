#include "test.h"

#include "alloc.h"
#include "folder.h"
#include "sink.h"

#include <pthread.h>

#define MIB ((uint64_t) 1 << 20)
#define BLOCK OSSDL_SINK_BLOCK_BYTES

static struct ossdl_sink *sink;
static struct ossdl_error err;

static enum ossdl_status take(const char *path)
{
    memset(&err, 0, sizeof err);
    return ossdl_sink_open(path, &sink, &err);
}

static enum ossdl_status prepare(uint64_t size)
{
    return ossdl_sink_prepare(sink, size, OSSDL_SINK_DIRECT_AUTO, false, &err);
}

static bool put(uint64_t offset, const char *text)
{
    return ossdl_sink_write(sink, offset, text, strlen(text), &err) == 0;
}

static void drop(void)
{
    ossdl_sink_close(sink);
    sink = NULL;
}

static void finish(void)
{
    drop();
    folder_drop();
}

/* The byte that stands at an offset of every test object. */
static unsigned char byte_at(uint64_t offset)
{
    return (unsigned char) (offset * 7 + offset / 251 + offset / 65536);
}

static void fill(unsigned char *memory, uint64_t offset, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        memory[i] = byte_at(offset + i);
    }
}

static bool is_filled(const unsigned char *memory, uint64_t offset, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (memory[i] != byte_at(offset + i)) {
            return false;
        }
    }
    return true;
}

/* Writes [start, end) from memory that is skew bytes off its offset. */
static bool write_range(uint64_t start, uint64_t end, size_t skew)
{
    size_t len = (size_t) (end - start);
    unsigned char *memory = ossdl_alloc_aligned(BLOCK, len + 2 * BLOCK);
    unsigned char *from = memory + start % BLOCK + skew;
    bool fine;

    fill(from, start, len);
    fine = ossdl_sink_write(sink, start, from, len, &err) == OSSDL_OK;
    ossdl_free(memory);
    return fine;
}

/* Reads the whole object back in pieces and compares it. */
static bool compare(uint64_t size, size_t piece, size_t skew)
{
    unsigned char *memory = ossdl_alloc_aligned(BLOCK, piece + BLOCK);
    bool fine = true;

    for (uint64_t at = 0; fine && at < size; at += piece) {
        size_t expected = size - at < piece ? (size_t) (size - at) : piece;
        size_t len = 0;

        fine = ossdl_sink_read(sink, at, memory + skew, piece, &len, &err) ==
                   OSSDL_OK &&
               len == expected && is_filled(memory + skew, at, len);
    }
    ossdl_free(memory);
    return fine;
}

TEST("a small object is written and appears under its name at once")
{
    char buffer[8] = "";

    CHECK(folder_make());
    CHECK_OK(take("a.part"));
    CHECK_U64(ossdl_sink_size(sink), 0);
    CHECK_OK(prepare(5));
    CHECK_U64(folder_size("a.part"), 0);
    CHECK(put(0, "hello"));
    CHECK(!folder_has("a"));
    CHECK(!ossdl_sink_committed(sink));
    CHECK_OK(ossdl_sink_commit(sink, "a", true, &err));
    CHECK(ossdl_sink_committed(sink));
    CHECK(!folder_has("a.part"));
    CHECK_U64(folder_get("a", buffer, sizeof buffer), 5);
    CHECK_STR(buffer, "hello");
    drop();
    CHECK(folder_has("a"));
    finish();
}

TEST("an empty object is an empty file")
{
    CHECK(folder_make());
    CHECK_OK(take("a.part"));
    CHECK_OK(prepare(0));
    CHECK_OK(ossdl_sink_write(sink, 0, NULL, 0, &err));
    CHECK_OK(ossdl_sink_commit(sink, "a", false, &err));
    drop();
    CHECK_U64(folder_size("a"), 0);
    finish();
}

TEST("closing no sink does nothing")
{
    ossdl_sink_close(NULL);
}

TEST("a file that was created and never filled goes at close")
{
    CHECK(folder_make());
    CHECK_OK(take("a.part"));
    CHECK(folder_has("a.part"));
    drop();
    CHECK(!folder_has("a.part"));
    CHECK_OK(take("a.part"));
    CHECK_OK(prepare(3 * MIB));
    CHECK_U64(folder_size("a.part"), 3 * MIB);
    drop();
    CHECK(!folder_has("a.part"));
    finish();
}

TEST("a file that was filled or was there stays at close")
{
    CHECK(folder_make());
    CHECK(folder_put("b.part", "", 0));
    CHECK_OK(take("b.part"));
    drop();
    CHECK(folder_has("b.part"));
    CHECK_OK(take("a.part"));
    CHECK_OK(prepare(3));
    CHECK(put(0, "a"));
    drop();
    CHECK_U64(folder_size("a.part"), 1);
    finish();
}

TEST("discarding removes our file and no other")
{
    CHECK(folder_make());
    CHECK_OK(take("a.part"));
    CHECK_OK(prepare(3));
    CHECK(put(0, "abc"));
    ossdl_sink_discard(sink);
    CHECK(!folder_has("a.part"));
    drop();
    CHECK_OK(take("a.part"));
    CHECK(unlink("a.part") == 0);
    CHECK(folder_put("a.part", "x", 1));
    ossdl_sink_discard(sink);
    CHECK(folder_has("a.part"));
    drop();
    CHECK(folder_has("a.part"));
    finish();
}

TEST("discarding after the commit touches nothing")
{
    CHECK(folder_make());
    CHECK_OK(take("a.part"));
    CHECK_OK(prepare(1));
    CHECK(put(0, "a"));
    CHECK_OK(ossdl_sink_commit(sink, "a", false, &err));
    ossdl_sink_discard(sink);
    CHECK(folder_has("a"));
    finish();
}

static bool busy_here(void)
{
    struct ossdl_sink *other = sink;

    return ossdl_sink_open("a.part", &other, &err) == OSSDL_EBUSY && !other &&
           strstr(err.message, "another download holds a.part");
}

TEST("a second download of the same file is busy, here and elsewhere")
{
    CHECK(folder_make());
    CHECK_OK(take("a.part"));
    CHECK(busy_here());
    CHECK(folder_in_child(busy_here));
    CHECK(folder_has("a.part"));
    drop();
    CHECK_OK(take("a.part"));
    finish();
}

TEST("a missing folder, a link or a folder in the way show at once")
{
    CHECK(folder_make());
    CHECK_U64(take("none/a.part"), OSSDL_EIO);
    CHECK_STR(err.code, "ENOENT");
    CHECK(!sink);
    CHECK(folder_put("real", "x", 1));
    CHECK(symlink("real", "a.part") == 0);
    CHECK_U64(take("a.part"), OSSDL_EIO);
    CHECK_STR(err.code, "ELOOP");
    CHECK(mkdir("b.part", 0777) == 0);
    CHECK_U64(take("b.part"), OSSDL_EIO);
    CHECK_STR(err.code, "EISDIR");
    finish();
}

TEST("preparing keeps old content, cuts what is too long, adds the rest")
{
    char buffer[4] = "";

    CHECK(folder_make());
    CHECK(folder_put("a.part", "abcdef", 6));
    CHECK_OK(take("a.part"));
    CHECK_U64(ossdl_sink_size(sink), 6);
    CHECK_OK(prepare(3));
    CHECK_U64(ossdl_sink_size(sink), 3);
    CHECK_OK(prepare(2 * MIB));
    CHECK_U64(ossdl_sink_size(sink), 2 * MIB);
    CHECK(folder_get("a.part", buffer, 3) == 3);
    CHECK_STR(buffer, "abc");
    CHECK_OK(
        ossdl_sink_prepare(sink, 2 * MIB, OSSDL_SINK_DIRECT_OFF, true, &err));
    CHECK(folder_get("a.part", buffer, 3) == 3);
    CHECK(memcmp(buffer, "\0\0\0", 3) == 0);
    CHECK_OK(ossdl_sink_prepare(sink, 2, OSSDL_SINK_DIRECT_OFF, true, &err));
    CHECK_U64(ossdl_sink_size(sink), 0);
    finish();
}

TEST("nothing is written outside the object")
{
    CHECK(folder_make());
    CHECK_OK(take("a.part"));
    CHECK_OK(prepare(10));
    CHECK_U64(ossdl_sink_write(sink, 8, "abc", 3, &err), OSSDL_EPROTOCOL);
    CHECK(strstr(err.message, "a.part"));
    CHECK_U64(ossdl_sink_write(sink, 11, "a", 1, &err), OSSDL_EPROTOCOL);
    CHECK_U64(ossdl_sink_write(sink, UINT64_MAX, "abc", 3, &err),
              OSSDL_EPROTOCOL);
    CHECK_U64(ossdl_sink_size(sink), 0);
    CHECK(put(8, "ab"));
    CHECK_U64(ossdl_sink_size(sink), 10);
    finish();
}

/* Pieces of odd lengths that cover an object in a scattered order. */
static bool write_scattered(uint64_t size, size_t skew)
{
    static const uint64_t LENGTHS[] = {1,     4095,   4096,   70000, 65536,
                                       81919, 262144, 300001, 4097,  131072};
    uint64_t starts[512];
    uint64_t ends[512];
    size_t count = 0;

    for (uint64_t at = 0; at < size; count++) {
        uint64_t len = LENGTHS[count % OSSDL_ARRAY_LEN(LENGTHS)];

        starts[count] = at;
        ends[count] = size - at < len ? size : at + len;
        at = ends[count];
    }
    for (size_t i = 0; i < count; i++) {
        size_t pick = (i * 7 + 3) % count;

        if (count % 7 == 0 || !write_range(starts[pick], ends[pick], skew)) {
            return false;
        }
    }
    return true;
}

static bool round_trip(enum ossdl_sink_direct direct, uint64_t size,
                       size_t skew)
{
    return take("a.part") == OSSDL_OK &&
           ossdl_sink_prepare(sink, size, direct, true, &err) == OSSDL_OK &&
           write_scattered(size, skew) && compare(size, 256 * 1024, 0) &&
           compare(size, 256 * 1024, 1) && compare(size, 100003, 0) &&
           compare(size, 1 << 20, 0) &&
           ossdl_sink_commit(sink, "a", false, &err) == OSSDL_OK;
}

TEST("scattered odd pieces make the object, direct or not, aligned or not")
{
    CHECK(folder_make());
    for (int direct = 0; direct < 3; direct++) {
        for (size_t skew = 0; skew < 2; skew++) {
            CHECK(round_trip((enum ossdl_sink_direct) direct, 17 * MIB + 1234,
                             skew));
            drop();
            CHECK_U64(folder_size("a"), 17 * MIB + 1234);
        }
    }
    CHECK(round_trip(OSSDL_SINK_DIRECT_ON, 3 * MIB + 77, 0));
    finish();
}

TEST("a file system without direct writing is served through its cache")
{
    CHECK(folder_make());
    if (folder_mount("40m")) {
        CHECK_OK(take("full/a.part"));
        CHECK_OK(ossdl_sink_prepare(sink, 17 * MIB + 5, OSSDL_SINK_DIRECT_ON,
                                    false, &err));
        CHECK(write_scattered(17 * MIB + 5, 0));
        CHECK(compare(17 * MIB + 5, 1 << 20, 0));
        CHECK_OK(ossdl_sink_commit(sink, "full/a", true, &err));
        drop();
        folder_unmount();
    }
    finish();
}

TEST("reading stops at the end of the file")
{
    unsigned char *memory = ossdl_alloc_aligned(BLOCK, 2 * MIB);
    size_t len = 7;

    CHECK(folder_make());
    CHECK_OK(take("a.part"));
    CHECK_OK(ossdl_sink_prepare(sink, 2 * MIB + 5000, OSSDL_SINK_DIRECT_ON,
                                false, &err));
    CHECK(write_range(0, 2 * MIB + 5000, 0));
    CHECK_OK(ossdl_sink_read(sink, MIB, memory, 2 * MIB, &len, &err));
    CHECK_U64(len, MIB + 5000);
    CHECK(is_filled(memory, MIB, len));
    CHECK_OK(ossdl_sink_read(sink, 2 * MIB + 5000, memory, 4096, &len, &err));
    CHECK_U64(len, 0);
    CHECK_OK(ossdl_sink_read(sink, 64 * MIB, memory, 4096, &len, &err));
    CHECK_U64(len, 0);
    ossdl_free(memory);
    finish();
}

TEST("a file cut by another program is noticed and not renamed")
{
    CHECK(folder_make());
    CHECK_OK(take("a.part"));
    CHECK_OK(prepare(3 * MIB));
    CHECK(write_range(0, 3 * MIB, 0));
    CHECK(!ossdl_sink_has_holes(sink));
    CHECK(truncate("a.part", 1000) == 0);
    CHECK(ossdl_sink_has_holes(sink));
    CHECK_U64(ossdl_sink_commit(sink, "a", false, &err), OSSDL_EIO);
    CHECK(strstr(err.message, "a.part has 1000 bytes instead of 3145728"));
    CHECK(folder_has("a.part") && !folder_has("a"));
    CHECK(truncate("a.part", 3 * MIB) == 0);
    CHECK(ossdl_sink_has_holes(sink));
    finish();
}

TEST("a file that is removed or replaced meanwhile is not renamed")
{
    CHECK(folder_make());
    CHECK_OK(take("a.part"));
    CHECK_OK(prepare(3));
    CHECK(put(0, "abc"));
    CHECK(unlink("a.part") == 0);
    CHECK_U64(ossdl_sink_commit(sink, "a", true, &err), OSSDL_EIO);
    CHECK(strstr(err.message, "a.part was removed or replaced"));
    CHECK(folder_put("a.part", "xyz", 3));
    CHECK_U64(ossdl_sink_commit(sink, "a", false, &err), OSSDL_EIO);
    CHECK(!folder_has("a"));
    drop();
    CHECK_U64(folder_size("a.part"), 3);
    finish();
}

TEST("a folder at the final name fails the commit and keeps the data")
{
    CHECK(folder_make());
    CHECK(mkdir("a", 0777) == 0);
    CHECK_OK(take("a.part"));
    CHECK_OK(prepare(3));
    CHECK(put(0, "abc"));
    CHECK_U64(ossdl_sink_commit(sink, "a", true, &err), OSSDL_EIO);
    CHECK_STR(err.code, "EISDIR");
    CHECK(!ossdl_sink_committed(sink));
    CHECK_U64(ossdl_sink_commit(sink, "none/a", true, &err), OSSDL_EIO);
    CHECK_STR(err.code, "ENOENT");
    drop();
    CHECK_U64(folder_size("a.part"), 3);
    finish();
}

TEST("a commit replaces an older file of the same name")
{
    char buffer[4] = "";

    CHECK(folder_make());
    CHECK(folder_put("a", "older", 5));
    CHECK_OK(take("a.part"));
    CHECK_OK(prepare(3));
    CHECK(put(0, "new"));
    CHECK_OK(ossdl_sink_commit(sink, "a", true, &err));
    CHECK_U64(folder_size("a"), 3);
    CHECK(folder_get("a", buffer, 3) == 3);
    CHECK_STR(buffer, "new");
    finish();
}

TEST("a disk that is too small shows when the file is prepared")
{
    CHECK(folder_make());
    if (folder_mount("1m")) {
        CHECK_OK(take("full/a.part"));
        CHECK_U64(prepare(4 * MIB), OSSDL_EIO);
        CHECK_STR(err.code, "ENOSPC");
        CHECK(strstr(err.message, "full/a.part"));
        drop();
        CHECK(!folder_has("full/a.part"));
        folder_unmount();
    }
    finish();
}

TEST("a disk that becomes full fails the write and keeps the rest")
{
    static char most[1020 << 10];

    CHECK(folder_make());
    if (folder_mount("1m")) {
        CHECK_OK(take("full/a.part"));
        CHECK_OK(prepare(64 * 1024));
        CHECK(put(0, "abc"));
        CHECK(folder_put("full/other", most, sizeof most));
        CHECK(!write_range(4096, 64 * 1024, 0));
        CHECK_STR(err.code, "ENOSPC");
        CHECK(strstr(err.message, "cannot write full/a.part"));
        drop();
        CHECK(folder_has("full/a.part"));
        folder_unmount();
    }
    finish();
}

#define THREADS 8
#define THREAD_BYTES (4 * MIB)

static void *write_part(void *context)
{
    uint64_t at = (uint64_t) (uintptr_t) context * THREAD_BYTES;
    uint64_t end = at + THREAD_BYTES;

    for (uint64_t step = 100001; at < end; at += step) {
        uint64_t to = at + step < end ? at + step : end;

        if (!write_range(at, to, 0)) {
            return NULL;
        }
    }
    return context;
}

static bool write_with_threads(enum ossdl_sink_direct direct)
{
    pthread_t threads[THREADS];
    uintptr_t finished = 0;

    if (take("a.part") ||
        ossdl_sink_prepare(sink, THREADS * THREAD_BYTES, direct, false, &err)) {
        return false;
    }
    for (uintptr_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, write_part, (void *) i) != 0) {
            return false;
        }
    }
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;

        pthread_join(threads[i], &result);
        finished += (uintptr_t) result;
    }
    return finished == THREADS * (THREADS - 1) / 2 &&
           compare(THREADS * THREAD_BYTES, 1 << 20, 0) &&
           ossdl_sink_commit(sink, "a", true, &err) == OSSDL_OK;
}

TEST("many threads write one file, direct or not")
{
    CHECK(folder_make());
    CHECK(write_with_threads(OSSDL_SINK_DIRECT_AUTO));
    drop();
    CHECK(write_with_threads(OSSDL_SINK_DIRECT_OFF));
    finish();
}

static bool fail_countdown(void *context, size_t size)
{
    int *left = context;

    (void) size;
    return (*left)-- > 0;
}

TEST("no allocation that fails leaves a file or memory behind")
{
    int allowed = -1;
    enum ossdl_status status = OSSDL_EMEMORY;

    CHECK(folder_make());
    while (status) {
        int left = ++allowed;

        ossdl_alloc_set_hook(fail_countdown, &left);
        status = take("a.part");
        if (!status) {
            status = prepare(3);
        }
        if (!status && put(0, "abc")) {
            status = ossdl_sink_commit(sink, "a", true, &err);
        }
        ossdl_alloc_set_hook(NULL, NULL);
        CHECK(!status || status == OSSDL_EMEMORY);
        if (status && sink) {
            ossdl_sink_discard(sink); /* what is complete would stay */
        }
        drop();
        CHECK(!folder_has("a.part"));
        CHECK(allowed < 50);
    }
    CHECK(allowed > 1);
    finish();
}

TEST_MAIN()
