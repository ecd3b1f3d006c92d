#include "status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *text;
} STATUSES[OSSDL_STATUS_COUNT] = {
#define OSSDL_STATUS_ROW(constant, name, meaning) {name, meaning},
    OSSDL_STATUS_MAP(OSSDL_STATUS_ROW)
#undef OSSDL_STATUS_ROW
};

/* The errnos that a download meets, and what to do about them. */
static const struct {
    int number;
    const char *name;
    const char *advice;
} ERRNOS[] = {
    {EACCES, "EACCES", "check the permissions of the file and its folder"},
    {EPERM, "EPERM", "check the permissions and attributes of the file"},
    {ENOENT, "ENOENT", "check that the folder exists"},
    {ENOTDIR, "ENOTDIR", "a part of the path is not a folder"},
    {EISDIR, "EISDIR", "choose a file name that is not a folder"},
    {ELOOP, "ELOOP", "a symbolic link stands there; remove it"},
    {ENOSPC, "ENOSPC", "free some space and start again"},
    {EDQUOT, "EDQUOT",
     "the disk quota is used up; free some space and start "
     "again"},
    {EFBIG, "EFBIG",
     "the file system or a limit (ulimit -f) allows no file "
     "of this size"},
    {EROFS, "EROFS", "the file system is mounted read-only"},
    {EIO, "EIO", "the disk reports an error; check the kernel's log"},
    {EMFILE, "EMFILE", "raise ulimit -n or use fewer threads"},
    {ENFILE, "ENFILE", "the system's limit of open files is reached"},
    {ENAMETOOLONG, "ENAMETOOLONG", "choose a shorter file name"},
    {EAGAIN, "EAGAIN",
     "a limit of the system is reached (ulimit -u); use "
     "fewer threads"},
    {ENOMEM, "ENOMEM", "use fewer threads"},
    {EEXIST, "EEXIST", NULL},
    {EINTR, "EINTR", NULL},
    {EINVAL, "EINVAL", NULL},
    {EBADF, "EBADF", NULL},
    {EBUSY, "EBUSY", NULL},
    {EXDEV, "EXDEV", NULL},
    {ESTALE, "ESTALE", "the network file system lost the file; start again"},
    {ETXTBSY, "ETXTBSY", "the file is being executed"},
    {EOPNOTSUPP, "EOPNOTSUPP", NULL},
    {ENOSYS, "ENOSYS", NULL},
    {ENOTEMPTY, "ENOTEMPTY", NULL},
};

const char *ossdl_status_name(enum ossdl_status status)
{
    return (unsigned) status < OSSDL_STATUS_COUNT ? STATUSES[status].name
                                                  : "unknown";
}

const char *ossdl_status_text(enum ossdl_status status)
{
    return (unsigned) status < OSSDL_STATUS_COUNT ? STATUSES[status].text
                                                  : "unknown status";
}

const char *ossdl_errno_name(int sys_errno, char buffer[16])
{
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(ERRNOS); i++) {
        if (ERRNOS[i].number == sys_errno) {
            return ERRNOS[i].name;
        }
    }
    snprintf(buffer, 16, "E%d", sys_errno);
    return buffer;
}

static const char *errno_advice(int sys_errno)
{
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(ERRNOS); i++) {
        if (ERRNOS[i].number == sys_errno) {
            return ERRNOS[i].advice;
        }
    }
    return NULL;
}

/* A message is one line wherever it is printed. */
static void flatten(char *text)
{
    for (; *text; text++) {
        if ((unsigned char) *text < 0x20 || *text == 0x7f) {
            *text = ' ';
        }
    }
}

static void reset(struct ossdl_error *err, enum ossdl_status status,
                  const char *code)
{
    memset(err, 0, sizeof *err);
    err->status = status;
    if (code) {
        snprintf(err->code, sizeof err->code, "%s", code);
        flatten(err->code);
    }
}

enum ossdl_status ossdl_error_set(struct ossdl_error *err,
                                  enum ossdl_status status, const char *code,
                                  const char *format, ...)
{
    if (err) {
        va_list args;

        reset(err, status, code);
        va_start(args, format);
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
        flatten(err->message);
    }
    return status;
}

enum ossdl_status ossdl_error_errno(struct ossdl_error *err, int sys_errno,
                                    const char *format, ...)
{
    enum ossdl_status status = sys_errno == ENOMEM ? OSSDL_EMEMORY : OSSDL_EIO;

    if (err) {
        char name[16];
        char what[256];
        const char *advice = errno_advice(sys_errno);
        size_t used;
        va_list args;

        reset(err, status, ossdl_errno_name(sys_errno, name));
        err->sys_errno = sys_errno;
        va_start(args, format);
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
        used = strlen(err->message);
        snprintf(err->message + used, sizeof err->message - used, ": %s%s%s",
                 strerror_r(sys_errno, what, sizeof what), advice ? "; " : "",
                 advice ? advice : "");
        flatten(err->message);
    }
    return status;
}

enum ossdl_status ossdl_error_memory(struct ossdl_error *err)
{
    return ossdl_error_set(err, OSSDL_EMEMORY, "ENOMEM",
                           "out of memory; use fewer threads");
}
