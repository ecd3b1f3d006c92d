/*
 * test.h - the whole harness of the C tests
 *
 * A test file is a program: TEST("a sentence") { ... } blocks, and at its end
 * TEST_MAIN(). A failed CHECK prints what was expected and goes on with the
 * next test. The last line of output is "N passed, N failed". An argument
 * runs only the tests whose sentence contains it.
 */
#ifndef OSSDL_SPEC_TEST_H
#define OSSDL_SPEC_TEST_H

#include "base.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct test {
    const char *sentence;
    void (*run)(void);
    struct test *next;
};

static struct test *test_first;
static struct test **test_last = &test_first;
static int test_failures; /* of the running test */

#define TEST_JOIN2(a, b) a##b
#define TEST_JOIN(a, b) TEST_JOIN2(a, b)

#define TEST(words) TEST_AT(words, __LINE__)
#define TEST_AT(words, line)                                                  \
    static void TEST_JOIN(test_run_, line)(void);                             \
    __attribute__((constructor)) static void TEST_JOIN(test_add_, line)(void) \
    {                                                                         \
        static struct test test = {words, TEST_JOIN(test_run_, line), NULL};  \
        *test_last = &test;                                                   \
        test_last = &test.next;                                               \
    }                                                                         \
    static void TEST_JOIN(test_run_, line)(void)

#define TEST_FAIL(...)                             \
    do {                                           \
        printf("    %s:%d: ", __FILE__, __LINE__); \
        printf(__VA_ARGS__);                       \
        printf("\n");                              \
        test_failures++;                           \
        return;                                    \
    } while (0)

#define CHECK(condition)                           \
    do {                                           \
        if (!(condition)) {                        \
            TEST_FAIL("expected: %s", #condition); \
        }                                          \
    } while (0)

#define CHECK_U64(actual, expected)                                      \
    do {                                                                 \
        uint64_t test_a = (uint64_t) (actual);                           \
        uint64_t test_e = (uint64_t) (expected);                         \
        if (test_a != test_e) {                                          \
            TEST_FAIL("%s: expected %" PRIu64 ", got %" PRIu64, #actual, \
                      test_e, test_a);                                   \
        }                                                                \
    } while (0)

#define CHECK_STR(actual, expected)                                       \
    do {                                                                  \
        const char *test_a = (actual);                                    \
        const char *test_e = (expected);                                  \
        if (strcmp(test_a, test_e) != 0) {                                \
            TEST_FAIL("%s: expected \"%s\", got \"%s\"", #actual, test_e, \
                      test_a);                                            \
        }                                                                 \
    } while (0)

#define CHECK_OK(call) CHECK_U64((call), 0)

static int test_main(int argc, char **argv)
{
    int passed = 0;
    int failed = 0;

    for (struct test *test = test_first; test; test = test->next) {
        if (argc > 1 && !strstr(test->sentence, argv[1])) {
            continue;
        }
        test_failures = 0;
        test->run();
        if (test_failures > 0) {
            printf("  FAILED: %s\n", test->sentence);
            failed++;
        } else {
            passed++;
        }
        fflush(stdout);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

#define TEST_MAIN()                   \
    int main(int argc, char **argv)   \
    {                                 \
        return test_main(argc, argv); \
    }

#endif
