#include "httpdate.h"

#include "ascii.h"

/* Three letters each, so that the index is offset / 3. */
static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char WEEKDAYS[] = "MonTueWedThuFriSatSun";

struct moment {
    unsigned year, month, day; /* month and day from 1 */
    unsigned hour, minute, second;
};

/* Digits at a fixed place of a text that is long enough. */
static bool number_at(struct ossdl_slice text, size_t at, size_t digits,
                      unsigned *out)
{
    unsigned value = 0;

    for (size_t i = at; i < at + digits; i++) {
        if (!ossdl_is_digit(text.ptr[i])) {
            return false;
        }
        value = value * 10 + (unsigned) (text.ptr[i] - '0');
    }
    *out = value;
    return true;
}

/* Compares with a pattern in which '_' stands for any byte. */
static bool looks_like(struct ossdl_slice text, const char *pattern)
{
    if (text.len != strlen(pattern)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (pattern[i] != '_' && pattern[i] != text.ptr[i]) {
            return false;
        }
    }
    return true;
}

/* 1 for the first name of the list, 0 if there is no such name. */
static unsigned name_at(struct ossdl_slice text, size_t at, const char *names)
{
    for (unsigned i = 0; names[3 * i]; i++) {
        if (memcmp(text.ptr + at, names + 3 * i, 3) == 0) {
            return i + 1;
        }
    }
    return 0;
}

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_in(unsigned year, unsigned month)
{
    static const unsigned char DAYS[] = {31, 28, 31, 30, 31, 30,
                                         31, 31, 30, 31, 30, 31};
    return DAYS[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u);
}

/* Days from 1970-01-01, for years from 1970. */
static int64_t days_before(unsigned year, unsigned month, unsigned day)
{
    int64_t past = (int64_t) year - 1; /* whole years since year 1 */
    int64_t days = past * 365 + past / 4 - past / 100 + past / 400 - 719162;

    for (unsigned m = 1; m < month; m++) {
        days += days_in(year, m);
    }
    return days + day - 1;
}

static bool seconds_of(const struct moment *moment, int64_t *out_seconds)
{
    /* 60 is a leap second, which the count of seconds does not have */
    if (moment->year < 1970 || moment->month < 1 || moment->month > 12 ||
        moment->day < 1 || moment->day > days_in(moment->year, moment->month) ||
        moment->hour > 23 || moment->minute > 59 || moment->second > 60) {
        return false;
    }
    *out_seconds =
        days_before(moment->year, moment->month, moment->day) * 86400 +
        (int64_t) moment->hour * 3600 + (int64_t) moment->minute * 60 +
        moment->second;
    return true;
}

bool ossdl_httpdate_parse(struct ossdl_slice text, int64_t *out_seconds)
{
    struct moment moment;

    if (!looks_like(text, "___, __ ___ ____ __:__:__ GMT") ||
        !name_at(text, 0, WEEKDAYS)) {
        return false;
    }
    moment.month = name_at(text, 8, MONTHS);
    return number_at(text, 5, 2, &moment.day) &&
           number_at(text, 12, 4, &moment.year) &&
           number_at(text, 17, 2, &moment.hour) &&
           number_at(text, 20, 2, &moment.minute) &&
           number_at(text, 23, 2, &moment.second) &&
           seconds_of(&moment, out_seconds);
}

bool ossdl_isodate_parse(struct ossdl_slice text, int64_t *out_seconds)
{
    struct moment moment;
    unsigned milliseconds;

    if (looks_like(text, "____-__-__T__:__:__.___Z")) {
        if (!number_at(text, 20, 3, &milliseconds)) {
            return false;
        }
    } else if (!looks_like(text, "____-__-__T__:__:__Z")) {
        return false;
    }
    return number_at(text, 0, 4, &moment.year) &&
           number_at(text, 5, 2, &moment.month) &&
           number_at(text, 8, 2, &moment.day) &&
           number_at(text, 11, 2, &moment.hour) &&
           number_at(text, 14, 2, &moment.minute) &&
           number_at(text, 17, 2, &moment.second) &&
           seconds_of(&moment, out_seconds);
}
