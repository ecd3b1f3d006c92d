#include "watch.h"

#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int make_file(char *path)
{
    strcpy(path, "/tmp/ossdl-watch-XXXXXX");
    return mkstemp(path);
}

static void drop_file(int fd, const char *path)
{
    close(fd);
    unlink(path);
}

TEST("a file that nobody else opens is not reported, however much is written")
{
    char path[64];
    int fd = make_file(path);
    int number = ossdl_watch_add(path);

    CHECK(fd >= 0 && number >= 0);
    CHECK(write(fd, "abc", 3) == 3);
    CHECK(!ossdl_watch_opened(number));
    ossdl_watch_remove(number);
    drop_file(fd, path);
}

TEST("opening it is reported once, for this file and no other")
{
    char path[64];
    char other[64];
    int fd = make_file(path);
    int other_fd = make_file(other);
    int number = ossdl_watch_add(path);
    int other_number = ossdl_watch_add(other);
    int second = open(path, O_RDWR | O_CLOEXEC);

    CHECK(second >= 0 && number >= 0 && other_number >= 0);
    CHECK(ossdl_watch_opened(number));
    CHECK(!ossdl_watch_opened(number));
    CHECK(!ossdl_watch_opened(other_number));
    close(second);
    CHECK(ossdl_watch_opened(number));
    ossdl_watch_remove(number);
    ossdl_watch_remove(other_number);
    drop_file(fd, path);
    drop_file(other_fd, other);
}

TEST("a slot is used again, and does not remember its last file")
{
    char path[64];
    int fd = make_file(path);
    int number = ossdl_watch_add(path);

    close(open(path, O_RDONLY | O_CLOEXEC));
    ossdl_watch_remove(number);
    number = ossdl_watch_add(path);
    CHECK(number >= 0);
    CHECK(!ossdl_watch_opened(number));
    ossdl_watch_remove(number);
    drop_file(fd, path);
}

TEST("all files of a process share a descriptor, which goes with the last")
{
    char path[64];
    char other[64];
    int fd = make_file(path);
    int other_fd = make_file(other);
    int next = dup(fd);
    int number;
    int other_number;

    close(next);
    number = ossdl_watch_add(path);
    other_number = ossdl_watch_add(other);
    CHECK(number >= 0 && other_number >= 0);
    CHECK(fcntl(next, F_GETFD) >= 0);
    CHECK(fcntl(next + 1, F_GETFD) < 0);
    ossdl_watch_remove(number);
    CHECK(fcntl(next, F_GETFD) >= 0);
    ossdl_watch_remove(other_number);
    CHECK(fcntl(next, F_GETFD) < 0);
    drop_file(fd, path);
    drop_file(other_fd, other);
}

TEST("a forked child does not take what its parent is to hear")
{
    char path[64];
    int fd = make_file(path);
    int number = ossdl_watch_add(path);
    pid_t child;

    CHECK(number >= 0);
    close(open(path, O_RDONLY | O_CLOEXEC));
    child = fork();
    if (child == 0) {
        int own = ossdl_watch_add("/");

        (void) ossdl_watch_opened(own);
        _exit(own >= 0 ? 0 : 1);
    }
    CHECK(waitpid(child, NULL, 0) == child);
    CHECK(ossdl_watch_opened(number));
    ossdl_watch_remove(number);
    drop_file(fd, path);
}

TEST("without a number, or for a file that is not there, the answer is no")
{
    CHECK(ossdl_watch_add("/nowhere/at/all") == -1);
    CHECK(!ossdl_watch_opened(-1));
    ossdl_watch_remove(-1);
    CHECK(!ossdl_watch_opened(3));
    ossdl_watch_remove(3);
}

TEST_MAIN()
