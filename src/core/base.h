/*
 * base.h - what every file of the core includes first
 *
 * Feature macros live here because a rockspec cannot pass compiler flags. So
 * does the visibility of symbols: the module exports luaopen_ossdl_core and
 * nothing else, since it is loaded into hosts such as nginx.
 */
#ifndef OSSDL_CORE_BASE_H
#define OSSDL_CORE_BASE_H

#if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 201112L
#error "ossdl needs a C11 compiler (gcc 5, clang 3.6 or newer)"
#endif

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
/* Every header of ours stands between these two, after its includes. */
#define OSSDL_BEGIN_DECLS _Pragma("GCC visibility push(hidden)")
#define OSSDL_END_DECLS _Pragma("GCC visibility pop")
#define OSSDL_PRINTF(text, first) \
    __attribute__((__format__(__printf__, text, first)))
#define OSSDL_MUST_CHECK __attribute__((__warn_unused_result__))
#else
#define OSSDL_BEGIN_DECLS
#define OSSDL_END_DECLS
#define OSSDL_PRINTF(text, first)
#define OSSDL_MUST_CHECK
#endif

#define OSSDL_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#define OSSDL_KIB ((uint64_t) 1024)
#define OSSDL_MIB (1024 * OSSDL_KIB)
#define OSSDL_GIB (1024 * OSSDL_MIB)

#endif
