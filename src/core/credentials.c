#include "credentials.h"

#include "alloc.h"
#include "secret.h"

#include <stdatomic.h>
#include <string.h>

struct ossdl_credentials {
    atomic_uint references;
    int64_t expires_at;
    char *key_id;
    struct ossdl_secret secret;
    struct ossdl_secret token; /* unset when there is none */
};

/* What no key has. A key id stands between separators in Authorization. */
static bool is_printable(struct ossdl_slice text, const char *but_not)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char) text.ptr[i];

        if (byte <= ' ' || byte >= 0x7f || strchr(but_not, byte)) {
            return false;
        }
    }
    return true;
}

/* The value stays out of the messages: it may be another one's place. */
static enum ossdl_status check_text(const char *option, struct ossdl_slice text,
                                    size_t max, const char *but_not,
                                    struct ossdl_error *err)
{
    if (text.len > max) {
        return ossdl_error_set(
            err, OSSDL_EINVALID, option,
            "%s has %zu bytes, more than %zu; check what was passed", option,
            text.len, max);
    }
    if (!is_printable(text, but_not)) {
        return ossdl_error_set(
            err, OSSDL_EINVALID, option,
            "%s has a space, a line break or another character that no key "
            "has; if it was read from a file, cut off the line's end",
            option);
    }
    return OSSDL_OK;
}

static enum ossdl_status check_given(const char *option,
                                     struct ossdl_slice text,
                                     struct ossdl_error *err)
{
    if (text.len == 0) {
        return ossdl_error_set(err, OSSDL_EINVALID, option,
                               "%s is empty; give both access_key_id and "
                               "access_key_secret",
                               option);
    }
    return OSSDL_OK;
}

static enum ossdl_status check(struct ossdl_slice key_id,
                               struct ossdl_slice secret,
                               struct ossdl_slice token, int64_t expires_at,
                               struct ossdl_error *err)
{
    static const char ID[] = "access_key_id";
    static const char SECRET[] = "access_key_secret";
    enum ossdl_status status = check_given(ID, key_id, err);

    if (status == OSSDL_OK) {
        status = check_text(ID, key_id, OSSDL_KEY_ID_MAX, "/,:=\"", err);
    }
    if (status == OSSDL_OK) {
        status = check_given(SECRET, secret, err);
    }
    if (status == OSSDL_OK) {
        status = check_text(SECRET, secret, OSSDL_KEY_SECRET_MAX, "", err);
    }
    if (status == OSSDL_OK) {
        status = check_text("security_token", token, OSSDL_TOKEN_MAX, "", err);
    }
    if (status == OSSDL_OK && expires_at < 0) {
        status = ossdl_error_set(
            err, OSSDL_EINVALID, "expires_at",
            "the credentials' expiry must be in seconds since 1970, or 0");
    }
    return status;
}

static void credentials_free(struct ossdl_credentials *credentials)
{
    ossdl_free(credentials->key_id);
    ossdl_secret_cleanup(&credentials->secret);
    ossdl_secret_cleanup(&credentials->token);
    ossdl_free(credentials);
}

static enum ossdl_status fill(struct ossdl_credentials *credentials,
                              struct ossdl_slice key_id,
                              struct ossdl_slice secret,
                              struct ossdl_slice token)
{
    credentials->key_id = ossdl_alloc_string(key_id.ptr, key_id.len);
    if (!credentials->key_id ||
        ossdl_secret_set(&credentials->secret, secret) != OSSDL_OK) {
        return OSSDL_EMEMORY;
    }
    return token.len > 0 ? ossdl_secret_set(&credentials->token, token)
                         : OSSDL_OK;
}

enum ossdl_status
ossdl_credentials_new(struct ossdl_slice key_id, struct ossdl_slice secret,
                      struct ossdl_slice token, int64_t expires_at,
                      struct ossdl_credentials **out, struct ossdl_error *err)
{
    enum ossdl_status status = check(key_id, secret, token, expires_at, err);
    struct ossdl_credentials *credentials;

    if (status != OSSDL_OK) {
        return status;
    }
    credentials = ossdl_alloc_zero(1, sizeof *credentials);
    if (!credentials) {
        return ossdl_error_memory(err);
    }
    if (fill(credentials, key_id, secret, token) != OSSDL_OK) {
        credentials_free(credentials);
        return ossdl_error_memory(err);
    }
    atomic_init(&credentials->references, 1);
    credentials->expires_at = expires_at;
    *out = credentials;
    return OSSDL_OK;
}

struct ossdl_credentials *
ossdl_credentials_acquire(struct ossdl_credentials *credentials)
{
    if (credentials) {
        atomic_fetch_add_explicit(&credentials->references, 1,
                                  memory_order_relaxed);
    }
    return credentials;
}

struct ossdl_credentials *
ossdl_credentials_release(struct ossdl_credentials *credentials)
{
    /* Acquire and release: whoever frees must see every other's last use. */
    if (credentials && atomic_fetch_sub_explicit(&credentials->references, 1,
                                                 memory_order_acq_rel) == 1) {
        credentials_free(credentials);
    }
    return NULL;
}

const char *ossdl_credentials_key_id(const struct ossdl_credentials *c)
{
    return c->key_id;
}

struct ossdl_slice ossdl_credentials_secret(const struct ossdl_credentials *c)
{
    return ossdl_secret_slice(&c->secret);
}

struct ossdl_slice ossdl_credentials_token(const struct ossdl_credentials *c)
{
    return ossdl_secret_slice(&c->token);
}

bool ossdl_credentials_has_token(const struct ossdl_credentials *c)
{
    return c->token.len > 0;
}

int64_t ossdl_credentials_expires_at(const struct ossdl_credentials *c)
{
    return c->expires_at;
}
