/*
 * The system calls of file.c, counted and failing on demand: this program
 * defines them itself, so that its own definitions are the ones linked.
 */
#include "test.h"

#include "folder.h"
#include "file.h"
#include "sink.h"

#include <sys/file.h>
#include <sys/syscall.h>

#define MIB ((uint64_t) 1 << 20)

/* What the next calls do; 0 is what the system does. */
static struct {
    int write_errno;    /* of each write */
    int direct_errno;   /* of each write past the page cache */
    int eintr;          /* so many calls are interrupted first */
    size_t write_most;  /* bytes of one write */
    bool write_nothing; /* a write returns 0 */
    int allocate_errno;
    int sync_errno;
    int lock_errno;
} fault;

static unsigned direct_writes; /* tried since start() */

static bool interrupted(void)
{
    if (fault.eintr > 0) {
        fault.eintr--;
        errno = EINTR;
        return true;
    }
    return false;
}

static int fail(int number)
{
    errno = number;
    return -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    bool direct = fcntl(fd, F_GETFL) & O_DIRECT;

    if (interrupted()) {
        return -1;
    }
    direct_writes += direct;
    if (fault.write_nothing) {
        return 0;
    }
    if (fault.write_errno) {
        return fail(fault.write_errno);
    }
    if (fault.direct_errno && direct) {
        return fail(fault.direct_errno);
    }
    if (fault.write_most && len > fault.write_most) {
        len = fault.write_most;
    }
    return syscall(SYS_pwrite64, fd, bytes, len, offset);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t offset)
{
    return interrupted() ? -1 : syscall(SYS_pread64, fd, bytes, len, offset);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (interrupted()) {
        return -1;
    }
    return fault.allocate_errno
               ? fail(fault.allocate_errno)
               : (int) syscall(SYS_fallocate, fd, mode, offset, len);
}

int fdatasync(int fd)
{
    if (interrupted()) {
        return -1;
    }
    return fault.sync_errno ? fail(fault.sync_errno)
                            : (int) syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return fault.sync_errno ? fail(fault.sync_errno)
                            : (int) syscall(SYS_fsync, fd);
}

int flock(int fd, int operation)
{
    if (interrupted()) {
        return -1;
    }
    return fault.lock_errno && !(operation & LOCK_UN)
               ? fail(fault.lock_errno)
               : (int) syscall(SYS_flock, fd, operation);
}

static struct ossdl_sink *sink;
static struct ossdl_error err;
static _Alignas(4096) char bytes[2 << 20];

static bool start(void)
{
    memset(&fault, 0, sizeof fault);
    direct_writes = 0;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char) (i * 13 + i / 4096);
    }
    return folder_make();
}

static void finish(void)
{
    memset(&fault, 0, sizeof fault);
    ossdl_sink_close(sink);
    sink = NULL;
    folder_drop();
}

static bool ready(uint64_t size, enum ossdl_sink_direct direct)
{
    return ossdl_sink_open("a.part", &sink, &err) == OSSDL_OK &&
           ossdl_sink_prepare(sink, size, direct, false, &err) == OSSDL_OK;
}

/* Is what is in the file what was written? */
static bool intact(void)
{
    static char got[sizeof bytes];

    return folder_get("a.part", got, sizeof got) == sizeof got &&
           memcmp(got, bytes, sizeof got) == 0;
}

/* Does the file system of the test's folder let a file be written directly? */
static bool takes_direct(void)
{
    int fd = open("a.part", O_RDWR | O_DIRECT);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

static enum ossdl_status write_all(void)
{
    return ossdl_sink_write(sink, 0, bytes, sizeof bytes, &err);
}

TEST("short and interrupted writes go on where they stopped")
{
    CHECK(start());
    fault.eintr = 3;
    CHECK(ready(sizeof bytes, OSSDL_SINK_DIRECT_OFF));
    fault.eintr = 5;
    fault.write_most = 70001;
    CHECK_OK(write_all());
    CHECK(intact());
    fault.eintr = 5;
    CHECK_OK(ossdl_sink_commit(sink, "a", true, &err));
    CHECK_U64(fault.eintr, 0);
    CHECK(folder_has("a"));
    finish();
}

TEST("interrupted reads go on")
{
    char buffer[16];
    size_t len = 0;

    CHECK(start());
    CHECK(ready(sizeof bytes, OSSDL_SINK_DIRECT_OFF));
    CHECK_OK(write_all());
    fault.eintr = 4;
    CHECK_OK(ossdl_sink_read(sink, 100, buffer, sizeof buffer, &len, &err));
    CHECK_U64(len, sizeof buffer);
    CHECK(memcmp(buffer, bytes + 100, sizeof buffer) == 0);
    finish();
}

TEST("a disk that takes no byte counts as full")
{
    CHECK(start());
    CHECK(ready(sizeof bytes, OSSDL_SINK_DIRECT_OFF));
    fault.write_nothing = true;
    CHECK_U64(write_all(), OSSDL_EIO);
    CHECK_STR(err.code, "ENOSPC");
    CHECK_U64(err.sys_errno, ENOSPC);
    finish();
}

TEST("a failing disk is reported with its errno, direct or not")
{
    CHECK(start());
    CHECK(ready(sizeof bytes, OSSDL_SINK_DIRECT_ON));
    fault.write_errno = EIO;
    CHECK_U64(write_all(), OSSDL_EIO);
    CHECK_STR(err.code, "EIO");
    CHECK(strstr(err.message, "cannot write a.part"));
    CHECK_U64(ossdl_sink_write(sink, 0, bytes, 10, NULL), OSSDL_EIO);
    CHECK_U64(ossdl_sink_write(sink, 0, bytes, sizeof bytes, NULL), OSSDL_EIO);
    finish();
}

TEST("a large file is written directly, unless that is off")
{
    CHECK(start());
    CHECK(ready(16 * MIB, OSSDL_SINK_DIRECT_OFF));
    CHECK_OK(write_all());
    CHECK_OK(ossdl_sink_prepare(sink, 16 * MIB - 1, OSSDL_SINK_DIRECT_AUTO,
                                false, &err));
    CHECK_OK(write_all());
    CHECK_U64(direct_writes, 0);
    CHECK_OK(ossdl_sink_prepare(sink, 16 * MIB, OSSDL_SINK_DIRECT_AUTO, false,
                                &err));
    CHECK_OK(write_all());
    CHECK_U64(direct_writes > 0, takes_direct());
    CHECK(intact());
    finish();
}

TEST("direct writing that is refused later is given up for good")
{
    CHECK(start());
    CHECK(ready(sizeof bytes, OSSDL_SINK_DIRECT_ON));
    if (takes_direct()) {
        fault.direct_errno = EINVAL;
        CHECK_OK(write_all());
        CHECK_U64(direct_writes, 1);
        CHECK(intact());
        fault.direct_errno = 0;
        CHECK_OK(write_all());
        CHECK_U64(direct_writes, 1);
    }
    finish();
}

TEST("any other failure of direct writing is a failure")
{
    CHECK(start());
    CHECK(ready(sizeof bytes, OSSDL_SINK_DIRECT_ON));
    if (takes_direct()) {
        fault.direct_errno = ENOSPC;
        CHECK_U64(write_all(), OSSDL_EIO);
        CHECK_STR(err.code, "ENOSPC");
        CHECK_U64(direct_writes, 1);
        fault.direct_errno = 0;
        CHECK_OK(write_all());
        CHECK(direct_writes > 1);
        CHECK(intact());
    }
    finish();
}

TEST("where blocks cannot be reserved the file is extended by a hole")
{
    static const int REFUSALS[] = {EOPNOTSUPP, ENOSYS, EINVAL};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(REFUSALS); i++) {
        CHECK(start());
        fault.allocate_errno = REFUSALS[i];
        CHECK(ready(3 * MIB, OSSDL_SINK_DIRECT_OFF));
        CHECK_U64(ossdl_sink_size(sink), 3 * MIB);
        CHECK(!ossdl_sink_has_holes(sink));
        finish();
    }
}

TEST("a reservation that fails otherwise is an error")
{
    CHECK(start());
    fault.allocate_errno = EDQUOT;
    CHECK(!ready(3 * MIB, OSSDL_SINK_DIRECT_OFF));
    CHECK_STR(err.code, "EDQUOT");
    CHECK_U64(ossdl_sink_size(sink), 0);
    finish();
}

TEST("data that does not reach the disk is not renamed")
{
    CHECK(start());
    CHECK(ready(sizeof bytes, OSSDL_SINK_DIRECT_OFF));
    CHECK_OK(write_all());
    fault.sync_errno = EIO;
    CHECK_U64(ossdl_sink_commit(sink, "a", true, &err), OSSDL_EIO);
    CHECK(strstr(err.message, "cannot bring a.part to the disk"));
    CHECK(!folder_has("a") && folder_has("a.part"));
    CHECK_OK(ossdl_sink_commit(sink, "a", false, &err));
    CHECK(folder_has("a"));
    finish();
}

TEST("a folder that cannot be synced for good reason is no failure")
{
    struct ossdl_file folder;

    CHECK(start());
    CHECK_OK(ossdl_file_open_folder("a", &folder, &err));
    fault.sync_errno = EINVAL;
    CHECK_OK(ossdl_file_sync_folder(&folder, &err));
    fault.sync_errno = EIO;
    CHECK_U64(ossdl_file_sync_folder(&folder, &err), OSSDL_EIO);
    CHECK(strstr(err.message, "the folder of a"));
    ossdl_file_close(&folder);
    finish();
}

TEST("a file system without locks is refused, and nothing is left there")
{
    CHECK(start());
    fault.lock_errno = ENOLCK;
    CHECK_U64(ossdl_sink_open("a.part", &sink, &err), OSSDL_EIO);
    CHECK(strstr(err.message, "cannot lock a.part"));
    CHECK(!folder_has("a.part"));
    finish();
}

TEST_MAIN()
