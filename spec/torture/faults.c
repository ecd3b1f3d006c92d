/*
 * faults.c - system calls that fail on demand, under a whole program
 *
 * Preloaded into a child by faults.lua. The environment says what is to happen;
 * what happened goes to a file, so that a spec can tell a fault that was
 * survived from one that never came:
 *
 *   OSSDL_FAULTS       rules, each "call:ending:first:times:what", with ";"
 *     call    write, allocate, sync, rename, read, truncate, open or thread
 *     ending  of the path (of the old one for rename); thread has none
 *     first   the first matching call that fails, from 1
 *     times   how many fail from there on; 0: all
 *     what    an errno's name, or "short": less is written than was asked for
 *   OSSDL_FAULTS_HITS  the file that gets a line "call path" for each fault
 *   OSSDL_FAULTS_WHEN  no call counts before this file is there; optional
 *
 * Each rule counts for itself, and the first one that is due acts. Only the
 * calls that the core makes are replaced: should it make others one day, the
 * hits are missing. Under a sanitizer its run-time is to be preloaded before
 * this, so that its replacements find these.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RULES_MOST 8
#define SHORT (-1)

struct rule {
    char call[16];
    char ending[256];
    unsigned first;
    unsigned times;
    int what; /* an errno, or SHORT */
    atomic_uint count;
};

static struct rule rules[RULES_MOST];
static size_t rule_count;
static char hits[PATH_MAX];
static char when[PATH_MAX];
static atomic_bool armed;

static const struct {
    const char *name;
    int what;
} WHATS[] = {
    {"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EROFS", EROFS},
    {"EDQUOT", EDQUOT}, {"EINTR", EINTR},   {"EAGAIN", EAGAIN},
    {"EMFILE", EMFILE}, {"EACCES", EACCES}, {"EOPNOTSUPP", EOPNOTSUPP},
    {"EINVAL", EINVAL}, {"ENOMEM", ENOMEM}, {"short", SHORT},
};

/* --- the rules --------------------------------------------------------- */

/* A rule that is not understood must not look like one that never acted. */
static void complain(const char *text)
{
    fprintf(stderr, "faults: cannot understand \"%s\"\n", text);
    abort();
}

static int what_of(const char *name)
{
    for (size_t i = 0; i < sizeof WHATS / sizeof *WHATS; i++) {
        if (strcmp(WHATS[i].name, name) == 0) {
            return WHATS[i].what;
        }
    }
    complain(name);
    return 0;
}

static void add_rule(const char *text)
{
    char what[16];
    struct rule *rule = &rules[rule_count];

    if (rule_count == RULES_MOST) {
        complain(text);
    }
    /* The ending may be empty, which scanf() cannot read. */
    if (sscanf(text, "%15[a-z]:%255[^:]:%u:%u:%15[A-Za-z]", rule->call,
               rule->ending, &rule->first, &rule->times, what) != 5) {
        rule->ending[0] = '\0';
        if (sscanf(text, "%15[a-z]::%u:%u:%15[A-Za-z]", rule->call,
                   &rule->first, &rule->times, what) != 4) {
            complain(text);
        }
    }
    rule->what = what_of(what);
    rule_count++;
}

/* What the child starts in its turn is none of our business. */
__attribute__((constructor)) static void prepare(void)
{
    const char *text = getenv("OSSDL_FAULTS");
    char copy[4096];
    char *rest = copy;
    char *one;

    unsetenv("LD_PRELOAD");
    snprintf(hits, sizeof hits, "%s",
             getenv("OSSDL_FAULTS_HITS") ? getenv("OSSDL_FAULTS_HITS") : "");
    snprintf(when, sizeof when, "%s",
             getenv("OSSDL_FAULTS_WHEN") ? getenv("OSSDL_FAULTS_WHEN") : "");
    snprintf(copy, sizeof copy, "%s", text ? text : "");
    while ((one = strsep(&rest, ";")) != NULL) {
        if (*one) {
            add_rule(one);
        }
    }
}

static bool is_armed(void)
{
    if (!atomic_load(&armed)) {
        if (when[0] && syscall(SYS_faccessat, AT_FDCWD, when, F_OK) != 0) {
            return false;
        }
        atomic_store(&armed, true);
    }
    return true;
}

static bool ends_with(const char *path, const char *ending)
{
    size_t len = strlen(path);
    size_t end = strlen(ending);

    return end <= len && strcmp(path + len - end, ending) == 0;
}

/* Past all replacements, ours and those of a sanitizer. */
static void note(const char *call, const char *path)
{
    char line[PATH_MAX + 32];
    int len = snprintf(line, sizeof line, "%s %s\n", call, path);
    long fd = syscall(SYS_openat, AT_FDCWD, hits,
                      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    if (fd >= 0) {
        syscall(SYS_write, fd, line, (size_t) len);
        syscall(SYS_close, fd);
    }
}

/* 0, an errno or SHORT. */
static int fault_at(const char *call, const char *path)
{
    int saved = errno;
    int what = 0;

    if (!is_armed()) {
        errno = saved;
        return 0;
    }
    for (size_t i = 0; i < rule_count && what == 0; i++) {
        struct rule *rule = &rules[i];

        if (strcmp(rule->call, call) == 0 && ends_with(path, rule->ending)) {
            unsigned n = atomic_fetch_add(&rule->count, 1) + 1;

            if (n >= rule->first &&
                (rule->times == 0 || n - rule->first < rule->times)) {
                what = rule->what;
            }
        }
    }
    if (what != 0) {
        note(call, path);
    }
    errno = saved;
    return what;
}

static int fault_on(const char *call, int fd)
{
    char link[64];
    char path[PATH_MAX];
    int saved = errno;
    long len;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    len = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    errno = saved;
    return fault_at(call, path);
}

/* What stands behind us under this name. */
static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (!found) {
        complain(name);
    }
    return found;
}

/* Whole blocks, for a file that is written past the page cache. */
static size_t shorten(size_t len)
{
    return len > 8192 ? len / 2 / 4096 * 4096 : len / 2 + 1;
}

/* --- the calls --------------------------------------------------------- */

/* Fails as the fault says; a short one is left to the caller. */
#define FAIL_IF(fault)       \
    do {                     \
        if ((fault) > 0) {   \
            errno = (fault); \
            return -1;       \
        }                    \
    } while (0)

#define PWRITE(name, offset_type)                                             \
    ssize_t name(int fd, const void *bytes, size_t len, offset_type offset)   \
    {                                                                         \
        ssize_t (*real)(int, const void *, size_t, offset_type) =             \
            (ssize_t(*)(int, const void *, size_t, offset_type)) next(#name); \
        int fault = fault_on("write", fd);                                    \
                                                                              \
        FAIL_IF(fault);                                                       \
        return real(fd, bytes, fault == SHORT ? shorten(len) : len, offset);  \
    }

#define PREAD(name, offset_type)                                             \
    ssize_t name(int fd, void *bytes, size_t len, offset_type offset)        \
    {                                                                        \
        ssize_t (*real)(int, void *, size_t, offset_type) =                  \
            (ssize_t(*)(int, void *, size_t, offset_type)) next(#name);      \
        int fault = fault_on("read", fd);                                    \
                                                                             \
        FAIL_IF(fault);                                                      \
        return real(fd, bytes, fault == SHORT ? shorten(len) : len, offset); \
    }

#define FALLOCATE(name, offset_type)                                   \
    int name(int fd, int mode, offset_type offset, offset_type len)    \
    {                                                                  \
        int (*real)(int, int, offset_type, offset_type) =              \
            (int (*)(int, int, offset_type, offset_type)) next(#name); \
        int fault = fault_on("allocate", fd);                          \
                                                                       \
        FAIL_IF(fault);                                                \
        return real(fd, mode, offset, len);                            \
    }

#define FTRUNCATE(name, offset_type)                 \
    int name(int fd, offset_type len)                \
    {                                                \
        int (*real)(int, offset_type) =              \
            (int (*)(int, offset_type)) next(#name); \
        int fault = fault_on("truncate", fd);        \
                                                     \
        FAIL_IF(fault);                              \
        return real(fd, len);                        \
    }

#define SYNC(name)                                     \
    int name(int fd)                                   \
    {                                                  \
        int (*real)(int) = (int (*)(int)) next(#name); \
        int fault = fault_on("sync", fd);              \
                                                       \
        FAIL_IF(fault);                                \
        return real(fd);                               \
    }

#define OPEN(name)                                            \
    int name(const char *path, int flags, ...)                \
    {                                                         \
        int (*real)(const char *, int, ...) =                 \
            (int (*)(const char *, int, ...)) next(#name);    \
        int fault = fault_at("open", path);                   \
        mode_t mode = 0;                                      \
                                                              \
        FAIL_IF(fault);                                       \
        if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
            va_list args;                                     \
                                                              \
            va_start(args, flags);                            \
            mode = va_arg(args, mode_t);                      \
            va_end(args);                                     \
        }                                                     \
        return real(path, flags, mode);                       \
    }

/* On most systems the two of a pair are one function under two names. */
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)
PREAD(pread, off_t)
PREAD(pread64, off64_t)
FALLOCATE(fallocate, off_t)
FALLOCATE(fallocate64, off64_t)
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)
SYNC(fsync)
SYNC(fdatasync)
OPEN(open)
OPEN(open64)

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *) =
        (int (*)(const char *, const char *)) next("rename");
    int fault = fault_at("rename", from);

    FAIL_IF(fault);
    return real(from, to);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*start)(void *), void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*) (void *),
                void *) =
        (int (*)(pthread_t *, const pthread_attr_t *, void *(*) (void *),
                 void *)) next("pthread_create");
    int fault = fault_at("thread", "");

    return fault > 0 ? fault : real(thread, attributes, start, argument);
}
