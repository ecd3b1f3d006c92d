#include "test.h"
#include "timefmt.h"

#define CHECK_TIME(unix_s, expect_iso, expect_http) \
    do {                                            \
        char iso[OSSDL_TIME_ISO_BYTES];             \
        char http[OSSDL_TIME_HTTP_BYTES];           \
        CHECK_OK(ossdl_time_iso(unix_s, iso));      \
        CHECK_OK(ossdl_time_http(unix_s, http));    \
        CHECK_STR(iso, expect_iso);                 \
        CHECK_STR(http, expect_http);               \
    } while (0)

TEST("a moment is written in the two forms of OSS")
{
    CHECK_TIME(1709622489, "20240305T070809Z", "Tue, 05 Mar 2024 07:08:09 GMT");
}

TEST("the first and the last moment are written")
{
    CHECK_TIME(0, "19700101T000000Z", "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK_TIME(253402300799, "99991231T235959Z",
               "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST("leap days fall where the Gregorian calendar has them")
{
    CHECK_TIME(951782400, "20000229T000000Z", "Tue, 29 Feb 2000 00:00:00 GMT");
    CHECK_TIME(951868800, "20000301T000000Z", "Wed, 01 Mar 2000 00:00:00 GMT");
    CHECK_TIME(1709251199, "20240229T235959Z", "Thu, 29 Feb 2024 23:59:59 GMT");
    CHECK_TIME(4107542400, "21000301T000000Z", "Mon, 01 Mar 2100 00:00:00 GMT");
    CHECK_TIME(4107542399, "21000228T235959Z", "Sun, 28 Feb 2100 23:59:59 GMT");
}

TEST("each month has its name")
{
    static const char *const NAMES[] = {"Jan", "Feb", "Mar", "Apr",
                                        "May", "Jun", "Jul", "Aug",
                                        "Sep", "Oct", "Nov", "Dec"};
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t at = 1672531200; /* 2023-01-01 */

    for (size_t month = 0; month < 12; month++) {
        char http[OSSDL_TIME_HTTP_BYTES];

        CHECK_OK(ossdl_time_http(at, http));
        CHECK(strncmp(http + 5, "01 ", 3) == 0);
        CHECK(strncmp(http + 8, NAMES[month], 3) == 0);
        at += DAYS[month] * 86400;
    }
}

/* Counts days one by one, the way a calendar on the wall does. */
TEST("every day from 1970 to 2500 follows the one before")
{
    unsigned year = 1970;
    unsigned month = 1;
    unsigned day = 1;

    for (int64_t number = 0; year < 2500; number++) {
        static const unsigned DAYS[] = {31, 28, 31, 30, 31, 30,
                                        31, 31, 30, 31, 30, 31};
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        char out[OSSDL_TIME_ISO_BYTES];
        char expected[32];

        CHECK_OK(ossdl_time_iso(number * 86400 + 86399, out));
        snprintf(expected, sizeof expected, "%04u%02u%02uT235959Z", year, month,
                 day);
        CHECK_STR(out, expected);
        if (++day > DAYS[month - 1] + (month == 2 && leap ? 1 : 0)) {
            day = 1;
            month = month == 12 ? 1 : month + 1;
            year += month == 1 ? 1 : 0;
        }
    }
}

TEST("moments outside of 1970 to 9999 are refused")
{
    static const int64_t MOMENTS[] = {-1, INT64_MIN, 253402300800, INT64_MAX};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(MOMENTS); i++) {
        char iso[OSSDL_TIME_ISO_BYTES];
        char http[OSSDL_TIME_HTTP_BYTES];

        CHECK_U64(ossdl_time_iso(MOMENTS[i], iso), OSSDL_EINVALID);
        CHECK_U64(ossdl_time_http(MOMENTS[i], http), OSSDL_EINVALID);
    }
}

TEST_MAIN()
