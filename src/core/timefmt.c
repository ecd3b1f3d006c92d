#include "timefmt.h"

#include <string.h>

#define DAY_SECONDS 86400
#define YEAR_10000 253402300800

struct moment {
    unsigned year;
    unsigned month;   /* 1 to 12 */
    unsigned day;     /* 1 to 31 */
    unsigned weekday; /* 0: Sunday */
    unsigned hour;
    unsigned minute;
    unsigned second;
};

/*
 * The Gregorian date of a day number. Years are counted from March, so that
 * the leap day is a year's last, and in eras of 400 years, which all have
 * 146097 days; 719468 days lie between 0000-03-01 and 1970-01-01.
 */
static void split_day(uint32_t days, struct moment *out)
{
    uint32_t shifted = days + 719468;
    uint32_t era = shifted / 146097;
    uint32_t of_era = shifted % 146097;
    uint32_t year =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint32_t month = (5 * of_year + 2) / 153; /* 0: March */

    out->day = of_year - (153 * month + 2) / 5 + 1;
    out->month = month < 10 ? month + 3 : month - 9;
    out->year = era * 400 + year + (out->month <= 2 ? 1 : 0);
    out->weekday = (days + 4) % 7; /* 1970-01-01 was a Thursday */
}

static enum ossdl_status split(int64_t unix_s, struct moment *out)
{
    uint32_t of_day;

    if (unix_s < 0 || unix_s >= YEAR_10000) {
        return OSSDL_EINVALID;
    }
    split_day((uint32_t) (unix_s / DAY_SECONDS), out);
    of_day = (uint32_t) (unix_s % DAY_SECONDS);
    out->hour = of_day / 3600;
    out->minute = of_day / 60 % 60;
    out->second = of_day % 60;
    return OSSDL_OK;
}

/* Exactly `digits` digits; returns where to go on. */
static char *put_number(char *out, unsigned number, size_t digits)
{
    for (size_t i = digits; i > 0; i--) {
        out[i - 1] = (char) ('0' + number % 10);
        number /= 10;
    }
    return out + digits;
}

static char *put_text(char *out, const char *text, size_t len)
{
    memcpy(out, text, len);
    return out + len;
}

static char *put_day(char *out, const struct moment *moment)
{
    out = put_number(out, moment->year, 4);
    out = put_number(out, moment->month, 2);
    return put_number(out, moment->day, 2);
}

enum ossdl_status ossdl_time_iso(int64_t unix_s, char out[OSSDL_TIME_ISO_BYTES])
{
    struct moment moment;
    enum ossdl_status status = split(unix_s, &moment);

    if (status == OSSDL_OK) {
        out = put_day(out, &moment);
        *out++ = 'T';
        out = put_number(out, moment.hour, 2);
        out = put_number(out, moment.minute, 2);
        out = put_number(out, moment.second, 2);
        *out++ = 'Z';
        *out = '\0';
    }
    return status;
}

enum ossdl_status ossdl_time_http(int64_t unix_s,
                                  char out[OSSDL_TIME_HTTP_BYTES])
{
    static const char WEEKDAYS[] = "Sun, Mon, Tue, Wed, Thu, Fri, Sat, ";
    static const char MONTHS[] =
        " Jan  Feb  Mar  Apr  May  Jun  Jul  Aug  Sep  Oct  Nov  Dec ";
    struct moment moment;
    enum ossdl_status status = split(unix_s, &moment);

    if (status == OSSDL_OK) {
        out = put_text(out, WEEKDAYS + (size_t) moment.weekday * 5, 5);
        out = put_number(out, moment.day, 2);
        out = put_text(out, MONTHS + (size_t) (moment.month - 1) * 5, 5);
        out = put_number(out, moment.year, 4);
        *out++ = ' ';
        out = put_number(out, moment.hour, 2);
        *out++ = ':';
        out = put_number(out, moment.minute, 2);
        *out++ = ':';
        out = put_number(out, moment.second, 2);
        out = put_text(out, " GMT", 4);
        *out = '\0';
    }
    return status;
}
