#include "classify.h"
#include "test.h"

static struct ossdl_reply reply;
static struct ossdl_service_error service;
static struct ossdl_error error;

static void say(int status, const char *code)
{
    ossdl_reply_reset(&reply);
    reply.status = status;
    memset(&service, 0, sizeof service);
    snprintf(service.code, sizeof service.code, "%s", code);
    snprintf(service.message, sizeof service.message, "It says so.");
}

static struct ossdl_verdict verdict(int status, const char *code)
{
    say(status, code);
    return ossdl_classify_service(&reply, &service);
}

static const char *message(int status, const char *code)
{
    say(status, code);
    (void) ossdl_classify_error(&reply, &service, ossdl_slice_str("b"),
                                ossdl_slice_str("k"), &error);
    return error.message;
}

TEST("every answer has its one action")
{
    static const struct {
        int status;
        const char *code;
        enum ossdl_action action;
        enum ossdl_status kind;
    } CASES[] = {
        {500, "InternalError", OSSDL_ACTION_RETRY, OSSDL_ESERVICE},
        {502, "HTTP502", OSSDL_ACTION_RETRY, OSSDL_ESERVICE},
        {503, "ServiceUnavailable", OSSDL_ACTION_RETRY, OSSDL_ESERVICE},
        {599, "", OSSDL_ACTION_RETRY, OSSDL_ESERVICE},
        {999, "", OSSDL_ACTION_RETRY, OSSDL_ESERVICE},
        {401, "", OSSDL_ACTION_RETRY, OSSDL_ESERVICE},
        {408, "", OSSDL_ACTION_RETRY, OSSDL_ESERVICE},
        {429, "QpsLimitExceeded", OSSDL_ACTION_RETRY, OSSDL_ESERVICE},
        {400, "BadRequest", OSSDL_ACTION_RETRY, OSSDL_ESERVICE},
        {400, "RequestTimeout", OSSDL_ACTION_RETRY, OSSDL_ESERVICE},
        {400, "InvalidArgument", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {400, "InvalidBucketName", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {400, "InvalidObjectName", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {400, "InvalidTargetType", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {400, "HTTP400", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {403, "RequestTimeTooSkewed", OSSDL_ACTION_CLOCK, OSSDL_ESERVICE},
        {403, "SecurityTokenExpired", OSSDL_ACTION_REFRESH, OSSDL_ESERVICE},
        {403, "InvalidSecurityToken", OSSDL_ACTION_REFRESH, OSSDL_ESERVICE},
        {403, "InvalidAccessKeyId", OSSDL_ACTION_REFRESH, OSSDL_ESERVICE},
        {403, "AccessKeyIdAndSecurityTokenNotMatch", OSSDL_ACTION_REFRESH,
         OSSDL_ESERVICE},
        {403, "SecurityTokenNotSupported", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {403, "SignatureDoesNotMatch", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {403, "AccessDenied", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {403, "InvalidObjectState", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {403, "UserDisable", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {403, "SomethingNew", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {404, "NoSuchKey", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {404, "NoSuchBucket", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {404, "NoSuchVersion", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {404, "SymlinkTargetNotExist", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {405, "MethodNotAllowed", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {407, "HTTP407", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {409, "Conflict", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {412, "PreconditionFailed", OSSDL_ACTION_CHANGED, OSSDL_ECHANGED},
        {416, "InvalidRange", OSSDL_ACTION_CHANGED, OSSDL_ECHANGED},
        {301, "", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {302, "", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {307, "", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
        {304, "", OSSDL_ACTION_FATAL, OSSDL_EPROTOCOL},
        {204, "", OSSDL_ACTION_RETRY, OSSDL_EPROTOCOL},
        {200, "", OSSDL_ACTION_RETRY, OSSDL_EPROTOCOL},
        {100, "", OSSDL_ACTION_RETRY, OSSDL_EPROTOCOL},
        {0, "", OSSDL_ACTION_FATAL, OSSDL_ESERVICE},
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(CASES); i++) {
        struct ossdl_verdict got = verdict(CASES[i].status, CASES[i].code);
        enum ossdl_action action = CASES[i].action;

        if (got.action != action || got.kind != CASES[i].kind) {
            TEST_FAIL("%d %s: action %d, kind %d", CASES[i].status,
                      CASES[i].code, (int) got.action, (int) got.kind);
        }
        CHECK(got.retryable ==
              (action == OSSDL_ACTION_RETRY || action == OSSDL_ACTION_CHANGED));
    }
}

TEST("a code counts only under its own status")
{
    CHECK_U64(verdict(500, "NoSuchKey").action, OSSDL_ACTION_RETRY);
    CHECK_U64(verdict(404, "RequestTimeTooSkewed").action, OSSDL_ACTION_FATAL);
    CHECK_U64(verdict(403, "BadRequest").action, OSSDL_ACTION_RETRY);
    CHECK_U64(verdict(304, "BadRequest").action, OSSDL_ACTION_FATAL);
}

TEST("throttling is told apart from other trouble")
{
    CHECK(verdict(503, "DownloadTrafficRateLimitExceeded").throttled);
    CHECK(verdict(503, "").throttled);
    CHECK(verdict(429, "").throttled);
    CHECK(verdict(400, "QpsLimitExceeded").throttled);
    CHECK(!verdict(500, "InternalError").throttled);
    say(500, "InternalError");
    reply.qos_delay_ms = 1;
    CHECK(ossdl_classify_service(&reply, &service).throttled);
    reply.qos_delay_ms = 0;
    CHECK(!ossdl_classify_service(&reply, &service).throttled);
}

TEST("the longest wait the answer asks for counts, up to a minute")
{
    say(503, "");
    CHECK_U64(ossdl_classify_service(&reply, &service).wait_ms, 0);
    reply.retry_after_s = 2;
    CHECK_U64(ossdl_classify_service(&reply, &service).wait_ms, 2000);
    reply.qos_delay_ms = 3000;
    CHECK_U64(ossdl_classify_service(&reply, &service).wait_ms, 3000);
    reply.retry_after_s = 60;
    CHECK_U64(ossdl_classify_service(&reply, &service).wait_ms, 60000);
    reply.retry_after_s = INT32_MAX;
    CHECK_U64(ossdl_classify_service(&reply, &service).wait_ms, 60000);
    reply.status = 404;
    CHECK_U64(ossdl_classify_service(&reply, &service).wait_ms, 0);
}

TEST("every transport failure has its one action")
{
    static const enum ossdl_net FATALS[] = {
        OSSDL_NET_OK,      OSSDL_NET_TLS_UNTRUSTED, OSSDL_NET_TLS_CA_FILE,
        OSSDL_NET_STOPPED, OSSDL_NET_BAD_URL,       OSSDL_NET_MEMORY,
    };

    for (int net = 0; net < OSSDL_NET_COUNT; net++) {
        struct ossdl_verdict got =
            ossdl_classify_net((enum ossdl_net) net, false);
        bool fatal = false;

        for (size_t i = 0; i < OSSDL_ARRAY_LEN(FATALS); i++) {
            fatal = fatal || FATALS[i] == (enum ossdl_net) net;
        }
        CHECK_U64(got.action, fatal ? OSSDL_ACTION_FATAL : OSSDL_ACTION_RETRY);
        CHECK(got.retryable == !fatal);
        CHECK_U64(got.kind, ossdl_net_status((enum ossdl_net) net));
        CHECK(!got.throttled && got.wait_ms == 0);
    }
    CHECK_U64(ossdl_classify_net((enum ossdl_net) 99, false).action,
              OSSDL_ACTION_RETRY);
}

TEST("only a kept connection that broke without a word is tried at once")
{
    for (int net = 0; net < OSSDL_NET_COUNT; net++) {
        struct ossdl_verdict got =
            ossdl_classify_net((enum ossdl_net) net, true);
        bool broke = net == OSSDL_NET_SEND || net == OSSDL_NET_RECEIVE ||
                     net == OSSDL_NET_EMPTY_REPLY;

        CHECK((got.action == OSSDL_ACTION_RETRY_NOW) == broke);
        CHECK(!broke || got.retryable);
    }
}

TEST("what our own checks find is retried only if another try may differ")
{
    CHECK_U64(ossdl_classify_status(OSSDL_EPROTOCOL).action,
              OSSDL_ACTION_RETRY);
    CHECK_U64(ossdl_classify_status(OSSDL_ENETWORK).action, OSSDL_ACTION_RETRY);
    CHECK_U64(ossdl_classify_status(OSSDL_ETIMEOUT).action, OSSDL_ACTION_RETRY);
    CHECK_U64(ossdl_classify_status(OSSDL_ECHANGED).action,
              OSSDL_ACTION_CHANGED);
    CHECK(ossdl_classify_status(OSSDL_ECHANGED).retryable);
    CHECK_U64(ossdl_classify_status(OSSDL_EIO).action, OSSDL_ACTION_FATAL);
    CHECK(!ossdl_classify_status(OSSDL_EIO).retryable);
    CHECK_U64(ossdl_classify_status(OSSDL_EIO).kind, OSSDL_EIO);
}

TEST("an error tells what failed, on what, and what to do")
{
    say(404, "NoSuchKey");
    snprintf(service.message, sizeof service.message,
             "The specified key does not exist.");
    snprintf(service.request_id, sizeof service.request_id, "5C3D");
    snprintf(service.ec, sizeof service.ec, "0026-00000001");
    CHECK_U64(ossdl_classify_error(&reply, &service, ossdl_slice_str("models"),
                                   ossdl_slice_str("llm/w.bin"), &error),
              OSSDL_ESERVICE);
    CHECK_STR(error.message,
              "cannot get oss://models/llm/w.bin: The specified key does not "
              "exist; check the object's name");
    CHECK_STR(error.code, "NoSuchKey");
    CHECK_STR(error.request_id, "5C3D");
    CHECK_STR(error.ec, "0026-00000001");
    CHECK_U64(error.status, OSSDL_ESERVICE);
    CHECK_U64(error.http_status, 404);
    CHECK(!error.retryable && !error.resumable && error.attempts == 0);
    say(503, "HTTP503");
    CHECK_U64(ossdl_classify_error(&reply, &service, ossdl_slice_str("b"),
                                   ossdl_slice_str("k"), NULL),
              OSSDL_ESERVICE);
}

TEST("an error that nothing can be done about says only what it is")
{
    CHECK_STR(message(500, "InternalError"),
              "cannot get oss://b/k: It says so");
    CHECK(error.retryable);
    say(500, "X");
    snprintf(service.message, sizeof service.message, "...");
    (void) ossdl_classify_error(&reply, &service, ossdl_slice_str("b"),
                                ossdl_slice_str("k"), &error);
    CHECK_STR(error.message, "cannot get oss://b/k: ");
}

TEST("every code that a user can do something about comes with advice")
{
    CHECK(strstr(message(403, "SignatureDoesNotMatch"), "secret"));
    CHECK(strstr(message(403, "InvalidAccessKeyId"), "key id"));
    CHECK(strstr(message(403, "AccessDenied"), "oss:GetObject"));
    CHECK(strstr(message(403, "InvalidObjectState"), "restore"));
    CHECK(strstr(message(403, "SecondLevelDomainForbidden"), "path_style"));
    CHECK(strstr(message(403, "RequestTimeTooSkewed"), "clock"));
    CHECK(strstr(message(403, "UserDisable"), "disabled"));
    CHECK(strstr(message(403, "CnameDenied"), "domain"));
    CHECK(strstr(message(403, "NonStandardHostForbidden"), "endpoint"));
    CHECK(strstr(message(403, "TransferAccelerationDisabled"), "accel"));
    CHECK(strstr(message(404, "NoSuchBucket"), "region"));
    CHECK(strstr(message(400, "InvalidArgument"), "region"));
    CHECK(strstr(message(405, "MethodNotAllowed"), "delete marker"));
    CHECK(strstr(message(407, "HTTP407"), "proxy"));
    CHECK(strstr(message(412, "PreconditionFailed"), "again"));
    CHECK(strstr(message(304, "HTTP304"), "conditional"));
    CHECK(strstr(message(302, "HTTP302"), "redirects are not followed"));
}

TEST("what the answer itself points to is the advice")
{
    say(403, "AccessDenied");
    snprintf(service.endpoint, sizeof service.endpoint,
             "oss-cn-beijing.aliyuncs.com");
    (void) ossdl_classify_error(&reply, &service, ossdl_slice_str("b"),
                                ossdl_slice_str("k"), &error);
    CHECK(strstr(error.message, "use endpoint = \"oss-cn-beijing.aliyuncs.com"
                                "\""));
    reply.status = 500;
    (void) ossdl_classify_error(&reply, &service, ossdl_slice_str("b"),
                                ossdl_slice_str("k"), &error);
    CHECK(!strstr(error.message, "use endpoint"));

    say(404, "NoSuchKey");
    reply.delete_marker = true;
    (void) ossdl_classify_error(&reply, &service, ossdl_slice_str("b"),
                                ossdl_slice_str("k"), &error);
    CHECK(strstr(error.message, "version_id"));

    say(302, "HTTP302");
    snprintf(reply.location, sizeof reply.location,
             "https://other.example/?Signature=abc");
    (void) ossdl_classify_error(&reply, &service, ossdl_slice_str("b"),
                                ossdl_slice_str("k"), &error);
    CHECK(strstr(error.message, "https://other.example/?Signature=***"));
}

TEST("a long key is cut between characters and marked")
{
    char key[1023];
    const char *dots;

    for (size_t i = 0; i + 3 <= sizeof key; i += 3) {
        memcpy(key + i, "\xe4\xb8\xad", 3);
    }
    say(404, "NoSuchKey");
    (void) ossdl_classify_error(&reply, &service, ossdl_slice_str("b"),
                                ossdl_slice_of(key, sizeof key), &error);
    dots = strstr(error.message, "...: It says so");
    CHECK(dots);
    CHECK_U64(dots - error.message, strlen("cannot get oss://b/") + 255);
    (void) ossdl_classify_error(&reply, &service, ossdl_slice_str("b"),
                                ossdl_slice_str("a\nb"), &error);
    CHECK(strstr(error.message, "oss://b/a b: It"));
}

TEST("a long-winded service does not push the advice out of the message")
{
    char key[1023];

    memset(key, 'k', sizeof key);
    say(403, "AccessDenied");
    memset(service.message, 'm', sizeof service.message - 1);
    (void) ossdl_classify_error(&reply, &service, ossdl_slice_of(key, 63),
                                ossdl_slice_of(key, sizeof key), &error);
    CHECK(strstr(error.message, "oss:GetObject on it"));
}

TEST("a transport error tells the same about itself")
{
    CHECK_U64(ossdl_classify_net_error(
                  OSSDL_NET_RESOLVE,
                  ossdl_slice_str("Could not resolve host: h.example"),
                  ossdl_slice_str("b"), ossdl_slice_str("k"), &error),
              OSSDL_ENETWORK);
    CHECK_STR(error.message,
              "cannot get oss://b/k: the server's name cannot be resolved "
              "(Could not resolve host: h.example); check the endpoint and "
              "the name service");
    CHECK_STR(error.code, "resolve");
    CHECK(error.retryable);
    CHECK_U64(ossdl_classify_net_error(OSSDL_NET_STALL, ossdl_slice_str(""),
                                       ossdl_slice_str("b"),
                                       ossdl_slice_str("k"), &error),
              OSSDL_ETIMEOUT);
    CHECK_STR(error.message,
              "cannot get oss://b/k: the server stopped sending");
    CHECK_U64(ossdl_classify_net_error(OSSDL_NET_TLS_UNTRUSTED,
                                       ossdl_slice_str("x-oss-signature=abc\n"),
                                       ossdl_slice_str("b"),
                                       ossdl_slice_str("k"), &error),
              OSSDL_ETLS);
    CHECK(strstr(error.message, "(x-oss-signature=***)"));
    CHECK(!error.retryable);
    CHECK_U64(ossdl_classify_net_error(OSSDL_NET_MEMORY, ossdl_slice_str(""),
                                       ossdl_slice_str("b"),
                                       ossdl_slice_str("k"), NULL),
              OSSDL_EMEMORY);
}

TEST_MAIN()
