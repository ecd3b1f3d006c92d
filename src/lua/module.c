#include "lossdl.h"

#include "../core/lock.h"

#include <dlfcn.h>
#include <stdatomic.h>

#define LOSSDL_EXPORT __attribute__((__visibility__("default")))

LOSSDL_EXPORT int luaopen_ossdl_core(lua_State *L);

void lossdl_newclass(lua_State *L, const char *name, const luaL_Reg *methods,
                     const luaL_Reg *metamethods)
{
    luaL_newmetatable(L, name);
    lossdl_setfuncs(L, metamethods);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    if (methods) {
        lua_newtable(L);
        lossdl_setfuncs(L, methods);
        lua_setfield(L, -2, "__index");
    }
    lua_pop(L, 1);
}

/*
 * Keeps this library mapped for the life of the process: a Lua state that is
 * closed unloads its modules, and a thread of ours may be on its way out.
 */
static void pin_library(void)
{
    static atomic_flag pinned = ATOMIC_FLAG_INIT;
    static const char inside = 0; /* an address within this library */
    Dl_info info;

    if (!atomic_flag_test_and_set(&pinned) && dladdr(&inside, &info) &&
        info.dli_fname) {
        (void) dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    }
}

/* Seconds of a clock that never goes back; its zero means nothing. */
static int module_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number) ossdl_now_us() / 1e6);
    return 1;
}

/* Pushes the names of the statuses, in order, and what each one means. */
static void push_statuses(lua_State *L)
{
    lua_createtable(L, OSSDL_STATUS_COUNT, 0);
    for (int i = 0; i < OSSDL_STATUS_COUNT; i++) {
        lua_pushstring(L, ossdl_status_name((enum ossdl_status) i));
        lua_rawseti(L, -2, i + 1);
    }
    lua_createtable(L, 0, OSSDL_STATUS_COUNT);
    for (int i = 0; i < OSSDL_STATUS_COUNT; i++) {
        lua_pushstring(L, ossdl_status_text((enum ossdl_status) i));
        lua_setfield(L, -2, ossdl_status_name((enum ossdl_status) i));
    }
}

int luaopen_ossdl_core(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"client", lossdl_client_new},
        {"endpoint_region", lossdl_endpoint_region},
        {"now", module_now},
        {"presign", lossdl_presign},
        {"sign", lossdl_sign},
        {NULL, NULL}};

    pin_library();
    lossdl_client_class(L);
    lossdl_transfer_class(L);
    lossdl_scratch_class(L);
    lua_newtable(L);
    lossdl_setfuncs(L, functions);
    lua_pushliteral(L, OSSDL_VERSION);
    lua_setfield(L, -2, "version");
    lossdl_error_class(L);
    lua_setfield(L, -2, "error_metatable");
    push_statuses(L);
    lua_setfield(L, -3, "meanings");
    lua_setfield(L, -2, "status");
    return 1;
}
