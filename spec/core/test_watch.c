#include "watch.h"

#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int make_file(char *path)
{
    strcpy(path, "/tmp/ossdl-watch-XXXXXX");
    return mkstemp(path);
}

TEST("a file that nobody else opens is not reported, however much is written")
{
    char path[64];
    int fd = make_file(path);
    struct ossdl_watch *watch = ossdl_watch_new();
    int number = ossdl_watch_add(watch, path);

    CHECK(fd >= 0 && watch && number >= 0);
    CHECK(write(fd, "abc", 3) == 3);
    CHECK(!ossdl_watch_opened(watch, number));
    ossdl_watch_remove(watch, number);
    ossdl_watch_free(watch);
    close(fd);
    unlink(path);
}

TEST("opening it is reported once, for this file and no other")
{
    char path[64];
    char other[64];
    int fd = make_file(path);
    int other_fd = make_file(other);
    struct ossdl_watch *watch = ossdl_watch_new();
    int number = ossdl_watch_add(watch, path);
    int other_number = ossdl_watch_add(watch, other);
    int second = open(path, O_RDWR | O_CLOEXEC);

    CHECK(second >= 0 && number >= 0 && other_number >= 0);
    CHECK(ossdl_watch_opened(watch, number));
    CHECK(!ossdl_watch_opened(watch, number));
    CHECK(!ossdl_watch_opened(watch, other_number));
    close(second);
    CHECK(ossdl_watch_opened(watch, number));
    ossdl_watch_remove(watch, number);
    ossdl_watch_remove(watch, other_number);
    ossdl_watch_free(watch);
    close(fd);
    close(other_fd);
    unlink(path);
    unlink(other);
}

TEST("a slot is used again, and does not remember its last file")
{
    char path[64];
    int fd = make_file(path);
    struct ossdl_watch *watch = ossdl_watch_new();
    int number = ossdl_watch_add(watch, path);

    close(open(path, O_RDONLY | O_CLOEXEC));
    ossdl_watch_remove(watch, number);
    number = ossdl_watch_add(watch, path);
    CHECK(number >= 0);
    CHECK(!ossdl_watch_opened(watch, number));
    ossdl_watch_remove(watch, number);
    ossdl_watch_free(watch);
    close(fd);
    unlink(path);
}

TEST("without a watch, or for a file that is not there, the answer is no")
{
    struct ossdl_watch *watch = ossdl_watch_new();

    CHECK(ossdl_watch_add(watch, "/nowhere/at/all") == -1);
    CHECK(!ossdl_watch_opened(watch, -1));
    ossdl_watch_remove(watch, -1);
    ossdl_watch_free(watch);
    CHECK(ossdl_watch_add(NULL, "/tmp") == -1);
    CHECK(!ossdl_watch_opened(NULL, 3));
    ossdl_watch_remove(NULL, 3);
    ossdl_watch_free(NULL);
}

TEST_MAIN()
