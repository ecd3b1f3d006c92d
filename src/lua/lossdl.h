/*
 * lossdl.h - what the files of the binding know of each other
 *
 * Threads: everything here runs on the thread that called from Lua, for as
 *          long as that call lasts; nothing keeps a lua_State.
 * Memory:  a C resource lives in a userdata with __gc before anything is
 *          called that can raise; borrowed slices point into Lua strings that
 *          the reader leaves on the stack.
 * Errors:  misuse raises and names the option; what can go wrong at run time
 *          is returned as nil and an error table.
 */
#ifndef OSSDL_LUA_LOSSDL_H
#define OSSDL_LUA_LOSSDL_H

#include "compat.h"

#include "../core/buf.h"
#include "../core/ossdl.h"

OSSDL_BEGIN_DECLS

/* Names of metatables in the registry. */
#define LOSSDL_CLIENT "ossdl.client"
#define LOSSDL_TRANSFER "ossdl.transfer"
#define LOSSDL_ERROR "ossdl.error"
#define LOSSDL_SCRATCH "ossdl.scratch"

/* The largest whole number that every Lua can hold. */
#define LOSSDL_INTEGER_MAX ((uint64_t) 1 << 53)
/* More strings than any options table has fields. */
#define LOSSDL_STACK_SLOTS 48

/* From module.c */

/* Leaves a metatable with __index, __name and these functions registered.
 * methods may be NULL. */
void lossdl_newclass(lua_State *L, const char *name, const luaL_Reg *methods,
                     const luaL_Reg *metamethods);

/* From lerror.c */

/* The metatable of errors, on the stack. */
void lossdl_error_class(lua_State *L);
/* Pushes err as a table. */
void lossdl_error_push(lua_State *L, const struct ossdl_error *err);
/* Pushes nil and err, returns 2: `return lossdl_fail(L, &err);` */
int lossdl_fail(lua_State *L, const struct ossdl_error *err);
/* lossdl_fail() for a method called on a closed client or transfer. */
int lossdl_fail_closed(lua_State *L, const char *what);

/* From lfields.c: the options in the table at an absolute stack index. Each
 * reader leaves what it read on the stack and raises on a wrong type. */

/* False and an empty slice when the field is nil. */
bool lossdl_field_slice(lua_State *L, int table, const char *name,
                        struct ossdl_slice *out);
/* NULL when the field is nil; a string with a NUL byte raises. */
const char *lossdl_field_string(lua_State *L, int table, const char *name);
/* As above, and raises when it is nil. */
const char *lossdl_field_required(lua_State *L, int table, const char *name);
bool lossdl_field_boolean(lua_State *L, int table, const char *name);
/* A whole number between min and max, which may be written 8e6 or 8.0. */
uint64_t lossdl_field_integer(lua_State *L, int table, const char *name,
                              uint64_t min, uint64_t max);
/* Seconds, perhaps with a fraction, as milliseconds; at least 1. */
int64_t lossdl_field_ms(lua_State *L, int table, const char *name);
/* The place of the word in choices (ended by NULL). */
int lossdl_field_choice(lua_State *L, int table, const char *name,
                        const char *const choices[]);
/* Adds the entries of a table of string to string or number, sorted by name.
 * *into must be owned by a userdata. Nothing when the field is nil. */
enum ossdl_status lossdl_field_pairs(lua_State *L, int table, const char *name,
                                     struct ossdl_pairs *into,
                                     struct ossdl_error *err);
/* access_key_id, access_key_secret, security_token and expires_at; *out stays
 * NULL when there is no access_key_id. *out must be owned by a userdata. */
enum ossdl_status lossdl_field_credentials(lua_State *L, int table,
                                           struct ossdl_credentials **out,
                                           struct ossdl_error *err);

/* Resources for the length of one call, freed by __gc if that raises. */
struct lossdl_scratch {
    struct ossdl_pairs headers;
    struct ossdl_pairs query;
    struct ossdl_pairs out;
    struct ossdl_buf url;
    struct ossdl_credentials *credentials;
};

/* Pushes an empty one. */
struct lossdl_scratch *lossdl_scratch_new(lua_State *L);
/* Frees the contents early; idempotent. */
void lossdl_scratch_cleanup(struct lossdl_scratch *scratch);
void lossdl_scratch_class(lua_State *L);

/* From lclient.c */

void lossdl_client_class(lua_State *L);
int lossdl_client_new(lua_State *L);

/* From ltransfer.c */

void lossdl_transfer_class(lua_State *L);
/* client:start(options); the client is argument 1. */
int lossdl_transfer_start(lua_State *L, struct ossdl_client *client);

/* From lsign.c */

int lossdl_sign(lua_State *L);
int lossdl_presign(lua_State *L);
int lossdl_endpoint_region(lua_State *L);

OSSDL_END_DECLS

#endif
