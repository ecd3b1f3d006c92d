#include "identity.h"
#include "test.h"

static struct ossdl_reply reply;
static struct ossdl_identity identity;
static struct ossdl_error error;

static void set(char *field, size_t size, const char *value)
{
    snprintf(field, size, "%s", value);
}

/* A good answer: bytes 0 to 500 of 1000. */
static void partial(uint64_t start, uint64_t end, uint64_t total)
{
    ossdl_reply_reset(&reply);
    reply.status = 206;
    reply.has_content_length = true;
    reply.content_length = end - start;
    reply.has_content_range = true;
    reply.range_start = start;
    reply.range_end = end;
    reply.range_total = total;
    reply.range_total_known = true;
    reply.has_crc64 = true;
    reply.crc64 = 77;
    set(reply.etag, sizeof reply.etag, "\"E\"");
    set(reply.version_id, sizeof reply.version_id, "V");
    set(reply.last_modified, sizeof reply.last_modified, "yesterday");
}

static void whole(uint64_t size)
{
    partial(0, size, 0);
    reply.status = 200;
    reply.has_content_range = false;
    reply.range_total_known = false;
    reply.range_end = 0;
}

static enum ossdl_status read_from(uint64_t asked_start)
{
    memset(&error, 0, sizeof error);
    return ossdl_identity_from_reply(&reply, asked_start, &identity, &error);
}

static enum ossdl_status check(uint64_t start, uint64_t end)
{
    memset(&error, 0, sizeof error);
    return ossdl_reply_check_part(&reply, &identity, start, end, &error);
}

/* An identity as the first answer gives it, and a good part of it. */
static void begin(void)
{
    partial(0, 500, 1000);
    if (read_from(0)) {
        memset(&identity, 0, sizeof identity);
    }
    partial(500, 1000, 1000);
}

TEST("a partial answer tells the identity")
{
    partial(0, 500, 1000);
    CHECK_OK(read_from(0));
    CHECK_U64(identity.size, 1000);
    CHECK_STR(identity.etag, "\"E\"");
    CHECK_STR(identity.version_id, "V");
    CHECK_STR(identity.last_modified, "yesterday");
    CHECK(identity.has_crc64 && !identity.symlink);
    CHECK_U64(identity.crc64, 77);
    partial(500, 1000, 1000);
    CHECK_OK(read_from(500));
}

TEST("a whole answer tells the identity when the start was wanted")
{
    whole(1000);
    reply.has_crc64 = false;
    set(reply.object_type, sizeof reply.object_type, "Symlink");
    CHECK_OK(read_from(0));
    CHECK_U64(identity.size, 1000);
    CHECK(!identity.has_crc64 && identity.symlink);
    CHECK_U64(read_from(1), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "ignores the range"));
    reply.chunked = true;
    CHECK_U64(read_from(0), OSSDL_EPROTOCOL);
    whole(1000);
    reply.has_content_length = false;
    CHECK_U64(read_from(0), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "does not tell the size"));
}

TEST("an empty object is one, whichever way it is told")
{
    whole(0);
    reply.etag[0] = '\0';
    CHECK_OK(read_from(0));
    CHECK_U64(identity.size, 0);
    ossdl_reply_reset(&reply);
    reply.status = 416;
    CHECK_U64(read_from(0), OSSDL_EPROTOCOL);
    reply.has_content_range = true;
    reply.range_unsatisfied = true;
    reply.range_total_known = true;
    CHECK_OK(read_from(0));
    CHECK_U64(identity.size, 0);
    CHECK_U64(read_from(1), OSSDL_EPROTOCOL);
    reply.range_total = 1;
    CHECK_U64(read_from(0), OSSDL_EPROTOCOL);
    reply.range_total = 0;
    reply.status = 404;
    CHECK_U64(read_from(0), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "status"));
}

TEST("a first answer that leaves a doubt is refused")
{
    partial(1, 500, 1000);
    CHECK_U64(read_from(0), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "does not start"));
    partial(0, 500, 0);
    reply.range_total_known = false;
    CHECK_U64(read_from(0), OSSDL_EPROTOCOL);
    partial(0, 500, UINT64_C(1) << 63);
    CHECK_U64(read_from(0), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "impossible size"));
    partial(0, 500, INT64_MAX);
    CHECK_OK(read_from(0));
    partial(0, 500, 1000);
    reply.etag[0] = '\0';
    CHECK_U64(read_from(0), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "no ETag"));
    partial(0, 500, 1000);
    reply.etag_weak = true;
    CHECK_U64(read_from(0), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "weak"));
    CHECK_STR(error.code, "UnusableAnswer");
}

TEST("an unusable header makes the answer unusable, first or later")
{
    bool *const FLAGS[] = {&reply.range_bad,      &reply.content_length_bad,
                           &reply.etag_bad,       &reply.crc64_bad,
                           &reply.version_id_bad, &reply.encoding_bad};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(FLAGS); i++) {
        begin();
        CHECK_OK(check(500, 1000));
        *FLAGS[i] = true;
        CHECK_U64(check(500, 1000), OSSDL_EPROTOCOL);
        CHECK(strstr(error.message, "unusable"));
        CHECK_U64(read_from(500), OSSDL_EPROTOCOL);
    }
}

TEST("a part counts only if it is exactly the range that was asked for")
{
    begin();
    CHECK_OK(check(500, 1000));
    CHECK_U64(check(500, 999), OSSDL_EPROTOCOL);
    CHECK_U64(check(499, 1000), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "bytes 500-999"));
    CHECK(strstr(error.message, "499-999 were asked for"));
    reply.content_length--;
    CHECK_U64(check(500, 1000), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "Content-Length"));
    reply.has_content_length = false;
    CHECK_OK(check(500, 1000));
    reply.chunked = true;
    CHECK_OK(check(500, 1000));
    reply.range_unsatisfied = true;
    CHECK_U64(check(500, 1000), OSSDL_EPROTOCOL);
    reply.range_unsatisfied = false;
    reply.has_content_range = false;
    CHECK_U64(check(500, 1000), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "no Content-Range"));
}

TEST("a part needs status 206")
{
    begin();
    reply.status = 200;
    CHECK_U64(check(500, 1000), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "ignores the range"));
    reply.status = 203;
    CHECK_U64(check(500, 1000), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "status"));
}

TEST("a part of another version is a change")
{
    begin();
    set(reply.etag, sizeof reply.etag, "\"e\"");
    CHECK_U64(check(500, 1000), OSSDL_ECHANGED);
    CHECK(strstr(error.message, "ETag"));
    CHECK_STR(error.code, "ObjectChanged");
    begin();
    reply.range_total = 1001;
    CHECK_U64(check(500, 1000), OSSDL_ECHANGED);
    CHECK(strstr(error.message, "size"));
    begin();
    set(reply.version_id, sizeof reply.version_id, "W");
    CHECK_U64(check(500, 1000), OSSDL_ECHANGED);
    CHECK(strstr(error.message, "version"));
    reply.version_id[0] = '\0';
    CHECK_OK(check(500, 1000));
    set(reply.version_id, sizeof reply.version_id, "W");
    identity.version_id[0] = '\0';
    CHECK_OK(check(500, 1000));
}

TEST("a part that cannot show its version is refused")
{
    begin();
    reply.etag[0] = '\0';
    CHECK_U64(check(500, 1000), OSSDL_EPROTOCOL);
    begin();
    reply.etag_weak = true;
    CHECK_U64(check(500, 1000), OSSDL_EPROTOCOL);
    begin();
    reply.range_total_known = false;
    CHECK_U64(check(500, 1000), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "size"));
}

TEST("a CRC that contradicts an equal ETag is not believed")
{
    begin();
    reply.crc64 = 78;
    CHECK_U64(check(500, 1000), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "CRC-64"));
    reply.has_crc64 = false;
    CHECK_OK(check(500, 1000));
    begin();
    reply.crc64 = 78;
    identity.has_crc64 = false;
    CHECK_OK(check(500, 1000));
}

TEST("a stored encoding is the object's own affair, one on the way is not")
{
    begin();
    set(reply.content_encoding, sizeof reply.content_encoding, "gzip");
    CHECK_OK(check(500, 1000));
    reply.chunked = true;
    CHECK_U64(check(500, 1000), OSSDL_EPROTOCOL);
    CHECK(strstr(error.message, "compressed"));
    reply.chunked = false;
    reply.has_content_length = false;
    CHECK_U64(check(500, 1000), OSSDL_EPROTOCOL);
    set(reply.content_encoding, sizeof reply.content_encoding, "Identity");
    CHECK_OK(check(500, 1000));
}

TEST("two identities are the same if nothing speaks against it")
{
    struct ossdl_identity a;
    struct ossdl_identity b;

    begin();
    a = identity;
    b = identity;
    CHECK(ossdl_identity_same(&a, &b));
    set(b.last_modified, sizeof b.last_modified, "today");
    CHECK(ossdl_identity_same(&a, &b));
    b.crc64 = 78;
    CHECK(!ossdl_identity_same(&a, &b));
    b.has_crc64 = false;
    CHECK(ossdl_identity_same(&a, &b));
    CHECK(ossdl_identity_same(&b, &a));
    b.size++;
    CHECK(!ossdl_identity_same(&a, &b));
    b = a;
    set(b.etag, sizeof b.etag, "\"F\"");
    CHECK(!ossdl_identity_same(&a, &b));
    b = a;
    set(b.version_id, sizeof b.version_id, "W");
    CHECK(!ossdl_identity_same(&a, &b));
}

TEST("nobody needs to listen to the explanation")
{
    begin();
    reply.status = 200;
    CHECK_U64(ossdl_reply_check_part(&reply, &identity, 500, 1000, NULL),
              OSSDL_EPROTOCOL);
}

TEST_MAIN()
