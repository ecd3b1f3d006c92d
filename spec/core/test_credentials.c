#include "alloc.h"
#include "credentials.h"
#include "guard.h"
#include "test.h"

#define SECRET "FAKEsecretForTests"
#define TOKEN "FAKE/token+for==tests"

static struct ossdl_error error;

static enum ossdl_status make(const char *key_id, const char *secret,
                              const char *token, int64_t expires_at,
                              struct ossdl_credentials **out)
{
    error.message[0] = '\0';
    *out = NULL;
    return ossdl_credentials_new(
        ossdl_slice_str(key_id), ossdl_slice_str(secret),
        ossdl_slice_str(token), expires_at, out, &error);
}

/* The status; on OSSDL_OK what was made is dropped at once. */
static enum ossdl_status attempt(const char *key_id, const char *secret,
                                 const char *token)
{
    struct ossdl_credentials *made;
    enum ossdl_status status = make(key_id, secret, token, 0, &made);

    ossdl_credentials_release(made);
    return status;
}

TEST("credentials give back what they were made of")
{
    struct ossdl_credentials *made;

    CHECK_OK(make("LTAIFAKE", SECRET, TOKEN, 1700000000, &made));
    CHECK_STR(ossdl_credentials_key_id(made), "LTAIFAKE");
    CHECK(ossdl_slice_is(ossdl_credentials_secret(made), SECRET));
    CHECK(ossdl_slice_is(ossdl_credentials_token(made), TOKEN));
    CHECK(ossdl_credentials_has_token(made));
    CHECK_U64(ossdl_credentials_expires_at(made), 1700000000);
    CHECK(!ossdl_credentials_release(made));
}

TEST("the token is optional")
{
    struct ossdl_credentials *made;

    CHECK_OK(make("LTAIFAKE", SECRET, NULL, 0, &made));
    CHECK(!ossdl_credentials_has_token(made));
    CHECK_U64(ossdl_credentials_token(made).len, 0);
    CHECK_U64(ossdl_credentials_expires_at(made), 0);
    CHECK(!ossdl_credentials_release(made));
}

TEST("the last of several references frees")
{
    struct ossdl_credentials *made;

    CHECK_OK(make("LTAIFAKE", SECRET, NULL, 0, &made));
    CHECK(ossdl_credentials_acquire(made) == made);
    CHECK(!ossdl_credentials_release(made));
    CHECK_STR(ossdl_credentials_key_id(made), "LTAIFAKE");
    CHECK(!ossdl_credentials_release(made));
    CHECK(!ossdl_credentials_acquire(NULL));
    CHECK(!ossdl_credentials_release(NULL));
}

TEST("an empty key id or secret is refused by name")
{
    CHECK_U64(attempt("", SECRET, NULL), OSSDL_EINVALID);
    CHECK_STR(error.code, "access_key_id");
    CHECK_U64(attempt("LTAIFAKE", NULL, NULL), OSSDL_EINVALID);
    CHECK_STR(error.code, "access_key_secret");
    CHECK(strstr(error.message, "access_key_secret is empty"));
}

TEST("spaces, line breaks and other odd bytes are refused without showing them")
{
    static const char *const ODD[] = {SECRET "\n",       " " SECRET,
                                      SECRET "\r\n",     SECRET "\x7f",
                                      SECRET "\xc3\xa9", "\t"};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(ODD); i++) {
        CHECK_U64(attempt("LTAIFAKE", ODD[i], NULL), OSSDL_EINVALID);
        CHECK_STR(error.code, "access_key_secret");
        CHECK(!strstr(error.message, "FAKE"));
        CHECK_U64(attempt("LTAIFAKE", SECRET, ODD[i]), OSSDL_EINVALID);
        CHECK_STR(error.code, "security_token");
        CHECK(!strstr(error.message, "FAKE"));
        CHECK_U64(attempt(ODD[i], SECRET, NULL), OSSDL_EINVALID);
        CHECK_STR(error.code, "access_key_id");
        CHECK(!strstr(error.message, "FAKE"));
    }
}

TEST("a key id cannot hold what separates it in Authorization")
{
    static const char *const IDS[] = {"a/b", "a,b", "a:b", "a=b", "a\"b"};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(IDS); i++) {
        CHECK_U64(attempt(IDS[i], SECRET, NULL), OSSDL_EINVALID);
        CHECK_STR(error.code, "access_key_id");
    }
    CHECK_OK(attempt("STS.NUx-y_z", "a/b,c:d=e", NULL));
}

TEST("a NUL byte inside is refused")
{
    struct ossdl_credentials *made = NULL;

    CHECK_U64(ossdl_credentials_new(ossdl_slice_str("id"), guarded("a\0b", 3),
                                    ossdl_slice_str(NULL), 0, &made, &error),
              OSSDL_EINVALID);
    CHECK(!made);
}

TEST("each length has a bound, and the bound itself is fine")
{
    static char text[OSSDL_TOKEN_MAX + 2];
    struct ossdl_slice id = ossdl_slice_of(text, OSSDL_KEY_ID_MAX);
    struct ossdl_slice secret = ossdl_slice_of(text, OSSDL_KEY_SECRET_MAX);
    struct ossdl_slice token = ossdl_slice_of(text, OSSDL_TOKEN_MAX);
    struct ossdl_slice *slices[] = {&id, &secret, &token};
    struct ossdl_credentials *made = NULL;

    memset(text, 'a', sizeof text - 1);
    CHECK_OK(ossdl_credentials_new(id, secret, token, 0, &made, &error));
    made = ossdl_credentials_release(made);
    for (size_t i = 0; i < 3; i++) {
        slices[i]->len++;
        CHECK_U64(ossdl_credentials_new(id, secret, token, 0, &made, &error),
                  OSSDL_EINVALID);
        CHECK(strstr(error.message, "bytes, more than"));
        slices[i]->len--;
    }
    CHECK(!made);
}

TEST("an expiry before 1970 is refused")
{
    struct ossdl_credentials *made;

    CHECK_U64(make("LTAIFAKE", SECRET, NULL, -1, &made), OSSDL_EINVALID);
    CHECK_STR(error.code, "expires_at");
}

static bool fail_at(void *context, size_t size)
{
    int *left = context;

    (void) size;
    return (*left)-- != 0;
}

TEST("without memory nothing is made and nothing leaks")
{
    enum ossdl_status status = OSSDL_EMEMORY;
    int at = 0;

    for (; status == OSSDL_EMEMORY && at < 10; at++) {
        int left = at;

        ossdl_alloc_set_hook(fail_at, &left);
        status = attempt("LTAIFAKE", SECRET, TOKEN);
        ossdl_alloc_set_hook(NULL, NULL);
    }
    CHECK_OK(status);
    CHECK_U64(at, 5);
}

TEST_MAIN()
