/*
 * compat.h - one way to speak to Lua 5.1, LuaJIT, 5.2, 5.3 and 5.4
 *
 * Threads: the caller's. Memory: Lua's. Errors: raised, as by Lua's own API.
 *
 * Only functions of the plain 5.1 API are used under 5.1, so that a module
 * built with the headers of PUC Lua 5.1 loads in LuaJIT, and the reverse.
 */
#ifndef OSSDL_LUA_COMPAT_H
#define OSSDL_LUA_COMPAT_H

#include "../core/base.h"

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM < 501 || LUA_VERSION_NUM > 505
#error "ossdl is made for Lua 5.1 to 5.4 and LuaJIT"
#endif

/* Adds the functions to the table on the top of the stack. */
static inline void lossdl_setfuncs(lua_State *L, const luaL_Reg *functions)
{
    for (; functions->name; functions++) {
        lua_pushcfunction(L, functions->func);
        lua_setfield(L, -2, functions->name);
    }
}

static inline void lossdl_setmetatable(lua_State *L, const char *name)
{
    luaL_getmetatable(L, name);
    lua_setmetatable(L, -2);
}

static inline void *lossdl_newuserdata(lua_State *L, size_t size)
{
#if LUA_VERSION_NUM >= 504
    return lua_newuserdatauv(L, size, 0);
#else
    return lua_newuserdata(L, size);
#endif
}

/* A whole number; doubles hold 2^53 exactly, which is enough for any size. */
static inline void lossdl_pushinteger(lua_State *L, uint64_t value)
{
#if LUA_VERSION_NUM >= 503
    if (value <= (uint64_t) LUA_MAXINTEGER) {
        lua_pushinteger(L, (lua_Integer) value);
        return;
    }
#endif
    lua_pushnumber(L, (lua_Number) value);
}

/* True when the value is an integer by type that a double cannot hold. */
static inline bool lossdl_isinexact(lua_State *L, int index)
{
#if LUA_VERSION_NUM >= 503
    const lua_Integer limit = (lua_Integer) 1 << 53;
    lua_Integer value;

    if (!lua_isinteger(L, index)) {
        return false;
    }
    value = lua_tointeger(L, index);
    return value > limit || value < -limit;
#else
    (void) L;
    (void) index;
    return false;
#endif
}

#endif
