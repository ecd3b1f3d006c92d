#include "guard.h"
#include "reply.h"
#include "test.h"

static struct ossdl_reply reply;

static enum ossdl_status feed(const char *line)
{
    return ossdl_reply_line(&reply, guarded_str(line));
}

/* Starts a 206 and adds this one line. */
static void answer(const char *line)
{
    ossdl_reply_reset(&reply);
    if (feed("HTTP/1.1 206 Partial Content\r\n") || feed(line)) {
        reply.status = -1;
    }
}

/* The same with two lines. */
static void answer2(const char *first, const char *second)
{
    answer(first);
    if (feed(second)) {
        reply.status = -1;
    }
}

TEST("an answer of OSS is read whole")
{
    static const char *const LINES[] = {
        "HTTP/1.1 206 Partial Content\r\n",
        "Server: AliyunOSS\r\n",
        "Date: Tue, 05 Mar 2024 07:08:09 GMT\r\n",
        "Content-Type: application/octet-stream\r\n",
        "Content-Length: 500\r\n",
        "Connection: keep-alive\r\n",
        "x-oss-request-id: 65E6C5D9B75C7C3930A1B2C3\r\n",
        "Content-Range: bytes 0-499/1000\r\n",
        "Accept-Ranges: bytes\r\n",
        "ETag: \"5B3C1A2E053D763E1B002CC607C5A0FE\"\r\n",
        "Last-Modified: Fri, 24 Feb 2012 06:07:48 GMT\r\n",
        "x-oss-object-type: Normal\r\n",
        "x-oss-hash-crc64ecma: 11051210869376104954\r\n",
        "x-oss-version-id: CAEQNhiBgMDJgZCA0BYiIDc4MGZj\r\n",
        "x-oss-ec: 0048-00000113\r\n",
        "Content-Encoding: identity\r\n",
    };

    ossdl_reply_reset(&reply);
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(LINES); i++) {
        CHECK_OK(feed(LINES[i]));
        CHECK(!reply.complete);
    }
    CHECK_OK(feed("\r\n"));
    CHECK(reply.complete);
    CHECK_U64(reply.status, 206);
    CHECK_U64(reply.date, 1709622489);
    CHECK(reply.has_content_length && reply.has_content_range);
    CHECK_U64(reply.content_length, 500);
    CHECK_U64(reply.range_start, 0);
    CHECK_U64(reply.range_end, 500);
    CHECK_U64(reply.range_total, 1000);
    CHECK(reply.range_total_known && !reply.range_unsatisfied);
    CHECK_STR(reply.etag, "\"5B3C1A2E053D763E1B002CC607C5A0FE\"");
    CHECK(!reply.etag_weak);
    CHECK_U64(reply.crc64, UINT64_C(11051210869376104954));
    CHECK(reply.has_crc64);
    CHECK_STR(reply.version_id, "CAEQNhiBgMDJgZCA0BYiIDc4MGZj");
    CHECK_STR(reply.last_modified, "Fri, 24 Feb 2012 06:07:48 GMT");
    CHECK_STR(reply.request_id, "65E6C5D9B75C7C3930A1B2C3");
    CHECK_STR(reply.ec, "0048-00000113");
    CHECK_STR(reply.content_encoding, "identity");
    CHECK_STR(reply.object_type, "Normal");
    CHECK_STR(reply.content_type, "application/octet-stream");
    CHECK_U64(reply.retry_after_s, -1);
    CHECK_U64(reply.qos_delay_ms, -1);
    CHECK_U64(reply.header_lines, OSSDL_ARRAY_LEN(LINES) + 1);
    CHECK(!reply.range_bad && !reply.content_length_bad && !reply.etag_bad);
    CHECK(!reply.crc64_bad && !reply.version_id_bad && !reply.encoding_bad);
}

TEST("a status line starts over, but the totals go on")
{
    ossdl_reply_reset(&reply);
    CHECK_OK(feed("HTTP/1.1 200 Connection established\r\n"));
    CHECK_OK(feed("ETag: \"of-the-proxy\"\r\n"));
    CHECK_OK(feed("\r\n"));
    CHECK_OK(feed("HTTP/1.1 100 Continue\r\n"));
    CHECK_OK(feed("\r\n"));
    CHECK_OK(feed("HTTP/1.1 403 Forbidden\r\n"));
    CHECK_U64(reply.status, 403);
    CHECK_STR(reply.etag, "");
    CHECK(!reply.complete);
    CHECK_U64(reply.header_lines, 6);
    CHECK_U64(reply.header_bytes, 37 + 22 + 2 + 23 + 2 + 24);
}

TEST("status lines of every HTTP version are read")
{
    static const struct {
        const char *line;
        int status;
    } CASES[] = {
        {"HTTP/1.0 200 OK\r\n", 200}, {"HTTP/1.1 999 x", 999},
        {"HTTP/2 206 \r\n", 206},     {"HTTP/3 503\n", 503},
        {"HTTP/1.1 100", 100},        {"HTTP/1.1 404\tNot Found", 404},
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(CASES); i++) {
        ossdl_reply_reset(&reply);
        CHECK_OK(feed(CASES[i].line));
        CHECK_U64(reply.status, CASES[i].status);
    }
}

TEST("a line that is nothing like HTTP ends the exchange")
{
    static const char *const WRONG[] = {
        "HTTP/",
        "HTTP/x 200 OK",
        "HTTP/1. 200 OK",
        "HTTP/1.1",
        "HTTP/1.1 ",
        "HTTP/1.1 OK",
        "HTTP/1.1 99 low",
        "HTTP/1.1 1000 high",
        "HTTP/1.1 200x",
        "HTTP/1.1  200",
        "HTTP/1.1 99999999999999999999999 x",
        "ICY 200 OK",
        "<html>",
        "",
        "\r\n",
        "ETag: \"before any status\"",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(WRONG); i++) {
        ossdl_reply_reset(&reply);
        CHECK_U64(feed(WRONG[i]), OSSDL_EPROTOCOL);
    }
}

TEST("a header needs a name that is one and a colon right after it")
{
    static const char *const WRONG[] = {
        "no colon here", ": no name", " folded: line", "\tfolded", "ETag : x",
        "E\xc3\xa9: x",  "x",         "E(T)ag: x",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(WRONG); i++) {
        ossdl_reply_reset(&reply);
        CHECK_OK(feed("HTTP/1.1 200 OK"));
        CHECK_U64(feed(WRONG[i]), OSSDL_EPROTOCOL);
    }
    CHECK_U64(ossdl_reply_line(&reply, guarded("E\0: x", 5)), OSSDL_EPROTOCOL);
    CHECK_OK(feed("x!#$%&'*+-.^_`|~09azAZ:"));
}

TEST("names are compared without regard to case and blanks are trimmed")
{
    answer("CONTENT-length: \t 42 \t\r\n");
    CHECK(reply.has_content_length);
    CHECK_U64(reply.content_length, 42);
    answer("etag:\"x\"");
    CHECK_STR(reply.etag, "\"x\"");
    answer("etagx: \"x\"");
    CHECK_STR(reply.etag, "");
}

TEST("trailers after the empty line are ignored")
{
    answer("ETag: \"a\"");
    CHECK_OK(feed("\r\n"));
    CHECK_OK(feed("ETag: \"b\"\r\n"));
    CHECK_OK(feed("not even a header"));
    CHECK_OK(feed("\r\n"));
    CHECK_STR(reply.etag, "\"a\"");
    CHECK(!reply.etag_bad);
}

TEST("a Content-Length that is not one number is bad, not guessed")
{
    static const char *const WRONG[] = {
        "Content-Length:",
        "Content-Length: -1",
        "Content-Length: +1",
        "Content-Length: 1x",
        "Content-Length: 1, 1",
        "Content-Length: 0x10",
        "Content-Length: 18446744073709551616",
        "Content-Length: 99999999999999999999999",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(WRONG); i++) {
        answer(WRONG[i]);
        CHECK_U64(reply.status, 206);
        CHECK(reply.content_length_bad && !reply.has_content_length);
    }
    answer("Content-Length: 18446744073709551615");
    CHECK(reply.has_content_length && !reply.content_length_bad);
    CHECK_U64(reply.content_length, UINT64_MAX);
}

TEST("Content-Range is read in its three forms")
{
    answer("Content-Range: bytes 500-999/1000");
    CHECK(reply.has_content_range && reply.range_total_known);
    CHECK_U64(reply.range_start, 500);
    CHECK_U64(reply.range_end, 1000);
    CHECK_U64(reply.range_total, 1000);
    answer("Content-Range: Bytes  7-7/*");
    CHECK(reply.has_content_range && !reply.range_total_known);
    CHECK_U64(reply.range_start, 7);
    CHECK_U64(reply.range_end, 8);
    answer("Content-Range: bytes */1000");
    CHECK(reply.has_content_range && reply.range_unsatisfied);
    CHECK(reply.range_total_known);
    CHECK_U64(reply.range_total, 1000);
    answer("Content-Range: bytes 0-18446744073709551614/18446744073709551615");
    CHECK(reply.has_content_range);
    CHECK_U64(reply.range_end, UINT64_MAX);
}

TEST("a Content-Range that makes no sense is bad")
{
    static const char *const WRONG[] = {
        "Content-Range:",
        "Content-Range: bytes",
        "Content-Range: bytes ",
        "Content-Range: bytes=0-4/10",
        "Content-Range: octets 0-4/10",
        "Content-Range: bytes 0-4",
        "Content-Range: bytes 0-4/",
        "Content-Range: bytes 0/10",
        "Content-Range: bytes -4/10",
        "Content-Range: bytes 4-/10",
        "Content-Range: bytes 4-3/10",
        "Content-Range: bytes 0-10/10",
        "Content-Range: bytes 0-4/3",
        "Content-Range: bytes 0-4/10x",
        "Content-Range: bytes 0-4/10, bytes 5-9/10",
        "Content-Range: bytes */*",
        "Content-Range: bytes */",
        "Content-Range: bytes *-4/10",
        "Content-Range: bytes 0-18446744073709551615/*",
        "Content-Range: bytes 0-4/18446744073709551616",
        "Content-Range: bytes 18446744073709551616-4/10",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(WRONG); i++) {
        answer(WRONG[i]);
        CHECK_U64(reply.status, 206);
        CHECK(reply.range_bad && !reply.has_content_range);
        CHECK(!reply.range_total_known && reply.range_end == 0);
    }
}

TEST("a header that matters may come twice only with the same value")
{
    answer2("Content-Length: 5", "Content-Length: 5");
    CHECK(reply.has_content_length && !reply.content_length_bad);
    answer2("Content-Length: 5", "Content-Length: 6");
    CHECK(reply.content_length_bad && !reply.has_content_length);
    CHECK_OK(feed("Content-Length: 5"));
    CHECK(reply.content_length_bad && !reply.has_content_length);

    answer2("Content-Range: bytes 0-4/9", "Content-Range: bytes 0-4/9");
    CHECK(reply.has_content_range && !reply.range_bad);
    answer2("Content-Range: bytes 0-4/9", "Content-Range: bytes 0-3/9");
    CHECK(reply.range_bad && !reply.has_content_range);
    CHECK_OK(feed("Content-Range: bytes 0-4/9"));
    CHECK(reply.range_bad && !reply.has_content_range);
    answer2("Content-Range: bytes 0-4/9", "Content-Range: bytes 1-4/9");
    CHECK(reply.range_bad);
    answer2("Content-Range: bytes 0-4/9", "Content-Range: bytes 0-4/8");
    CHECK(reply.range_bad);
    answer2("Content-Range: bytes 0-4/9", "Content-Range: bytes 0-4/*");
    CHECK(reply.range_bad);
    answer2("Content-Range: bytes */0", "Content-Range: bytes 0-0/1");
    CHECK(reply.range_bad && !reply.range_unsatisfied);

    answer2("ETag: \"a\"", "ETag: \"a\"");
    CHECK_STR(reply.etag, "\"a\"");
    answer2("ETag: \"a\"", "ETag: \"A\"");
    CHECK(reply.etag_bad);
    CHECK_STR(reply.etag, "");
    CHECK_OK(feed("ETag: \"a\""));
    CHECK_STR(reply.etag, "");

    answer2("x-oss-hash-crc64ecma: 0", "x-oss-hash-crc64ecma: 1");
    CHECK(reply.crc64_bad && !reply.has_crc64);
    answer2("x-oss-version-id: a", "x-oss-version-id: b");
    CHECK(reply.version_id_bad);
    CHECK_STR(reply.version_id, "");
    answer2("Content-Encoding: gzip", "Content-Encoding: br");
    CHECK(reply.encoding_bad);
}

TEST("an ETag is kept verbatim, and what is none is bad")
{
    static const char *const WRONG[] = {
        "ETag:",
        "ETag: \"\"",
        "ETag: \"",
        "ETag: \"a",
        "ETag: a\"",
        "ETag: a\"b",
        "ETag: \"a\"b\"",
        "ETag: W/",
        "ETag: W/\"\"",
        "ETag: two words",
        "ETag: a,b",
        "ETag: \"a\", \"b\"",
        "ETag: \"bell\x07\"",
        "ETag: \"del\x7f\"",
    };

    answer("ETag: \"null\"");
    CHECK_STR(reply.etag, "\"null\"");
    answer("ETag: \"with blanks, commas\"");
    CHECK_STR(reply.etag, "\"with blanks, commas\"");
    answer("ETag: D41D8CD9-2");
    CHECK_STR(reply.etag, "D41D8CD9-2");
    answer("ETag: W/\"x\"");
    CHECK_STR(reply.etag, "W/\"x\"");
    CHECK(reply.etag_weak && !reply.etag_bad);
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(WRONG); i++) {
        answer(WRONG[i]);
        CHECK_U64(reply.status, 206);
        CHECK(reply.etag_bad);
        CHECK_STR(reply.etag, "");
    }
    ossdl_reply_reset(&reply);
    CHECK_OK(feed("HTTP/1.1 206 x"));
    CHECK_OK(ossdl_reply_line(&reply, guarded("ETag: \"a\0b\"", 11)));
    CHECK(reply.etag_bad);
}

TEST("a text as long as its place fits, and a longer one does not")
{
    char line[300];

    for (size_t len = 150; len < 170; len++) {
        snprintf(line, sizeof line, "ETag: \"%0*d\"", (int) len - 2, 0);
        answer(line);
        CHECK_U64(strlen(reply.etag), len < OSSDL_ETAG_SIZE ? len : 0);
        CHECK(reply.etag_bad == (len >= OSSDL_ETAG_SIZE));
    }
    snprintf(line, sizeof line, "x-oss-version-id: %0*d", 128, 0);
    answer(line);
    CHECK(reply.version_id_bad);
    snprintf(line, sizeof line, "x-oss-request-id: %0*d", 64, 0);
    answer(line);
    CHECK_STR(reply.request_id, "");
    CHECK_OK(feed("x-oss-request-id: short"));
    CHECK_STR(reply.request_id, "short");
    CHECK_OK(feed("x-oss-request-id: late"));
    CHECK_STR(reply.request_id, "short");
    answer("x-oss-ec:");
    CHECK_STR(reply.ec, "");
    answer("x-oss-ec: esc\x1b[31m");
    CHECK_STR(reply.ec, "");
}

TEST("the CRC is any unsigned 64-bit number and nothing else")
{
    answer("x-oss-hash-crc64ecma: 0");
    CHECK(reply.has_crc64 && !reply.crc64_bad);
    answer("x-oss-hash-crc64ecma: 18446744073709551615");
    CHECK_U64(reply.crc64, UINT64_MAX);
    answer("x-oss-hash-crc64ecma: 18446744073709551616");
    CHECK(reply.crc64_bad && !reply.has_crc64);
    answer("x-oss-hash-crc64ecma: deadbeef");
    CHECK(reply.crc64_bad);
}

TEST("Retry-After is seconds, or a date against the server's clock")
{
    answer("Retry-After: 120");
    CHECK_U64(reply.retry_after_s, 120);
    answer("Retry-After: 99999999999");
    CHECK_U64(reply.retry_after_s, INT32_MAX);
    answer("Retry-After: 99999999999999999999999");
    CHECK_U64(reply.retry_after_s, -1);
    answer("Retry-After: soon");
    CHECK_U64(reply.retry_after_s, -1);
    answer("Retry-After: Tue, 05 Mar 2024 07:08:39 GMT");
    CHECK_U64(reply.retry_after_s, -1);
    CHECK_OK(feed("Date: Tue, 05 Mar 2024 07:08:09 GMT"));
    CHECK_U64(reply.retry_after_s, 30);
    answer2("Date: Tue, 05 Mar 2024 07:08:09 GMT",
            "Retry-After: Tue, 05 Mar 2024 07:08:00 GMT");
    CHECK_U64(reply.retry_after_s, 0);
    answer("x-oss-qos-delay-time: 150");
    CHECK_U64(reply.qos_delay_ms, 150);
    answer("x-oss-qos-delay-time: x");
    CHECK_U64(reply.qos_delay_ms, -1);
    answer("Date: nonsense");
    CHECK_U64(reply.date, 0);
}

TEST("the other headers that decide something are noticed")
{
    answer("Transfer-Encoding: chunked");
    CHECK(reply.chunked);
    answer("Transfer-Encoding: identity");
    CHECK(!reply.chunked);
    answer("x-oss-delete-marker: True");
    CHECK(reply.delete_marker);
    answer("x-oss-delete-marker: false");
    CHECK(!reply.delete_marker);
    answer("Location: https://other.example/");
    CHECK_STR(reply.location, "https://other.example/");
    answer("Content-Encoding:");
    CHECK(!reply.encoding_bad);
    answer("Content-Encoding: gzip");
    CHECK_STR(reply.content_encoding, "gzip");
}

TEST("a line, the number of lines and the sum of bytes are bounded")
{
    static char line[OSSDL_REPLY_LINE_BYTES + 2];
    unsigned lines = 1;

    memset(line, 'x', sizeof line);
    line[1] = ':';
    answer("Server: x");
    CHECK_OK(ossdl_reply_line(&reply, guarded(line, OSSDL_REPLY_LINE_BYTES)));
    CHECK_U64(
        ossdl_reply_line(&reply, guarded(line, OSSDL_REPLY_LINE_BYTES + 1)),
        OSSDL_EPROTOCOL);

    ossdl_reply_reset(&reply);
    CHECK_OK(feed("HTTP/1.1 200 OK"));
    while (lines < OSSDL_REPLY_LINES) {
        CHECK_OK(feed("a: b"));
        lines++;
    }
    CHECK_U64(feed("a: b"), OSSDL_EPROTOCOL);
    CHECK_U64(feed("HTTP/1.1 200 OK"), OSSDL_EPROTOCOL);

    ossdl_reply_reset(&reply);
    CHECK_OK(feed("HTTP/1.1 200 OK"));
    for (int i = 0; i < 3; i++) {
        CHECK_OK(
            ossdl_reply_line(&reply, guarded(line, OSSDL_REPLY_LINE_BYTES)));
    }
    CHECK_OK(
        ossdl_reply_line(&reply, guarded(line, OSSDL_REPLY_LINE_BYTES - 15)));
    CHECK_U64(reply.header_bytes, OSSDL_REPLY_BYTES);
    CHECK_OK(feed(""));
    CHECK_U64(feed("\n"), OSSDL_EPROTOCOL);
}

TEST("an endless series of informational answers meets the bounds as well")
{
    unsigned blocks = 0;

    ossdl_reply_reset(&reply);
    while (blocks < 1000 && !feed("HTTP/1.1 100 Continue\r\n") &&
           !feed("\r\n")) {
        blocks++;
    }
    CHECK_U64(blocks, OSSDL_REPLY_LINES / 2);
}

TEST("an answer cut at any byte is read without a step too far")
{
    static const char LINE[] = "Content-Range: bytes 500-999/1000\r\n";
    static const char STATUS[] = "HTTP/1.1 206 Partial Content\r\n";

    for (size_t len = 0; len < sizeof STATUS; len++) {
        ossdl_reply_reset(&reply);
        (void) !ossdl_reply_line(&reply, guarded(STATUS, len));
    }
    for (size_t len = 0; len < sizeof LINE; len++) {
        answer("Server: x");
        (void) !ossdl_reply_line(&reply, guarded(LINE, len));
        CHECK(!reply.has_content_range || reply.range_start == 500);
    }
}

TEST_MAIN()
