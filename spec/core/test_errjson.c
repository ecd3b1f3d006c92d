#include "errjson.h"
#include "guard.h"
#include "test.h"

static struct ossdl_service_error error;

static bool parse(const char *body)
{
    memset(&error, 0, sizeof error);
    return ossdl_errjson_parse(guarded_str(body), &error);
}

static const char FULL[] =
    "{\"Error\": {\"Code\": \"AccessDenied\", \"Message\": \"No.\",\n"
    "\"RequestId\": \"5C3D\", \"EC\": \"0003-00000001\",\n"
    "\"HostId\": \"h.example\", \"More\": [1, {\"Code\": \"Inner\"}, null]}}";

TEST("an error body in JSON is read, with and without the outer Error")
{
    CHECK(parse(FULL));
    CHECK_STR(error.code, "AccessDenied");
    CHECK_STR(error.message, "No.");
    CHECK_STR(error.request_id, "5C3D");
    CHECK_STR(error.ec, "0003-00000001");
    CHECK_STR(error.host_id, "h.example");
    CHECK(parse("{\"n\":-1.5e3,\"t\":true,\"Code\":\"X\",\"o\":{},\"a\":[]}"));
    CHECK_STR(error.code, "X");
}

TEST("a body cut at any byte gives what came before, and no step too far")
{
    const char *code = strstr(FULL, "Denied\"") + strlen("Denied\"");

    for (size_t len = 0; len < sizeof FULL; len++) {
        bool whole_code = len >= (size_t) (code - FULL);

        memset(&error, 0, sizeof error);
        CHECK(ossdl_errjson_parse(guarded(FULL, len), &error) == whole_code);
    }
}

TEST("what is not an error of OSS's is not taken for one")
{
    CHECK(!parse(""));
    CHECK(!parse("[]"));
    CHECK(!parse("\"Code\""));
    CHECK(!parse("}"));
    CHECK(!parse("[{\"Code\":\"X\"}]"));
    CHECK(!parse("[\"Code\":\"X\"]"));
    CHECK(!parse("{\"Other\":{\"Code\":\"X\"}}"));
    CHECK(!parse("{\"Error\":[\"Code\",\"X\"]}"));
    CHECK(!parse("{\"Error\":[{\"Code\":\"X\"}]}"));
    CHECK(!parse("{\"Error\",{\"Code\":\"X\"}}"));
    CHECK(!parse("{\"Error\":{\"Error\":{\"Code\":\"X\"}}}"));
    CHECK(!parse("{\"Code\":404}"));
    CHECK(!parse("{\"Code\",\"X\"}"));
    CHECK(!parse("{\"code\":\"X\"}"));
    CHECK(!parse("{}{\"Code\":\"X\"}"));
}

TEST("escapes are decoded, also in names")
{
    CHECK(parse("{\"\\u0043ode\":\"X\",\"Message\":\"\\\"\\\\\\/a\\u00e9"
                "\\u4e2d\\ud83d\\ude00\\u20aC\"}"));
    CHECK_STR(error.code, "X");
    CHECK_STR(error.message, "\"\\/a\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80"
                             "\xe2\x82\xac");
}

TEST("control characters and lone halves of a pair do no harm")
{
    CHECK(parse(
        "{\"Code\":\"X\",\"Message\":\"a\\n\\r\\t\\b\\fb\\u0000c"
        "\\ud83dd\\ude00e\\ud83d\\u0041\\ud83d\\n23456\\ud83d\\ue000\"}"));
    CHECK_STR(error.message, "a     b c\xef\xbf\xbd"
                             "d\xef\xbf\xbd"
                             "e\xef\xbf\xbd"
                             "A"
                             "\xef\xbf\xbd 23456\xef\xbf\xbd\xee\x80\x80");
}

TEST("an escape that is none ends the reading")
{
    CHECK(!parse("{\"Code\":\"\\x\"}"));
    CHECK(!parse("{\"Code\":\"\\u12\"}"));
    CHECK(!parse("{\"Code\":\"\\u12g4\"}"));
    CHECK(!parse("{\"Code\":\"\\"));
    CHECK(!parse("{\"Cod\\x\":1,\"Code\":\"X\"}"));
    CHECK(parse("{\"Code\":\"X\",\"Message\":\"\\uD83D\\u\"}"));
    CHECK_STR(error.message, "");
}

TEST("a name that begins like ours is not ours")
{
    CHECK(!parse("{\"CodeAndALotMoreThanThirtyTwoBytesOfIt\":\"X\"}"));
    CHECK(!parse("{\"Cod\":\"X\"}"));
}

TEST("64 levels are stepped over and more end the reading")
{
    char body[300];

    memset(body, 0, sizeof body);
    memcpy(body, "{\"a\":", 5);
    memset(body + 5, '[', 63);
    memset(body + 68, ']', 63);
    memcpy(body + 131, ",\"Code\":\"X\"}", 12);
    CHECK(parse(body));
    memset(body + 5, '[', 64);
    memset(body + 69, ']', 64);
    memcpy(body + 133, ",\"Code\":\"X\"}", 12);
    CHECK(!parse(body));
}

TEST("a text longer than we look at is cut")
{
    static char body[3000];

    snprintf(body, sizeof body, "{\"Message\":\"%02000d\",\"Code\":\"X\"}", 0);
    CHECK(parse(body));
    CHECK_U64(strlen(error.message), sizeof error.message - 1);
    CHECK_STR(error.code, "X");
}

TEST_MAIN()
