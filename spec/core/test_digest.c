#include "codec.h"
#include "digest.h"
#include "guard.h"
#include "test.h"

#define CHECK_DIGEST(call, bytes, expected)     \
    do {                                        \
        unsigned char out[bytes];               \
        char hex[2 * (bytes) + 1];              \
        CHECK_OK(call);                         \
        ossdl_hex_encode(out, sizeof out, hex); \
        CHECK_STR(hex, expected);               \
    } while (0)

TEST("SHA-256 gives the examples of FIPS 180-4")
{
    CHECK_DIGEST(
        ossdl_sha256(ossdl_slice_str(NULL), out), OSSDL_SHA256_BYTES,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK_DIGEST(
        ossdl_sha256(guarded_str("abc"), out), OSSDL_SHA256_BYTES,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST("HMAC-SHA-256 gives example 2 of RFC 4231")
{
    CHECK_DIGEST(
        ossdl_hmac_sha256(ossdl_slice_str("Jefe"),
                          guarded_str("what do ya want for nothing?"), out),
        OSSDL_SHA256_BYTES,
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST("HMAC-SHA-1 gives example 2 of RFC 2202")
{
    CHECK_DIGEST(ossdl_hmac_sha1(ossdl_slice_str("Jefe"),
                                 guarded_str("what do ya want for nothing?"),
                                 out),
                 OSSDL_SHA1_BYTES, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

TEST("an empty key and an empty text are a key and a text")
{
    CHECK_DIGEST(
        ossdl_hmac_sha256(ossdl_slice_str(NULL), ossdl_slice_str(NULL), out),
        OSSDL_SHA256_BYTES,
        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST("a key whose length OpenSSL cannot hold is refused")
{
    unsigned char out[OSSDL_SHA256_BYTES];
    struct ossdl_slice key = ossdl_slice_of("k", (size_t) INT32_MAX + 1);

    CHECK_U64(ossdl_hmac_sha256(key, ossdl_slice_str("text"), out),
              OSSDL_EMEMORY);
}

TEST_MAIN()
