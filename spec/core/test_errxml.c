#include "errxml.h"
#include "guard.h"
#include "test.h"

static struct ossdl_service_error error;

static bool parse(const char *body)
{
    memset(&error, 0, sizeof error);
    return ossdl_errxml_parse(guarded_str(body), &error);
}

static const char FULL[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<Error>\n"
    "  <Code>NoSuchKey</Code>\n"
    "  <Message>The specified key does not exist.</Message>\n"
    "  <RequestId>5C3D9175B6FC201293AD1234</RequestId>\n"
    "  <HostId>example-bucket.oss-cn-hangzhou.aliyuncs.com</HostId>\n"
    "  <Key>missing</Key>\n"
    "  <EC>0026-00000001</EC>\n"
    "  <Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint>\n"
    "  <ServerTime>2024-03-05T07:08:09.000Z</ServerTime>\n"
    "  <RecommendDoc>https://api.example/?q=0026-00000001</RecommendDoc>\n"
    "</Error>\n";

TEST("an error body of OSS is read")
{
    CHECK(parse(FULL));
    CHECK_STR(error.code, "NoSuchKey");
    CHECK_STR(error.message, "The specified key does not exist.");
    CHECK_STR(error.request_id, "5C3D9175B6FC201293AD1234");
    CHECK_STR(error.host_id, "example-bucket.oss-cn-hangzhou.aliyuncs.com");
    CHECK_STR(error.ec, "0026-00000001");
    CHECK_STR(error.endpoint, "oss-cn-beijing.aliyuncs.com");
    CHECK_U64(error.server_time, 1709622489);
}

TEST("a body cut at any byte gives what came before, and no step too far")
{
    for (size_t len = 0; len < sizeof FULL; len++) {
        const char *code = strstr(FULL, "</Code>") + strlen("</Code>");
        bool whole_code = len >= (size_t) (code - FULL);

        memset(&error, 0, sizeof error);
        CHECK(ossdl_errxml_parse(guarded(FULL, len), &error) == whole_code);
        CHECK_STR(error.code, whole_code ? "NoSuchKey" : "");
    }
}

TEST("what is not an error of OSS's is not taken for one")
{
    CHECK(!parse(""));
    CHECK(!parse("text & no markup"));
    CHECK(!parse("<html><Code>X</Code></html>"));
    CHECK(!parse("<!DOCTYPE html><html><body>503</body></html>"));
    CHECK(!parse("<error><Code>X</Code></error>"));
    CHECK(!parse("<Error></Error><Code>X</Code>"));
    CHECK(!parse("<Error/><Code>X</Code>"));
    CHECK(!parse("<Error><Code></Code></Error>"));
    CHECK(!parse("<Error><Code/></Error>"));
    CHECK(!parse("<Error><Message>no code</Message></Error>"));
    CHECK(!parse("</Error><Error><Code>X</Code></Error>"));
    CHECK(!parse("<><Code>X</Code></>"));
    CHECK(!parse("<"));
    CHECK(!parse("<!"));
    CHECK(!parse("<?"));
    CHECK(!parse("<!--"));
    CHECK(!parse("<![CDATA["));
    CHECK(!parse("<Error"));
    CHECK(!parse("<Error a=\"><Code>X</Code></Error>"));
}

TEST("unknown, nested and empty elements, attributes and comments are fine")
{
    CHECK(parse("\xef\xbb\xbf<!-- <Error><Code>No</Code> --><!DOCTYPE Error "
                "[<!ENTITY a \"]>\"> <!ENTITY b '>'>]>\n<Error xmlns=\"a>b\">"
                "<Other><Code>Inner</Code><Deep><Message>x</Message></Deep>"
                "</Other><Empty/><Code lang='>'>Right</Code ><?php ?>"
                "<Message>a<b>hidden</b>c</Message></Error>"));
    CHECK_STR(error.code, "Right");
    CHECK_STR(error.message, "ac");
}

TEST("any white space may follow a name, and brackets need not match")
{
    CHECK(parse("<!DOCTYPE a ] >\n<Error\ta='1'><Code\n>A</Code\r>"
                "<Message\r>B</Message></Error>"));
    CHECK_STR(error.code, "A");
    CHECK_STR(error.message, "B");
}

TEST("the first of two fields counts, and what follows the root does not")
{
    CHECK(parse("<Error><Code>First</Code><Code>Second</Code></Error>"
                "<Error><Message>late</Message></Error>"));
    CHECK_STR(error.code, "First");
    CHECK_STR(error.message, "");
}

TEST("entities and CDATA are decoded, and what is none stays")
{
    CHECK(parse("<Error><Code>C</Code><Message>&lt;&gt;&amp;&quot;&apos;"
                "&#65;&#x42;&#X43;&unknown; &; &#; &#x; &#6a; & &amp"
                "<![CDATA[<i>&lt;]] ]]></Message></Error>"));
    CHECK_STR(error.message, "<>&\"'AB&#X43;&unknown; &; &#; &#x; &#6a; & "
                             "&amp<i>&lt;]]");
}

TEST("numeric entities cannot smuggle control or broken characters")
{
    CHECK(parse("<Error><Code>C</Code><Message>a&#10;b&#0;c&#x1b;d&#xD800;"
                "e&#x10FFFF;f&#x110000;g&#xFFFFFF;h&#99999999;i&#x4e2d;"
                "</Message></Error>"));
    CHECK_STR(error.message,
              "a b c d\xef\xbf\xbd"
              "e\xf4\x8f\xbf\xbf"
              "f\xef\xbf\xbdg\xef\xbf\xbdh\xef\xbf\xbdi\xe4\xb8\xad");
}

TEST("hexadecimal digits count in both cases, and others do not")
{
    CHECK(parse("<Error><Code>C</Code><Message>&#x4D;&#x6d;&#x6g;&#4D;&#/;"
                "</Message></Error>"));
    CHECK_STR(error.message, "Mm&#x6g;&#4D;&#/;");
}

TEST("a field longer than we look at is cut, and no more")
{
    static char body[8000];

    snprintf(body, sizeof body,
             "<Error><Message>%03000d&lt;%0100d</Message><Code>C</Code>"
             "</Error>",
             0, 0);
    CHECK(parse(body));
    CHECK_U64(strlen(error.message), sizeof error.message - 1);
    CHECK_STR(error.code, "C");
}

TEST("thousands of open elements cost nothing")
{
    static char body[60000];
    size_t used = (size_t) snprintf(body, sizeof body, "<Error><Code>C</Code>");

    while (used + 4 < sizeof body) {
        memcpy(body + used, "<a>", 4);
        used += 3;
    }
    CHECK(parse(body));
}

TEST("an echo of the request in the body is not copied anywhere")
{
    CHECK(parse("<Error><Code>SignatureDoesNotMatch</Code><StringToSign>GET "
                "topsecret</StringToSign><SignatureProvided>topsecret"
                "</SignatureProvided><OSSAccessKeyId>topsecret"
                "</OSSAccessKeyId></Error>"));
    CHECK(!memmem(&error, sizeof error, "topsecret", 9));
}

TEST_MAIN()
