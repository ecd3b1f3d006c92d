#include "test.h"

#include "alloc.h"
#include "file.h"
#include "folder.h"

#include <sys/resource.h>
#include <signal.h>
#include <sys/file.h>

static struct ossdl_file file;
static struct ossdl_error err;

static enum ossdl_status take(const char *path, bool create)
{
    memset(&err, 0, sizeof err);
    return ossdl_file_open_exclusive(path, create, &file, &err);
}

/* Opens for creation what must be refused, with this code and these words. */
static bool refused(const char *path, const char *code, const char *words)
{
    return take(path, true) == OSSDL_EIO && file.fd == -1 &&
           strcmp(err.code, code) == 0 && strstr(err.message, words) &&
           strstr(err.message, path);
}

static bool busy_here(void)
{
    struct ossdl_file other;

    memset(&err, 0, sizeof err);
    return ossdl_file_open_exclusive("a", true, &other, &err) == OSSDL_EBUSY &&
           other.fd == -1 && strstr(err.message, "another download holds a");
}

TEST("a missing file is created, empty, for the user alone to mask")
{
    struct stat info;
    mode_t mask = umask(027);

    CHECK(folder_make());
    CHECK_OK(take("a", true));
    umask(mask);
    CHECK(file.created);
    CHECK_U64(file.size, 0);
    CHECK(stat("a", &info) == 0);
    CHECK_U64(info.st_mode & 0777, 0640);
    CHECK(fcntl(file.fd, F_GETFD) & FD_CLOEXEC);
    ossdl_file_close(&file);
    CHECK(file.fd == -1);
    ossdl_file_close(&file);
    CHECK(folder_has("a"));
    folder_drop();
}

TEST("an existing file keeps its content")
{
    CHECK(folder_make());
    CHECK(folder_put("a", "hello", 5));
    CHECK_OK(take("a", true));
    CHECK(!file.created);
    CHECK_U64(file.size, 5);
    CHECK_U64(folder_size("a"), 5);
    ossdl_file_close(&file);
    CHECK_OK(take("a", false));
    CHECK_U64(file.size, 5);
    ossdl_file_close(&file);
    folder_drop();
}

TEST("a missing file that is not to be created is no error")
{
    CHECK(folder_make());
    CHECK_OK(take("a", false));
    CHECK(file.fd == -1);
    CHECK(!folder_has("a"));
    folder_drop();
}

TEST("a second opener is told that the file is busy, here and elsewhere")
{
    CHECK(folder_make());
    CHECK_OK(take("a", true));
    CHECK(busy_here());
    CHECK(folder_in_child(busy_here));
    ossdl_file_close(&file);
    CHECK_OK(take("a", true));
    ossdl_file_close(&file);
    folder_drop();
}

static bool close_in_child(void)
{
    struct ossdl_file other = file;

    ossdl_file_unlink(&other, NULL);
    ossdl_file_close(&other);
    return folder_has("a");
}

TEST("a forked child neither unlocks nor removes its parent's file")
{
    CHECK(folder_make());
    CHECK_OK(take("a", true));
    CHECK(folder_in_child(close_in_child));
    CHECK(busy_here());
    ossdl_file_close(&file);
    folder_drop();
}

TEST("a lock ends with its close though a forked child lives on")
{
    pid_t child;
    int gate[2];
    char byte;

    CHECK(folder_make());
    CHECK_OK(take("a", true));
    CHECK(pipe(gate) == 0);
    child = fork();
    if (child == 0) {
        close(gate[1]);
        _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(gate[0]);
    ossdl_file_close(&file);
    CHECK_OK(take("a", true));
    ossdl_file_close(&file);
    close(gate[1]);
    CHECK(waitpid(child, NULL, 0) == child);
    folder_drop();
}

TEST("links, folders, pipes and devices are refused without blocking")
{
    CHECK(folder_make());
    CHECK(folder_put("real", "x", 1));
    CHECK(symlink("real", "link") == 0);
    CHECK(symlink("nowhere", "dangling") == 0);
    CHECK(mkdir("folder", 0777) == 0);
    CHECK(mkfifo("pipe", 0666) == 0);
    CHECK(refused("link", "ELOOP", "a symbolic link stands at link"));
    CHECK(refused("dangling", "ELOOP", "a symbolic link"));
    CHECK(!folder_has("nowhere"));
    CHECK(refused("folder", "EISDIR", "a folder"));
    CHECK(refused("pipe", "EINVAL", "a named pipe"));
    CHECK(refused("/dev/null", "EINVAL", "a device"));
    folder_drop();
}

TEST("a file with a second name is refused, for both would change")
{
    CHECK(folder_make());
    CHECK(folder_put("other", "x", 1));
    CHECK(link("other", "a") == 0);
    CHECK(refused("a", "EEXIST", "hard link"));
    CHECK(unlink("other") == 0);
    CHECK_OK(take("a", true));
    ossdl_file_close(&file);
    folder_drop();
}

TEST("a path that cannot be is an error that says what to do")
{
    char name[400];

    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    CHECK(folder_make());
    CHECK(folder_put("plain", "x", 1));
    CHECK_U64(take("no/such/folder", true), OSSDL_EIO);
    CHECK_STR(err.code, "ENOENT");
    CHECK(strstr(err.message, "check that the folder exists"));
    CHECK_U64(take("plain/a", true), OSSDL_EIO);
    CHECK_STR(err.code, "ENOTDIR");
    CHECK_U64(take("plain/a", false), OSSDL_EIO);
    CHECK_U64(take(name, true), OSSDL_EIO);
    CHECK_STR(err.code, "ENAMETOOLONG");
    CHECK_U64(take("", true), OSSDL_EIO);
    folder_drop();
}

TEST("reads and writes reach everywhere and stop at the end")
{
    char buffer[8] = "";
    size_t len = 99;

    CHECK(folder_make());
    CHECK_OK(take("a", true));
    CHECK_OK(ossdl_file_pwrite_full(&file, 3, "abc", 3, &err));
    CHECK_OK(ossdl_file_pwrite_full(&file, 100, NULL, 0, &err));
    CHECK_OK(
        ossdl_file_pread_full(&file, 2, buffer, sizeof buffer, &len, &err));
    CHECK_U64(len, 4);
    CHECK(memcmp(buffer, "\0abc", 4) == 0);
    CHECK_OK(ossdl_file_pread_full(&file, 50, buffer, 8, &len, &err));
    CHECK_U64(len, 0);
    CHECK_OK(ossdl_file_sync(&file, &err));
    ossdl_file_close(&file);
    folder_drop();
}

TEST("a descriptor that went bad fails every call and names the path")
{
    char buffer[4];
    uint64_t size = 7;
    size_t len = 7;
    struct ossdl_file bad = {.fd = 9999, .path = "gone"};

    CHECK_U64(ossdl_file_pread_full(&bad, 0, buffer, 4, &len, &err), OSSDL_EIO);
    CHECK_U64(len, 0);
    CHECK(strstr(err.message, "cannot read gone"));
    CHECK_U64(ossdl_file_pwrite_full(&bad, 0, "x", 1, &err), OSSDL_EIO);
    CHECK(strstr(err.message, "cannot write gone"));
    CHECK_U64(ossdl_file_size(&bad, &size, &err), OSSDL_EIO);
    CHECK_U64(ossdl_file_truncate(&bad, 0, &err), OSSDL_EIO);
    CHECK_U64(ossdl_file_allocate(&bad, 9, &err), OSSDL_EIO);
    CHECK_U64(ossdl_file_sync(&bad, &err), OSSDL_EIO);
    CHECK_U64(ossdl_file_allocated(&bad), 0);
    CHECK(!ossdl_file_open_direct(&bad, &file));
}

TEST("allocating extends, never cuts, and keeps what is there")
{
    char buffer[6] = "";

    CHECK(folder_make());
    CHECK(folder_put("a", "hello", 5));
    CHECK_OK(take("a", true));
    CHECK_OK(ossdl_file_allocate(&file, 0, &err));
    CHECK_OK(ossdl_file_allocate(&file, 3, &err));
    CHECK_U64(folder_size("a"), 5);
    CHECK_OK(ossdl_file_allocate(&file, 1 << 20, &err));
    CHECK_U64(folder_size("a"), 1 << 20);
    CHECK(folder_get("a", buffer, 5) == 5);
    CHECK_STR(buffer, "hello");
    CHECK_U64(ossdl_file_truncate(&file, UINT64_MAX, &err), OSSDL_EIO);
    CHECK_U64(ossdl_file_allocate(&file, UINT64_MAX, &err), OSSDL_EIO);
    CHECK_STR(err.code, "EFBIG");
    CHECK_U64(folder_size("a"), 1 << 20);
    ossdl_file_close(&file);
    folder_drop();
}

TEST("a full disk shows when blocks are reserved, and gives them back")
{
    char block[4096] = "";

    CHECK(folder_make());
    if (folder_mount("1m")) {
        CHECK_OK(take("full/a", true));
        CHECK_OK(ossdl_file_pwrite_full(&file, 0, block, 4096, &err));
        CHECK_U64(ossdl_file_allocate(&file, 4 << 20, &err), OSSDL_EIO);
        CHECK_STR(err.code, "ENOSPC");
        CHECK(strstr(err.message, "reserve 4194304 bytes for full/a"));
        CHECK(strstr(err.message, "free some space"));
        CHECK_U64(folder_size("full/a"), 4096);
        CHECK_OK(ossdl_file_allocate(&file, 512 << 10, &err));
        ossdl_file_close(&file);
        folder_unmount();
    }
    folder_drop();
}

TEST("a disk that becomes full fails the write that meets it")
{
    static char bytes[3 << 20];

    CHECK(folder_make());
    if (folder_mount("1m")) {
        CHECK_OK(take("full/a", true));
        CHECK_U64(ossdl_file_pwrite_full(&file, 0, bytes, sizeof bytes, &err),
                  OSSDL_EIO);
        CHECK_STR(err.code, "ENOSPC");
        CHECK(strstr(err.message, "cannot write full/a"));
        ossdl_file_close(&file);
        folder_unmount();
    }
    folder_drop();
}

static bool write_past_limit(void)
{
    struct rlimit limit = {8192, 8192};
    sigset_t all;
    static char bytes[16384];

    sigfillset(&all);
    return sigprocmask(SIG_BLOCK, &all, NULL) == 0 &&
           setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
           ossdl_file_pwrite_full(&file, 0, bytes, sizeof bytes, &err) ==
               OSSDL_EIO &&
           strcmp(err.code, "EFBIG") == 0;
}

TEST("a limit on file sizes is an error once signals are blocked")
{
    CHECK(folder_make());
    CHECK_OK(take("a", true));
    CHECK(folder_in_child(write_past_limit));
    CHECK_U64(folder_size("a"), 8192);
    ossdl_file_close(&file);
    folder_drop();
}

TEST("a file that was removed or replaced is not at its path")
{
    uint64_t size = 0;

    CHECK(folder_make());
    CHECK_OK(take("a", true));
    CHECK_OK(ossdl_file_pwrite_full(&file, 0, "abc", 3, &err));
    CHECK(ossdl_file_is_at_path(&file, &size));
    CHECK_U64(size, 3);
    CHECK(rename("a", "b") == 0);
    CHECK(!ossdl_file_is_at_path(&file, &size));
    CHECK(folder_put("a", "x", 1));
    CHECK(!ossdl_file_is_at_path(&file, NULL));
    CHECK_OK(ossdl_file_unlink(&file, &err));
    CHECK_U64(folder_size("a"), 1);
    CHECK(unlink("a") == 0);
    CHECK(symlink("b", "a") == 0);
    CHECK(!ossdl_file_is_at_path(&file, NULL));
    ossdl_file_close(&file);
    folder_drop();
}

TEST("unlinking removes the file, once")
{
    CHECK(folder_make());
    CHECK_OK(take("a", true));
    CHECK_OK(ossdl_file_unlink(&file, &err));
    CHECK(!folder_has("a"));
    CHECK_OK(ossdl_file_unlink(&file, &err));
    ossdl_file_close(&file);
    CHECK_OK(ossdl_file_unlink(&file, &err));
    folder_drop();
}

TEST("a rename replaces a file or a link, and not a folder")
{
    char buffer[4] = "";

    CHECK(folder_make());
    CHECK(folder_put("kept", "old", 3));
    CHECK(symlink("kept", "link") == 0);
    CHECK(mkdir("folder", 0777) == 0);
    CHECK_OK(take("a", true));
    CHECK_OK(ossdl_file_pwrite_full(&file, 0, "new", 3, &err));
    CHECK_U64(ossdl_file_rename(&file, "folder", &err), OSSDL_EIO);
    CHECK_STR(err.code, "EISDIR");
    CHECK(strstr(err.message, "cannot rename a to folder"));
    CHECK(file.locked);
    CHECK_OK(ossdl_file_rename(&file, "link", &err));
    CHECK(folder_get("link", buffer, 3) == 3);
    CHECK_STR(buffer, "new");
    CHECK(folder_get("kept", buffer, 3) == 3);
    CHECK_STR(buffer, "old");
    ossdl_file_close(&file);
    folder_drop();
}

TEST("a target may be anything but a folder or a link to one")
{
    CHECK(folder_make());
    CHECK(folder_put("plain", "x", 1));
    CHECK(mkdir("folder", 0777) == 0);
    CHECK(symlink("folder", "to_folder") == 0);
    CHECK(symlink("nowhere", "dangling") == 0);
    CHECK_OK(ossdl_file_check_target("missing", &err));
    CHECK_OK(ossdl_file_check_target("plain", &err));
    CHECK_OK(ossdl_file_check_target("dangling", &err));
    CHECK_U64(ossdl_file_check_target("folder", &err), OSSDL_EIO);
    CHECK_STR(err.code, "EISDIR");
    CHECK_U64(ossdl_file_check_target("to_folder", &err), OSSDL_EIO);
    CHECK_U64(ossdl_file_check_target("plain/x", &err), OSSDL_EIO);
    CHECK_STR(err.code, "ENOTDIR");
    folder_drop();
}

TEST("another user's file is refused where everybody may put one")
{
    if (geteuid() != 0) {
        return; /* only root can give a file away */
    }
    CHECK(folder_make());
    CHECK(mkdir("shared", 0777) == 0 && chmod("shared", 01777) == 0);
    CHECK(folder_put("shared/a", "x", 1) && folder_put("a", "x", 1));
    CHECK(chown("shared/a", 1234, 1234) == 0 && chown("a", 1234, 1234) == 0);
    CHECK(refused("shared/a", "EACCES", "belongs to another user"));
    CHECK_OK(take("a", true));
    ossdl_file_close(&file);
    CHECK(chown("shared/a", 0, 0) == 0);
    CHECK_OK(take("shared/a", true));
    ossdl_file_close(&file);
    folder_drop();
}

static bool folder_syncs(const char *path)
{
    struct ossdl_file folder;
    bool synced = ossdl_file_open_folder(path, &folder, &err) == OSSDL_OK &&
                  ossdl_file_sync_folder(&folder, &err) == OSSDL_OK;

    ossdl_file_close(&folder);
    return synced;
}

TEST("folders are synced and checked wherever the path leads")
{
    CHECK(folder_make());
    CHECK(mkdir("folder", 0777) == 0);
    CHECK(folder_syncs("a"));
    CHECK(folder_syncs("folder/a"));
    CHECK(folder_syncs("/a"));
    CHECK(!folder_syncs("none/a"));
    CHECK_STR(err.code, "ENOENT");
    CHECK_OK(ossdl_file_check_folder("a", &err));
    CHECK_OK(ossdl_file_check_folder("folder/a", &err));
    CHECK_U64(ossdl_file_check_folder("none/a", &err), OSSDL_EIO);
    CHECK(strstr(err.message, "cannot create none/a"));
    folder_drop();
}

TEST("a direct descriptor is of the same file or not at all")
{
    struct ossdl_file direct;

    CHECK(folder_make());
    CHECK_OK(take("a", true));
    if (ossdl_file_open_direct(&file, &direct)) {
        CHECK(fcntl(direct.fd, F_GETFL) & O_DIRECT);
        ossdl_file_close(&direct);
        CHECK(busy_here());
    }
    CHECK(unlink("a") == 0);
    CHECK(!ossdl_file_open_direct(&file, &direct));
    CHECK(folder_put("a", "x", 1));
    CHECK(!ossdl_file_open_direct(&file, &direct));
    CHECK(direct.fd == -1);
    ossdl_file_close(&file);
    folder_drop();
}

#define RACERS 4
#define ROUNDS 200

/* Opens, adds a byte if the file has less than two, renames it away. */
static bool race(void)
{
    for (int i = 0; i < ROUNDS;) {
        struct ossdl_file mine;
        char name[32];
        enum ossdl_status status =
            ossdl_file_open_exclusive("a", true, &mine, NULL);

        if (status == OSSDL_EBUSY) {
            continue;
        }
        snprintf(name, sizeof name, "done-%d-%d", (int) getpid(), i);
        if (status || mine.size != 0 ||
            ossdl_file_pwrite_full(&mine, 0, "x", 1, NULL) ||
            !ossdl_file_is_at_path(&mine, NULL) ||
            ossdl_file_rename(&mine, name, NULL)) {
            return false;
        }
        ossdl_file_close(&mine);
        i++;
    }
    return true;
}

TEST("racing processes never get hold of a file that was renamed away")
{
    pid_t children[RACERS];
    bool all = true;

    CHECK(folder_make());
    for (int i = 0; i < RACERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            _exit(race() ? 0 : 1);
        }
    }
    for (int i = 0; i < RACERS; i++) {
        int status = 1;

        all = waitpid(children[i], &status, 0) == children[i] && status == 0 &&
              all;
    }
    CHECK(all);
    CHECK(!folder_has("a"));
    folder_drop();
}

TEST("a path means the same after the program has changed its folder")
{
    char *relative = NULL;
    char *absolute = ossdl_file_absolute("/a/b");
    char folder[4096];

    CHECK(folder_make());
    CHECK(getcwd(folder, sizeof folder));
    relative = ossdl_file_absolute("x/y");
    CHECK(absolute && relative);
    CHECK_STR(absolute, "/a/b");
    CHECK(strncmp(relative, folder, strlen(folder)) == 0);
    CHECK_STR(relative + strlen(folder), "/x/y");
    ossdl_free(absolute);
    ossdl_free(relative);
    folder_drop();
}

TEST("a device or a pipe is no target")
{
    CHECK(folder_make());
    CHECK(mkfifo("pipe", 0600) == 0);
    CHECK_U64(ossdl_file_check_target("pipe", &err), OSSDL_EIO);
    CHECK(strstr(err.message, "a named pipe stands at pipe"));
    CHECK_U64(ossdl_file_check_target("/dev/null", &err), OSSDL_EIO);
    CHECK(strstr(err.message, "a device or socket stands at /dev/null"));
    folder_drop();
}

TEST_MAIN()
