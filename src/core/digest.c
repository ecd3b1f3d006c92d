#include "digest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static enum ossdl_status hmac(const EVP_MD *digest, struct ossdl_slice key,
                              struct ossdl_slice text, unsigned char *out)
{
    unsigned len = 0;

    if (key.len > INT_MAX) {
        return OSSDL_EMEMORY;
    }
    /* A NULL key would mean "the one of last time". */
    return HMAC(digest, key.len ? key.ptr : "", (int) key.len,
                (const unsigned char *) text.ptr, text.len, out, &len)
               ? OSSDL_OK
               : OSSDL_EMEMORY;
}

enum ossdl_status ossdl_sha256(struct ossdl_slice text,
                               unsigned char out[OSSDL_SHA256_BYTES])
{
    return EVP_Digest(text.ptr, text.len, out, NULL, EVP_sha256(), NULL)
               ? OSSDL_OK
               : OSSDL_EMEMORY;
}

enum ossdl_status ossdl_hmac_sha256(struct ossdl_slice key,
                                    struct ossdl_slice text,
                                    unsigned char out[OSSDL_SHA256_BYTES])
{
    return hmac(EVP_sha256(), key, text, out);
}

enum ossdl_status ossdl_hmac_sha1(struct ossdl_slice key,
                                  struct ossdl_slice text,
                                  unsigned char out[OSSDL_SHA1_BYTES])
{
    return hmac(EVP_sha1(), key, text, out);
}
