#include "guard.h"
#include "httpdate.h"
#include "test.h"

static int64_t http_seconds(const char *text)
{
    int64_t seconds = -1;

    if (!ossdl_httpdate_parse(guarded_str(text), &seconds)) {
        return seconds == -1 ? -1 : -2; /* -2: touched in spite of the error */
    }
    return seconds;
}

static int64_t iso_seconds(const char *text)
{
    int64_t seconds = -1;

    if (!ossdl_isodate_parse(guarded_str(text), &seconds)) {
        return seconds == -1 ? -1 : -2;
    }
    return seconds;
}

TEST("an HTTP date becomes seconds since 1970")
{
    CHECK_U64(http_seconds("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    CHECK_U64(http_seconds("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    CHECK_U64(http_seconds("Tue, 05 Mar 2024 07:08:09 GMT"), 1709622489);
    CHECK_U64(http_seconds("Tue, 29 Feb 2000 23:59:59 GMT"), 951868799);
    CHECK_U64(http_seconds("Wed, 31 Dec 2008 23:59:60 GMT"), 1230768000);
    CHECK_U64(http_seconds("Fri, 31 Dec 9999 23:59:59 GMT"),
              UINT64_C(253402300799));
}

TEST("every day of four centuries follows the one before it")
{
    static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr",
                                         "May", "Jun", "Jul", "Aug",
                                         "Sep", "Oct", "Nov", "Dec"};
    int64_t expected = 0;

    for (int year = 1970; year < 2370; year++) {
        for (int month = 0; month < 12; month++) {
            for (int day = 1; day <= 31; day++) {
                char text[80];
                int64_t seconds;

                snprintf(text, sizeof text, "Mon, %02d %s %04d 00:00:00 GMT",
                         day, MONTHS[month], year);
                seconds = http_seconds(text);
                if (seconds == -1) {
                    CHECK(day > 28);
                    continue;
                }
                CHECK_U64(seconds, expected);
                expected += 86400;
            }
        }
    }
    CHECK_U64(expected, UINT64_C(146097) * 86400);
}

TEST("an HTTP date that is not exactly one is refused")
{
    static const char *const WRONG[] = {
        "",
        "Sun, 06 Nov 1994 08:49:37 GM",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Xyz, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nop 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 2100 08:49:37 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, x6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 19x4 08:49:37 GMT",
        "Sun, 06 Nov 1994 0x:49:37 GMT",
        "Sun, 06 Nov 1994 08:4/:37 GMT",
        "Sun, 06 Nov 1994 08:49:3: GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(WRONG); i++) {
        CHECK_U64(http_seconds(WRONG[i]), -1);
    }
}

TEST("a date of a body becomes seconds since 1970, with or without fraction")
{
    CHECK_U64(iso_seconds("2024-03-05T07:08:09Z"), 1709622489);
    CHECK_U64(iso_seconds("2024-03-05T07:08:09.999Z"), 1709622489);
}

TEST("a date of a body that is not exactly one is refused")
{
    static const char *const WRONG[] = {
        "",
        "2024-03-05T07:08:09",
        "2024-03-05T07:08:09.99xZ",
        "2024-03-05 07:08:09Z",
        "2024-13-05T07:08:09Z",
        "2024-00-05T07:08:09Z",
        "x024-03-05T07:08:09Z",
        "2024-x3-05T07:08:09Z",
        "2024-03-x5T07:08:09Z",
        "2024-03-05Tx7:08:09Z",
        "2024-03-05T07:x8:09Z",
        "2024-03-05T07:08:x9Z",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(WRONG); i++) {
        CHECK_U64(iso_seconds(WRONG[i]), -1);
    }
}

TEST_MAIN()
