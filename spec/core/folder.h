/*
 * folder.h - a folder of its own for each test that needs files
 *
 * folder_make() makes and enters it, folder_drop() leaves and removes it with
 * all that is in it. Every path in such a test is relative.
 */
#ifndef OSSDL_SPEC_FOLDER_H
#define OSSDL_SPEC_FOLDER_H

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder_path[64];

static bool folder_make(void)
{
    snprintf(folder_path, sizeof folder_path, "/tmp/ossdl-test-XXXXXX");
    return mkdtemp(folder_path) && chdir(folder_path) == 0;
}

static int folder_remove_entry(const char *path, const struct stat *info,
                               int kind, struct FTW *walk)
{
    (void) info;
    (void) kind;
    (void) walk;
    return remove(path);
}

static void folder_drop(void)
{
    if (chdir("/") == 0) {
        nftw(folder_path, folder_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    }
}

/* A tmpfs of this many bytes at ./full; false when we may not mount. */
static inline bool folder_mount(const char *size)
{
    char options[32];

    snprintf(options, sizeof options, "size=%s", size);
    return mkdir("full", 0777) == 0 &&
           mount("none", "full", "tmpfs", 0, options) == 0;
}

static inline void folder_unmount(void)
{
    umount2("full", MNT_DETACH);
}

static inline bool folder_put(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    bool done = fd >= 0 && write(fd, bytes, len) == (ssize_t) len;

    if (fd >= 0) {
        close(fd);
    }
    return done;
}

/* The content of a file and its length; 0 when there is none. */
static inline size_t folder_get(const char *path, void *buffer, size_t size)
{
    int fd = open(path, O_RDONLY);
    ssize_t got = fd >= 0 ? read(fd, buffer, size) : 0;

    if (fd >= 0) {
        close(fd);
    }
    return got > 0 ? (size_t) got : 0;
}

static inline bool folder_has(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0;
}

static inline int64_t folder_size(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? (int64_t) info.st_size : -1;
}

/* Runs a check in a child process and gives its answer. */
static inline bool folder_in_child(bool (*check)(void))
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        _exit(check() ? 0 : 1);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

#endif
