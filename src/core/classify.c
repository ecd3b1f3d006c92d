#include "classify.h"

#include <stdio.h>

/* How much of a name and of the service's words a message shows: so that what
 * to do, at its end, still fits into it. */
#define SHOWN_KEY_BYTES 256
#define SHOWN_WORDS_SIZE 304

/* What one row of the table decides. */
struct rule {
    int low, high; /* statuses, inclusive */
    const char *code;
    enum ossdl_action action;
    enum ossdl_status kind;
    bool throttled;
    const char *advice; /* what to do; NULL when there is nothing to say */
};

#define ANY 100, 999
#define AT(status) status, status

#define FATAL OSSDL_ACTION_FATAL
#define RETRY OSSDL_ACTION_RETRY

/*
 * The first row that fits decides. Codes come before bare statuses. Which of
 * them exist, and which are worth a retry, is what OSS documents and what its
 * official clients do: 5xx, 401, 408, 429 and the code BadRequest.
 */
static const struct rule RULES[] = {
    {AT(403), "RequestTimeTooSkewed", OSSDL_ACTION_CLOCK, OSSDL_ESERVICE, false,
     "set this machine's clock"},
    {AT(403), "SecurityTokenExpired", OSSDL_ACTION_REFRESH, OSSDL_ESERVICE,
     false, "get a new security token"},
    {AT(403), "InvalidSecurityToken", OSSDL_ACTION_REFRESH, OSSDL_ESERVICE,
     false, "check the security token, or get a new one"},
    {AT(403), "AccessKeyIdAndSecurityTokenNotMatch", OSSDL_ACTION_REFRESH,
     OSSDL_ESERVICE, false,
     "use the key id, the secret and the token of one and the same reply"},
    {AT(403), "InvalidAccessKeyId", OSSDL_ACTION_REFRESH, OSSDL_ESERVICE, false,
     "check the access key id; a temporary one needs its security token"},
    {AT(403), "SecurityTokenNotSupported", FATAL, OSSDL_ESERVICE, false,
     "use a permanent access key for this bucket"},
    {AT(403), "SignatureDoesNotMatch", FATAL, OSSDL_ESERVICE, false,
     "check the access key secret"},
    {AT(403), "InvalidObjectState", FATAL, OSSDL_ESERVICE, false,
     "the object is archived: restore it first"},
    {AT(403), "UserDisable", FATAL, OSSDL_ESERVICE, false,
     "the account is disabled; see whether a bill is unpaid"},
    {AT(403), "SecondLevelDomainForbidden", FATAL, OSSDL_ESERVICE, false,
     "do not use path_style with the public service"},
    {AT(403), "NonStandardHostForbidden", FATAL, OSSDL_ESERVICE, false,
     "check endpoint and cname"},
    {AT(403), "CnameDenied", FATAL, OSSDL_ESERVICE, false,
     "bind the domain to the bucket"},
    {AT(403), "TransferAccelerationDisabled", FATAL, OSSDL_ESERVICE, false,
     "switch transfer acceleration on for the bucket, or use its endpoint"},
    {AT(403), "AccessDenied", FATAL, OSSDL_ESERVICE, false,
     "the key's policy must allow oss:GetObject on it"},
    {AT(404), "NoSuchBucket", FATAL, OSSDL_ESERVICE, false,
     "check the bucket's name and that the endpoint is of its region"},
    {AT(404), "NoSuchVersion", FATAL, OSSDL_ESERVICE, false,
     "check version_id"},
    {AT(404), "SymlinkTargetNotExist", FATAL, OSSDL_ESERVICE, false,
     "the object is a link to one that is not there"},
    {AT(404), "NoSuchKey", FATAL, OSSDL_ESERVICE, false,
     "check the object's name"},
    {AT(400), "InvalidArgument", FATAL, OSSDL_ESERVICE, false,
     "check region and endpoint, and the extra headers and query"},
    {AT(400), "InvalidBucketName", FATAL, OSSDL_ESERVICE, false,
     "check the bucket's name"},
    {AT(400), "InvalidObjectName", FATAL, OSSDL_ESERVICE, false,
     "check the object's name"},
    {AT(400), "InvalidTargetType", FATAL, OSSDL_ESERVICE, false,
     "the object is a link to another link"},
    {ANY, "QpsLimitExceeded", RETRY, OSSDL_ESERVICE, true, "use fewer threads"},
    {400, 499, "BadRequest", RETRY, OSSDL_ESERVICE, false, NULL},
    {AT(400), "RequestTimeout", RETRY, OSSDL_ESERVICE, false, NULL},

    {100, 299, NULL, RETRY, OSSDL_EPROTOCOL, false,
     "see whether a proxy stands between"},
    {AT(304), NULL, FATAL, OSSDL_EPROTOCOL, false,
     "remove the conditional header"},
    {300, 399, NULL, FATAL, OSSDL_ESERVICE, false,
     "redirects are not followed: check endpoint and bucket"},
    {AT(401), NULL, RETRY, OSSDL_ESERVICE, false, "check the credentials"},
    {AT(405), NULL, FATAL, OSSDL_ESERVICE, false,
     "the version may be a delete marker: check version_id"},
    {AT(407), NULL, FATAL, OSSDL_ESERVICE, false,
     "the proxy wants a user name and password: set them in its URL"},
    {AT(408), NULL, RETRY, OSSDL_ESERVICE, false, NULL},
    {AT(412), NULL, OSSDL_ACTION_CHANGED, OSSDL_ECHANGED, false,
     "start the download again for the new version"},
    {AT(416), NULL, OSSDL_ACTION_CHANGED, OSSDL_ECHANGED, false,
     "the object is shorter than expected: start the download again"},
    {AT(429), NULL, RETRY, OSSDL_ESERVICE, true, "use fewer threads"},
    {AT(503), NULL, RETRY, OSSDL_ESERVICE, true, NULL},
    {500, 999, NULL, RETRY, OSSDL_ESERVICE, false, NULL},
    {ANY, NULL, FATAL, OSSDL_ESERVICE, false, NULL},
};

static const struct {
    enum ossdl_action action;
    const char *advice;
} NETS[OSSDL_NET_COUNT] = {
    [OSSDL_NET_OK] = {FATAL, NULL},
    [OSSDL_NET_RESOLVE] = {RETRY, "check the endpoint and the name service"},
    [OSSDL_NET_CONNECT] = {RETRY, "check the endpoint, firewall and proxy"},
    [OSSDL_NET_CONNECT_TIMEOUT] = {RETRY,
                                   "check the endpoint, firewall and proxy"},
    [OSSDL_NET_TLS] = {RETRY, "see whether the endpoint speaks https; "
                              "begin it with http:// if it does not"},
    [OSSDL_NET_TLS_UNTRUSTED] = {FATAL,
                                 "check the endpoint, or name the authority's "
                                 "certificate with ca_file"},
    [OSSDL_NET_TLS_CA_FILE] = {FATAL, "check ca_file"},
    [OSSDL_NET_SEND] = {RETRY, NULL},
    [OSSDL_NET_RECEIVE] = {RETRY, NULL},
    [OSSDL_NET_SHORT_BODY] = {RETRY, NULL},
    [OSSDL_NET_EMPTY_REPLY] = {RETRY, NULL},
    [OSSDL_NET_GARBAGE] = {RETRY, "check the endpoint and its port"},
    [OSSDL_NET_HEADERS_TOO_LARGE] = {RETRY, "check the endpoint and proxy"},
    [OSSDL_NET_STALL] = {RETRY, NULL},
    [OSSDL_NET_FIRST_BYTE_TIMEOUT] = {RETRY, NULL},
    [OSSDL_NET_PROXY] = {RETRY, "check the proxy's name, port and "
                                "password"},
    [OSSDL_NET_STOPPED] = {FATAL, NULL},
    [OSSDL_NET_BAD_URL] = {FATAL, "check endpoint and proxy"},
    [OSSDL_NET_MEMORY] = {FATAL, "use fewer threads"},
    [OSSDL_NET_OTHER] = {RETRY, NULL},
};

static bool fits(const struct rule *rule, int status, const char *code)
{
    return status >= rule->low && status <= rule->high &&
           (!rule->code || strcmp(rule->code, code) == 0);
}

/* The last row fits every status that an answer can have. */
static const struct rule *rule_of(int status, const char *code)
{
    size_t i = 0;

    while (i + 1 < OSSDL_ARRAY_LEN(RULES) && !fits(&RULES[i], status, code)) {
        i++;
    }
    return &RULES[i];
}

static uint32_t capped(int64_t wait_ms)
{
    if (wait_ms < 0) {
        return 0;
    }
    return wait_ms < OSSDL_CLASSIFY_WAIT_MS ? (uint32_t) wait_ms
                                            : OSSDL_CLASSIFY_WAIT_MS;
}

/* The larger of the two waits that an answer can ask for. */
static uint32_t wait_of(const struct ossdl_reply *reply)
{
    uint32_t after = capped(reply->retry_after_s * 1000);
    uint32_t delay = capped(reply->qos_delay_ms);

    return after > delay ? after : delay;
}

static bool is_retryable(enum ossdl_action action)
{
    return action == OSSDL_ACTION_RETRY_NOW || action == OSSDL_ACTION_RETRY ||
           action == OSSDL_ACTION_CHANGED;
}

static size_t net_index(enum ossdl_net net)
{
    return (size_t) net < OSSDL_NET_COUNT ? (size_t) net : OSSDL_NET_OTHER;
}

struct ossdl_verdict ossdl_classify_net(enum ossdl_net net, bool stale)
{
    struct ossdl_verdict verdict = {
        .action = NETS[net_index(net)].action,
        .kind = ossdl_net_status(net),
    };

    if (stale && (net == OSSDL_NET_SEND || net == OSSDL_NET_RECEIVE ||
                  net == OSSDL_NET_EMPTY_REPLY)) {
        verdict.action = OSSDL_ACTION_RETRY_NOW;
    }
    verdict.retryable = is_retryable(verdict.action);
    return verdict;
}

struct ossdl_verdict
ossdl_classify_service(const struct ossdl_reply *reply,
                       const struct ossdl_service_error *service)
{
    const struct rule *rule = rule_of(reply->status, service->code);
    struct ossdl_verdict verdict = {
        .action = rule->action,
        .kind = rule->kind,
        .throttled = rule->throttled || reply->qos_delay_ms > 0,
        .retryable = is_retryable(rule->action),
    };

    if (rule->action == RETRY) {
        verdict.wait_ms = wait_of(reply);
    }
    return verdict;
}

struct ossdl_verdict ossdl_classify_status(enum ossdl_status status)
{
    struct ossdl_verdict verdict = {.action = FATAL, .kind = status};

    if (status == OSSDL_EPROTOCOL || status == OSSDL_ENETWORK ||
        status == OSSDL_ETIMEOUT) {
        verdict.action = RETRY;
    } else if (status == OSSDL_ECHANGED) {
        verdict.action = OSSDL_ACTION_CHANGED;
    }
    verdict.retryable = is_retryable(verdict.action);
    return verdict;
}

/* A name for people: cut between characters and marked when it is long. */
static const char *shown(char out[SHOWN_KEY_BYTES + 4], struct ossdl_slice name)
{
    ossdl_errtext_clean(out, SHOWN_KEY_BYTES + 1, name);
    if (name.len > SHOWN_KEY_BYTES) {
        memcpy(out + strlen(out), "...", 4);
    }
    return out;
}

/* Room for an endpoint or a URL and the words around it. */
#define ADVICE_SIZE 320

/* What to do, with what this very answer tells: "" when it is nothing. */
static void advise(const struct rule *rule, const struct ossdl_reply *reply,
                   const struct ossdl_service_error *service,
                   char out[ADVICE_SIZE])
{
    char place[sizeof reply->location];

    ossdl_errtext_redact(place, sizeof place, ossdl_slice_str(reply->location));
    if (service->endpoint[0] && rule->action == FATAL) {
        snprintf(out, ADVICE_SIZE, "use endpoint = \"%s\"", service->endpoint);
    } else if (reply->status == 404 && reply->delete_marker) {
        snprintf(out, ADVICE_SIZE,
                 "it was deleted: choose an older one with version_id");
    } else if (reply->status / 100 == 3 && place[0]) {
        snprintf(out, ADVICE_SIZE, "redirects are not followed; it leads to %s",
                 place);
    } else {
        snprintf(out, ADVICE_SIZE, "%s", rule->advice ? rule->advice : "");
    }
}

/* What the service says, without its full stop: the message goes on. */
static const char *said(char out[SHOWN_WORDS_SIZE],
                        const struct ossdl_service_error *service)
{
    size_t len;

    ossdl_errtext_clean(out, SHOWN_WORDS_SIZE,
                        ossdl_slice_str(service->message));
    len = strlen(out);
    while (len > 0 && out[len - 1] == '.') {
        len--;
    }
    out[len] = '\0';
    return out;
}

enum ossdl_status
ossdl_classify_error(const struct ossdl_reply *reply,
                     const struct ossdl_service_error *service,
                     struct ossdl_slice bucket, struct ossdl_slice object,
                     struct ossdl_error *err)
{
    const struct rule *rule = rule_of(reply->status, service->code);
    char bucket_text[SHOWN_KEY_BYTES + 4];
    char object_text[SHOWN_KEY_BYTES + 4];
    char words[SHOWN_WORDS_SIZE];
    char advice[ADVICE_SIZE];

    if (!err) {
        return rule->kind;
    }
    advise(rule, reply, service, advice);
    (void) ossdl_error_set(
        err, rule->kind, service->code, "cannot get oss://%s/%s: %s%s%s",
        shown(bucket_text, bucket), shown(object_text, object),
        said(words, service), advice[0] ? "; " : "", advice);
    err->http_status = reply->status;
    err->retryable = is_retryable(rule->action);
    memcpy(err->request_id, service->request_id, sizeof err->request_id);
    memcpy(err->ec, service->ec, sizeof err->ec);
    return rule->kind;
}

enum ossdl_status ossdl_classify_net_error(enum ossdl_net net,
                                           struct ossdl_slice detail,
                                           struct ossdl_slice bucket,
                                           struct ossdl_slice object,
                                           struct ossdl_error *err)
{
    const char *advice = NETS[net_index(net)].advice;
    char bucket_text[SHOWN_KEY_BYTES + 4];
    char object_text[SHOWN_KEY_BYTES + 4];
    char clean[256];
    char words[256];

    ossdl_errtext_clean(clean, sizeof clean, detail);
    ossdl_errtext_redact(words, sizeof words, ossdl_slice_str(clean));
    if (strcmp(words, ossdl_net_text(net)) == 0) {
        words[0] = '\0';
    }
    (void) ossdl_error_set(
        err, ossdl_net_status(net), ossdl_net_name(net),
        "cannot get oss://%s/%s: %s%s%s%s%s%s", shown(bucket_text, bucket),
        shown(object_text, object), ossdl_net_text(net), words[0] ? " (" : "",
        words, words[0] ? ")" : "", advice ? "; " : "", advice ? advice : "");
    if (err) {
        err->retryable = is_retryable(ossdl_classify_net(net, false).action);
    }
    return ossdl_net_status(net);
}
