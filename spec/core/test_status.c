#include "status.h"

#include "test.h"

#include <errno.h>

TEST("every status has a name and a sentence")
{
    for (int i = 0; i < OSSDL_STATUS_COUNT; i++) {
        CHECK(ossdl_status_name((enum ossdl_status) i)[0] != '\0');
        CHECK(ossdl_status_text((enum ossdl_status) i)[0] != '\0');
    }
    CHECK_STR(ossdl_status_name((enum ossdl_status) 999), "unknown");
    CHECK_STR(ossdl_status_text((enum ossdl_status) 999), "unknown status");
}

TEST("a message is one line and is cut, not overrun")
{
    struct ossdl_error err;
    char longer[2000];

    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    CHECK_U64(ossdl_error_set(&err, OSSDL_EIO, "a\nb", "one\ntwo\t%s", "three"),
              OSSDL_EIO);
    CHECK_STR(err.message, "one two three");
    CHECK_STR(err.code, "a b");
    ossdl_error_set(&err, OSSDL_EIO, longer, "%s", longer);
    CHECK_U64(strlen(err.message), sizeof err.message - 1);
    CHECK_U64(strlen(err.code), sizeof err.code - 1);
}

TEST("setting an error without a place for it only passes the status on")
{
    CHECK_U64(ossdl_error_set(NULL, OSSDL_EBUSY, NULL, "x"), OSSDL_EBUSY);
    CHECK_U64(ossdl_error_errno(NULL, EIO, "x"), OSSDL_EIO);
    CHECK_U64(ossdl_error_memory(NULL), OSSDL_EMEMORY);
}

TEST("a failed system call gives the errno's name, its words and advice")
{
    struct ossdl_error err;

    CHECK_U64(ossdl_error_errno(&err, ENOSPC, "cannot write %s", "/a/b"),
              OSSDL_EIO);
    CHECK_STR(err.code, "ENOSPC");
    CHECK_U64(err.sys_errno, ENOSPC);
    CHECK(strstr(err.message, "cannot write /a/b: No space left") != NULL);
    CHECK(strstr(err.message, "free some space") != NULL);
}

TEST("an errno that is not in the table is given by its number")
{
    struct ossdl_error err;
    char name[16];

    ossdl_error_errno(&err, 4242, "x");
    CHECK_STR(err.code, "E4242");
    CHECK_STR(ossdl_errno_name(EINTR, name), "EINTR");
}

TEST("out of memory is its own status, also as an errno")
{
    struct ossdl_error err;

    CHECK_U64(ossdl_error_errno(&err, ENOMEM, "x"), OSSDL_EMEMORY);
    CHECK_U64(ossdl_error_memory(&err), OSSDL_EMEMORY);
    CHECK_STR(err.code, "ENOMEM");
}

TEST_MAIN()
