#include "errtext.h"
#include "guard.h"
#include "test.h"

static struct ossdl_reply reply;
static struct ossdl_service_error error;

static void parse(int status, const char *content_type, const char *body)
{
    ossdl_reply_reset(&reply);
    reply.status = status;
    snprintf(reply.content_type, sizeof reply.content_type, "%s", content_type);
    snprintf(reply.request_id, sizeof reply.request_id, "FROM-HEADER");
    snprintf(reply.ec, sizeof reply.ec, "0000-1");
    ossdl_errtext_parse(&reply, guarded_str(body), &error);
}

static const char *clean(const char *text, size_t size)
{
    static char out[600];

    memset(out, 'x', sizeof out);
    ossdl_errtext_clean(out, size, guarded_str(text));
    return out;
}

static const char *redact(const char *text)
{
    static char out[600];

    ossdl_errtext_redact(out, sizeof out, guarded_str(text));
    return out;
}

TEST("the body's words come first and the headers fill the gaps")
{
    parse(404, "application/xml",
          "<Error><Code>NoSuchKey</Code><Message>Gone.</Message><EC>1-2</EC>"
          "</Error>");
    CHECK(error.from_service);
    CHECK_STR(error.code, "NoSuchKey");
    CHECK_STR(error.message, "Gone.");
    CHECK_STR(error.ec, "1-2");
    CHECK_STR(error.request_id, "FROM-HEADER");
}

TEST("JSON is recognised by its type or its first byte")
{
    parse(403, "application/json; charset=utf-8",
          "\xef\xbb\xbf{\"Code\":\"A\"}");
    CHECK_STR(error.code, "A");
    parse(403, "", " \r\n\t{\"Code\":\"B\"}");
    CHECK_STR(error.code, "B");
    parse(403, "application/json", "<Error><Code>C</Code></Error>");
    CHECK_STR(error.code, "HTTP403");
}

TEST("without words of OSS's the status has to do")
{
    parse(503, "text/html", "<html><body>Bad luck</body></html>");
    CHECK(!error.from_service);
    CHECK_STR(error.code, "HTTP503");
    CHECK_STR(error.message, "HTTP 503 with a body that is not OSS's");
    CHECK_STR(error.request_id, "FROM-HEADER");
    CHECK_STR(error.ec, "0000-1");
    parse(502, "", "");
    CHECK_STR(error.message, "HTTP 502 without an explanation");
    parse(500, "", "<Error><Code>Internal</Code></Error>");
    CHECK_STR(error.message, "HTTP 500 without a message");
    parse(500, "", "<Error><Message>A message alone</Message></Error>");
    CHECK_STR(error.code, "HTTP500");
    CHECK_STR(error.message, "HTTP 500 with a body that is not OSS's");
}

TEST("only the first 64 KiB of a body are looked at")
{
    static char body[70000];

    memset(body, ' ', sizeof body - 1);
    memcpy(body + 100, "<Error><Code>A</Code>", 21);
    memcpy(body + 69000, "<Message>far</Message>", 22);
    parse(400, "", body);
    CHECK_STR(error.code, "A");
    CHECK_STR(error.message, "HTTP 400 without a message");
}

TEST("codes and ids hold no odd bytes and are never cut")
{
    parse(400, "",
          "<Error><Code>C</Code><RequestId>two words</RequestId>"
          "<EC>\x1b[1m</EC><HostId> h.example:80 </HostId></Error>");
    CHECK_STR(error.request_id, "FROM-HEADER");
    CHECK_STR(error.ec, "0000-1");
    CHECK_STR(error.host_id, "h.example:80");
    parse(400, "",
          "<Error><Code>A123456789012345678901234567890123456789012345678901"
          "234567890123</Code><Code>B</Code></Error>");
    CHECK_STR(error.code, "B");
    parse(400, "",
          "<Error><Code>A12345678901234567890123456789012345678901234567890"
          "123456789012</Code></Error>");
    CHECK_U64(strlen(error.code), 63);
    parse(400, "",
          "<Error><Code>C</Code><ServerTime>never</ServerTime>"
          "<ServerTime>1970-01-02T00:00:00Z</ServerTime>"
          "<ServerTime>1970-01-03T00:00:00Z</ServerTime></Error>");
    CHECK_U64(error.server_time, 86400);
}

TEST("every field is found under its name, and no other")
{
    memset(&error, 0, sizeof error);
    ossdl_errtext_set(&error, guarded_str("Endpoint"),
                      ossdl_slice_str("a.z-A_Z.0:9/[*]"));
    CHECK_STR(error.endpoint, "a.z-A_Z.0:9/[*]");
    ossdl_errtext_set(&error, guarded_str("HostId"), ossdl_slice_str("a{"));
    ossdl_errtext_set(&error, guarded_str("HostId"), ossdl_slice_str("a@"));
    ossdl_errtext_set(&error, guarded_str("HostId"), ossdl_slice_str("a`"));
    ossdl_errtext_set(&error, guarded_str("HostId"), ossdl_slice_str(" "));
    CHECK_STR(error.host_id, "");
    ossdl_errtext_set(&error, guarded_str("Key"), ossdl_slice_str("x"));
    ossdl_errtext_set(&error, guarded_str(""), ossdl_slice_str("x"));
    CHECK(!ossdl_errtext_found(&error));
}

TEST("the first of two messages counts")
{
    parse(400, "",
          "<Error><Code>C</Code><Message>one</Message><Message>two</Message>"
          "</Error>");
    CHECK_STR(error.message, "one");
}

TEST("text becomes one line of valid UTF-8")
{
    CHECK_STR(clean("  a\tb\r\nc\x1b[0m\x7f ", 99), "a b  c [0m");
    CHECK_STR(clean("\xc2\x85next\xc2\x9b\xe2\x80\xa8u\xe2\x80\xa9v", 99),
              "next  u v");
    CHECK_STR(clean("\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80", 99),
              "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80");
    CHECK_STR(clean("", 1), "");
    CHECK_STR(clean("abc", 1), "");
}

TEST("each byte that is not UTF-8 is one replacement character")
{
#define BAD "\xef\xbf\xbd"
    CHECK_STR(clean("\xff", 99), BAD);
    CHECK_STR(clean("\x80z", 99), BAD "z");
    CHECK_STR(clean("\xc0\xaf", 99), BAD BAD);
    CHECK_STR(clean("\xc3", 99), BAD);
    CHECK_STR(clean("\xc3z", 99), BAD "z");
    CHECK_STR(clean("\xe0\x80\xaf", 99), BAD BAD BAD);
    CHECK_STR(clean("\xed\xa0\x80", 99), BAD BAD BAD);
    CHECK_STR(clean("\xe4\xb8", 99), BAD BAD);
    CHECK_STR(clean("\xf0\x80\x80\x80", 99), BAD BAD BAD BAD);
    CHECK_STR(clean("\xf4\x90\x80\x80", 99), BAD BAD BAD BAD);
    CHECK_STR(clean("\xf5z", 99), BAD "z");
}

TEST("a cut falls between characters")
{
    for (size_t size = 1; size < 12; size++) {
        const char *out = clean("\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad", size);

        CHECK_U64(strlen(out), (size - 1) / 3 * 3);
        CHECK(out[size] == 'x');
    }
}

TEST("code points are encoded, and what is none is replaced")
{
    static const struct {
        uint32_t code_point;
        const char *bytes;
    } CASES[] = {
        {'a', "a"},
        {0x7f, "\x7f"},
        {0x80, "\xc2\x80"},
        {0x7ff, "\xdf\xbf"},
        {0x800, "\xe0\xa0\x80"},
        {0xd7ff, "\xed\x9f\xbf"},
        {0xd800, BAD},
        {0xdfff, BAD},
        {0xe000, "\xee\x80\x80"},
        {0xffff, "\xef\xbf\xbf"},
        {0x10000, "\xf0\x90\x80\x80"},
        {0x10ffff, "\xf4\x8f\xbf\xbf"},
        {0x110000, BAD},
        {UINT32_MAX, BAD},
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(CASES); i++) {
        char out[5] = {0};
        size_t len = ossdl_errtext_utf8(CASES[i].code_point, out);

        CHECK_U64(len, strlen(CASES[i].bytes));
        CHECK_STR(out, CASES[i].bytes);
    }
}

TEST("values of signatures and tokens are blotted out")
{
    CHECK_STR(redact("url?OSSAccessKeyId=id&Signature=ab%2Bc&Expires=1"),
              "url?OSSAccessKeyId=id&Signature=***&Expires=1");
    CHECK_STR(redact("x-oss-signature=abc; x-oss-security-token: tok en"),
              "x-oss-signature=***; x-oss-security-token: *** en");
    CHECK_STR(redact("SECURITY-TOKEN = \"t\" SecurityToken:'u' "
                     "security_token=v"),
              "SECURITY-TOKEN = \"***\" SecurityToken:'***' "
              "security_token=***");
    CHECK_STR(redact("Signature%3Dabc SignatureProvided: x"),
              "Signature%3D*** SignatureProvided: ***");
    CHECK_STR(redact("StringToSign=[GET] CanonicalRequest=<q"),
              "StringToSign=*** CanonicalRequest=<q");
    CHECK_STR(redact("AccessKeySecret=s access_key_secret=s session_token=s "
                     "session-token=s"),
              "AccessKeySecret=*** access_key_secret=*** session_token=*** "
              "session-token=***");
    CHECK_STR(redact("got Authorization: OSS id:sig= and more"),
              "got Authorization: ***");
}

TEST("harmless words stay")
{
    static const char *const SAME[] = {
        "The signature we calculated is not the signature you provided.",
        "Invalid signing region in Authorization header.",
        "signature=",
        "signature",
        "authorization: ",
        "a=b",
        "",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(SAME); i++) {
        CHECK_STR(redact(SAME[i]), SAME[i]);
    }
}

TEST("a redacted text is cut where its place ends")
{
    char out[16];

    for (size_t size = 1; size <= sizeof out; size++) {
        memset(out, 'x', sizeof out);
        ossdl_errtext_redact(out, size, guarded_str("signature=abcdef tail"));
        CHECK(strlen(out) < size);
        CHECK(!strstr(out, "abc"));
    }
    ossdl_errtext_redact(out, 4, guarded_str("\xe4\xb8\xad\xe4\xb8\xad"));
    CHECK_STR(out, "\xe4\xb8\xad");
}

TEST("a message that echoes a signature does not show it")
{
    parse(403, "",
          "<Error><Code>C</Code><Message>bad url ?Signature=topsecret&amp;a"
          "</Message></Error>");
    CHECK_STR(error.message, "bad url ?Signature=***&a");
}

TEST_MAIN()
