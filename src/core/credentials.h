/*
 * credentials.h - an access key, immutable and shared by reference
 *
 * Threads: immutable; the reference count is atomic, so any thread may
 *          acquire, read and release.
 * Memory:  freed and wiped when the last reference is released.
 * Errors:  OSSDL_EINVALID, naming the option but never its value.
 */
#ifndef OSSDL_CORE_CREDENTIALS_H
#define OSSDL_CORE_CREDENTIALS_H

#include "slice.h"
#include "status.h"

OSSDL_BEGIN_DECLS

#define OSSDL_KEY_ID_MAX 128
#define OSSDL_KEY_SECRET_MAX 256
#define OSSDL_TOKEN_MAX 16384

struct ossdl_credentials;

/*
 * Copies its arguments. token is empty for a long-term key. expires_at is in
 * seconds since 1970, 0 for never. A space or line break in any of the three
 * (read from a file, as a rule) is refused here and not by the service.
 */
enum ossdl_status
ossdl_credentials_new(struct ossdl_slice key_id, struct ossdl_slice secret,
                      struct ossdl_slice token, int64_t expires_at,
                      struct ossdl_credentials **out,
                      struct ossdl_error *err) OSSDL_MUST_CHECK;

/* NULL gives NULL. */
struct ossdl_credentials *
ossdl_credentials_acquire(struct ossdl_credentials *credentials);
/* Always returns NULL, so that callers write `x = release(x)`. */
struct ossdl_credentials *
ossdl_credentials_release(struct ossdl_credentials *credentials);

/* All of these live as long as the caller's reference. */
const char *ossdl_credentials_key_id(const struct ossdl_credentials *c);
struct ossdl_slice ossdl_credentials_secret(const struct ossdl_credentials *c);
/* Empty when there is none. */
struct ossdl_slice ossdl_credentials_token(const struct ossdl_credentials *c);
bool ossdl_credentials_has_token(const struct ossdl_credentials *c);
int64_t ossdl_credentials_expires_at(const struct ossdl_credentials *c);

OSSDL_END_DECLS

#endif
