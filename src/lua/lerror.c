#include "lossdl.h"

/* An empty string says nothing, so it is left out. */
static void set_string(lua_State *L, const char *field, const char *value)
{
    if (*value) {
        lua_pushstring(L, value);
        lua_setfield(L, -2, field);
    }
}

static void set_boolean(lua_State *L, const char *field, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, field);
}

static void set_number(lua_State *L, const char *field, int value)
{
    if (value != 0) {
        lua_pushinteger(L, value);
        lua_setfield(L, -2, field);
    }
}

void lossdl_error_class(lua_State *L)
{
    luaL_newmetatable(L, LOSSDL_ERROR);
}

void lossdl_error_push(lua_State *L, const struct ossdl_error *err)
{
    lua_createtable(L, 0, 10);
    lua_pushstring(L, ossdl_status_name(err->status));
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, *err->message ? err->message
                                    : ossdl_status_text(err->status));
    lua_setfield(L, -2, "message");
    set_string(L, "code", err->code);
    set_string(L, "request_id", err->request_id);
    set_string(L, "ec", err->ec);
    set_number(L, "status", err->http_status);
    set_number(L, "errno", err->sys_errno);
    set_boolean(L, "retryable", err->retryable);
    set_boolean(L, "resumable", err->resumable);
    lossdl_pushinteger(L, err->attempts);
    lua_setfield(L, -2, "attempts");
    lossdl_setmetatable(L, LOSSDL_ERROR);
}

int lossdl_fail(lua_State *L, const struct ossdl_error *err)
{
    lua_pushnil(L);
    lossdl_error_push(L, err);
    return 2;
}

int lossdl_fail_closed(lua_State *L, const char *what)
{
    struct ossdl_error err;

    (void) ossdl_error_set(&err, OSSDL_ECLOSED, NULL,
                           "the %s was closed; make a new one", what);
    return lossdl_fail(L, &err);
}
