#include "lossdl.h"

#include "../core/endpoint.h"

#include <math.h>
#include <stdio.h>

/* Never shows the value: it may be a secret. */
static void raise_type(lua_State *L, const char *name, const char *expected)
{
    luaL_error(L, "bad option '%s' (%s expected, got %s)", name, expected,
               luaL_typename(L, -1));
}

static void raise_value(lua_State *L, const char *name, const char *expected)
{
    luaL_error(L, "bad option '%s' (%s expected)", name, expected);
}

bool lossdl_field_slice(lua_State *L, int table, const char *name,
                        struct ossdl_slice *out)
{
    size_t len = 0;
    const char *bytes;

    lua_getfield(L, table, name);
    if (lua_isnil(L, -1)) {
        *out = ossdl_slice_of(NULL, 0);
        return false;
    }
    if (lua_type(L, -1) != LUA_TSTRING) {
        raise_type(L, name, "string");
    }
    bytes = lua_tolstring(L, -1, &len);
    *out = ossdl_slice_of(bytes, len);
    return true;
}

const char *lossdl_field_string(lua_State *L, int table, const char *name)
{
    struct ossdl_slice slice;

    if (!lossdl_field_slice(L, table, name, &slice)) {
        return NULL;
    }
    if (memchr(slice.ptr, 0, slice.len)) {
        raise_value(L, name, "string without NUL bytes");
    }
    return slice.ptr;
}

const char *lossdl_field_required(lua_State *L, int table, const char *name)
{
    const char *string = lossdl_field_string(L, table, name);

    if (!string) {
        raise_type(L, name, "string");
    }
    return string;
}

bool lossdl_field_boolean(lua_State *L, int table, const char *name)
{
    lua_getfield(L, table, name);
    if (!lua_isboolean(L, -1)) {
        raise_type(L, name, "boolean");
    }
    return lua_toboolean(L, -1);
}

/* A NaN fails every comparison, and so it does here. */
static bool is_whole(lua_State *L, double value, uint64_t min, uint64_t max)
{
    return !lossdl_isinexact(L, -1) && value >= (double) min &&
           value <= (double) max && value <= (double) LOSSDL_INTEGER_MAX &&
           floor(value) == value;
}

/* The text is made only here: options are read for every transfer. */
static void raise_integer(lua_State *L, const char *name, uint64_t min,
                          uint64_t max)
{
    char expected[96];

    snprintf(expected, sizeof expected, "integer between %llu and %llu",
             (unsigned long long) min, (unsigned long long) max);
    if (lua_type(L, -1) == LUA_TNUMBER) {
        raise_value(L, name, expected);
    }
    raise_type(L, name, expected);
}

uint64_t lossdl_field_integer(lua_State *L, int table, const char *name,
                              uint64_t min, uint64_t max)
{
    double value;

    lua_getfield(L, table, name);
    value = (double) lua_tonumber(L, -1);
    if (lua_type(L, -1) != LUA_TNUMBER || !is_whole(L, value, min, max)) {
        raise_integer(L, name, min, max);
    }
    return (uint64_t) value;
}

int64_t lossdl_field_ms(lua_State *L, int table, const char *name)
{
    const double limit = 1e9; /* seconds: 30 years */
    double value;

    lua_getfield(L, table, name);
    if (lua_type(L, -1) != LUA_TNUMBER) {
        raise_type(L, name, "number of seconds");
    }
    value = (double) lua_tonumber(L, -1);
    if (!(value > 0 && value <= limit)) {
        raise_value(L, name, "number of seconds above 0");
    }
    return (int64_t) ceil(value * 1000);
}

int lossdl_field_choice(lua_State *L, int table, const char *name,
                        const char *const choices[])
{
    const char *word = lossdl_field_required(L, table, name);

    for (int i = 0; choices[i]; i++) {
        if (strcmp(choices[i], word) == 0) {
            return i;
        }
    }
    raise_value(L, name, "one of the documented words");
    return 0;
}

/* The pair on the top of the stack: key below value. */
static enum ossdl_status pair_add(lua_State *L, const char *name,
                                  struct ossdl_pairs *into)
{
    struct ossdl_slice key;
    struct ossdl_slice value;
    size_t len = 0;

    if (lua_type(L, -2) != LUA_TSTRING) {
        raise_value(L, name, "table with names as keys");
    }
    if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER) {
        raise_value(L, name, "table of strings and numbers");
    }
    key.ptr = lua_tolstring(L, -2, &len);
    key.len = len;
    value.ptr = lua_tolstring(L, -1, &len);
    value.len = len;
    return ossdl_pairs_add(into, key, value);
}

enum ossdl_status lossdl_field_pairs(lua_State *L, int table, const char *name,
                                     struct ossdl_pairs *into,
                                     struct ossdl_error *err)
{
    enum ossdl_status status = OSSDL_OK;

    lua_getfield(L, table, name);
    if (lua_isnil(L, -1)) {
        return OSSDL_OK;
    }
    if (!lua_istable(L, -1)) {
        raise_type(L, name, "table");
    }
    lua_pushnil(L);
    while (status == OSSDL_OK && lua_next(L, -2)) {
        status = pair_add(L, name, into);
        lua_pop(L, 1);
    }
    if (status == OSSDL_EMEMORY) {
        return ossdl_error_memory(err);
    }
    if (status != OSSDL_OK) {
        return ossdl_error_set(err, status, NULL,
                               "the option '%s' has an entry with an empty "
                               "name or a NUL byte, or more entries or bytes "
                               "than allowed",
                               name);
    }
    ossdl_pairs_sort(into);
    return OSSDL_OK;
}

enum ossdl_status lossdl_field_credentials(lua_State *L, int table,
                                           struct ossdl_credentials **out,
                                           struct ossdl_error *err)
{
    struct ossdl_slice id;
    struct ossdl_slice secret;
    struct ossdl_slice token;
    uint64_t expires_at = 0;

    if (!lossdl_field_slice(L, table, "access_key_id", &id)) {
        return OSSDL_OK;
    }
    if (!lossdl_field_slice(L, table, "access_key_secret", &secret)) {
        raise_type(L, "access_key_secret", "string");
    }
    (void) lossdl_field_slice(L, table, "security_token", &token);
    lua_getfield(L, table, "expires_at");
    if (!lua_isnil(L, -1)) {
        expires_at =
            lossdl_field_integer(L, table, "expires_at", 0, LOSSDL_INTEGER_MAX);
    }
    return ossdl_credentials_new(id, secret, token, (int64_t) expires_at, out,
                                 err);
}

struct lossdl_scratch *lossdl_scratch_new(lua_State *L)
{
    struct lossdl_scratch *scratch;

    scratch = lossdl_newuserdata(L, sizeof *scratch);
    ossdl_pairs_init(&scratch->headers);
    ossdl_pairs_init(&scratch->query);
    ossdl_pairs_init(&scratch->out);
    ossdl_buf_init_secret(&scratch->url, OSSDL_URL_MAX);
    scratch->credentials = NULL;
    lossdl_setmetatable(L, LOSSDL_SCRATCH);
    return scratch;
}

void lossdl_scratch_cleanup(struct lossdl_scratch *scratch)
{
    ossdl_pairs_cleanup(&scratch->headers);
    ossdl_pairs_cleanup(&scratch->query);
    ossdl_pairs_cleanup(&scratch->out);
    ossdl_buf_cleanup(&scratch->url);
    scratch->credentials = ossdl_credentials_release(scratch->credentials);
}

static int scratch_gc(lua_State *L)
{
    lossdl_scratch_cleanup(luaL_checkudata(L, 1, LOSSDL_SCRATCH));
    return 0;
}

void lossdl_scratch_class(lua_State *L)
{
    static const luaL_Reg meta[] = {{"__gc", scratch_gc}, {NULL, NULL}};

    lossdl_newclass(L, LOSSDL_SCRATCH, NULL, meta);
}
