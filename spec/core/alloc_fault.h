/*
 * alloc_fault.h - an allocation that fails, counted over all threads
 *
 * The core asks the hook before each allocation. alloc_fault_arm() makes the
 * n-th from now fail, and on demand all that follow. Arm and disarm only while
 * no thread of the core runs; alloc_fault_relent() may be called at any time.
 */
#ifndef OSSDL_SPEC_ALLOC_FAULT_H
#define OSSDL_SPEC_ALLOC_FAULT_H

#include "alloc.h"

#include <limits.h>
#include <stdatomic.h>

struct alloc_fault {
    atomic_long left; /* allocations up to the one that fails */
    bool lasting;     /* those behind it fail as well */
    atomic_bool struck;
};

static bool alloc_fault_allows(void *context, size_t size)
{
    struct alloc_fault *fault = context;
    long left = atomic_fetch_sub(&fault->left, 1);

    (void) size;
    if (left == 1 || (left < 1 && fault->lasting)) {
        atomic_store(&fault->struck, true);
        return false;
    }
    return true;
}

static inline void alloc_fault_arm(struct alloc_fault *fault, long n,
                                   bool lasting)
{
    atomic_store(&fault->left, n);
    fault->lasting = lasting;
    atomic_store(&fault->struck, false);
    ossdl_alloc_set_hook(alloc_fault_allows, fault);
}

/* Lets everything pass from now on. */
static inline void alloc_fault_relent(struct alloc_fault *fault)
{
    atomic_store(&fault->left, LONG_MAX);
}

static inline void alloc_fault_disarm(void)
{
    ossdl_alloc_set_hook(NULL, NULL);
}

#endif
