#include "secret.h"

#include "alloc.h"
#include "test.h"

static bool refuse(void *context, size_t size)
{
    (void) context;
    (void) size;
    return false;
}

TEST("a secret is a copy, and replacing it frees the old one")
{
    struct ossdl_secret secret = {NULL, 0};

    CHECK_OK(ossdl_secret_set(&secret, ossdl_slice_str("first")));
    CHECK_OK(ossdl_secret_set(&secret, ossdl_slice_of("a\0b", 3)));
    CHECK(ossdl_slice_equal(ossdl_secret_slice(&secret),
                            ossdl_slice_of("a\0b", 3)));
    ossdl_secret_cleanup(&secret);
    ossdl_secret_cleanup(&secret);
    CHECK_U64(secret.len, 0);
}

TEST("without memory the old secret stays")
{
    struct ossdl_secret secret = {NULL, 0};

    CHECK_OK(ossdl_secret_set(&secret, ossdl_slice_str("old")));
    ossdl_alloc_set_hook(refuse, NULL);
    CHECK_U64(ossdl_secret_set(&secret, ossdl_slice_str("new")), OSSDL_EMEMORY);
    ossdl_alloc_set_hook(NULL, NULL);
    CHECK(ossdl_slice_is(ossdl_secret_slice(&secret), "old"));
    ossdl_secret_cleanup(&secret);
}

TEST("wiping overwrites every byte")
{
    char bytes[8] = "secret!";

    ossdl_wipe(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        CHECK_U64(bytes[i], 0);
    }
    ossdl_wipe(NULL, 0);
}

TEST_MAIN()
