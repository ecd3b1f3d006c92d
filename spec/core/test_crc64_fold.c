/* Every way of folding that this machine has, against liblzma. */
#include "test.h"

#include "crc64.h"
#include "crc64_fold.h"

#include <lzma.h>
#include <pthread.h>
#include <stdlib.h>

static unsigned char bytes[70000];

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *seed >> 17;
}

static void fill(void)
{
    uint64_t seed = 11;

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char) next(&seed);
    }
}

/* Folds, and finishes as crc64.h would. */
static uint64_t folded_crc(enum ossdl_fold fold, uint64_t crc,
                           const unsigned char *from, size_t len,
                           size_t *out_used)
{
    unsigned char residue[OSSDL_FOLD_RESIDUE_BYTES];

    *out_used = ossdl_fold_bytes(fold, crc, from, len, residue);
    if (*out_used > 0) {
        crc = lzma_crc64(residue, sizeof residue, UINT64_MAX);
    }
    return lzma_crc64(from + *out_used, len - *out_used, crc);
}

TEST("folding nothing is always supported, and consumes nothing")
{
    unsigned char residue[OSSDL_FOLD_RESIDUE_BYTES];

    CHECK(ossdl_fold_supported(OSSDL_FOLD_NONE));
    CHECK_U64(ossdl_fold_bytes(OSSDL_FOLD_NONE, 0, bytes, 5000, residue), 0);
}

TEST("an unknown way is not supported, and consumes nothing")
{
    unsigned char residue[OSSDL_FOLD_RESIDUE_BYTES];

    CHECK(!ossdl_fold_supported(OSSDL_FOLD_COUNT));
    CHECK_U64(ossdl_fold_bytes(OSSDL_FOLD_COUNT, 0, bytes, 5000, residue), 0);
}

TEST("the best way is supported, and no later one is")
{
    int best = (int) ossdl_fold_best();

    CHECK(ossdl_fold_supported((enum ossdl_fold) best));
    for (int fold = best + 1; fold < OSSDL_FOLD_COUNT; fold++) {
        CHECK(!ossdl_fold_supported((enum ossdl_fold) fold));
    }
}

TEST("less than 64 bytes are left alone")
{
    unsigned char residue[OSSDL_FOLD_RESIDUE_BYTES];

    for (int fold = 0; fold < OSSDL_FOLD_COUNT; fold++) {
        CHECK_U64(
            ossdl_fold_bytes((enum ossdl_fold) fold, 0, bytes, 63, residue), 0);
    }
}

TEST("every way and length agrees with liblzma, and leaves less than 16 bytes")
{
    fill();
    for (int fold = 0; fold < OSSDL_FOLD_COUNT; fold++) {
        for (size_t len = 0; len < 1500; len++) {
            size_t used;
            uint64_t crc =
                folded_crc((enum ossdl_fold) fold, len, bytes, len, &used);

            CHECK_U64(crc, lzma_crc64(bytes, len, len));
            CHECK_U64(used % 16, 0);
            CHECK(used == 0 || len - used < 16);
        }
    }
}

TEST("random lengths, places and starts agree with liblzma")
{
    uint64_t seed = 12;

    fill();
    for (int i = 0; i < 6000; i++) {
        enum ossdl_fold fold = (enum ossdl_fold)(i % OSSDL_FOLD_COUNT);
        size_t start = next(&seed) % 4096;
        size_t len = next(&seed) % (sizeof bytes - start);
        uint64_t crc = next(&seed) * 131071;
        size_t used;

        CHECK_U64(folded_crc(fold, crc, bytes + start, len, &used),
                  lzma_crc64(bytes + start, len, crc));
    }
}

/* A block of exactly the right size lets the sanitizer see one byte more. */
TEST("no way reads outside the bytes it was given")
{
    for (size_t len = 64; len < 700; len++) {
        unsigned char *exact = malloc(len);

        CHECK(exact);
        memset(exact, (int) len, len);
        for (int fold = 0; fold < OSSDL_FOLD_COUNT; fold++) {
            size_t used;
            uint64_t crc =
                folded_crc((enum ossdl_fold) fold, 0, exact, len, &used);

            CHECK_U64(crc, lzma_crc64(exact, len, 0));
        }
        free(exact);
    }
}

TEST("the public function agrees with liblzma on large blocks")
{
    fill();
    for (size_t len = 200; len < sizeof bytes; len = len * 9 / 8) {
        CHECK_U64(ossdl_crc64(len, bytes, len), lzma_crc64(bytes, len, len));
    }
}

static void *crc_thread(void *out_crc)
{
    *(uint64_t *) out_crc = ossdl_crc64(0, bytes, sizeof bytes);
    return NULL;
}

TEST("several threads may begin at the same time")
{
    pthread_t threads[4];
    uint64_t crcs[4];

    fill();
    for (int i = 0; i < 4; i++) {
        CHECK_OK(pthread_create(&threads[i], NULL, crc_thread, &crcs[i]));
    }
    for (int i = 0; i < 4; i++) {
        CHECK_OK(pthread_join(threads[i], NULL));
    }
    for (int i = 0; i < 4; i++) {
        CHECK_U64(crcs[i], lzma_crc64(bytes, sizeof bytes, 0));
    }
}

TEST_MAIN()
