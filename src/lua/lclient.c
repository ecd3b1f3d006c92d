#include "lossdl.h"

static const char *const SIGNATURES[] = {"v4", "v1", "none", NULL};

static struct ossdl_client **client_box(lua_State *L)
{
    return luaL_checkudata(L, 1, LOSSDL_CLIENT);
}

static enum ossdl_signature signature_of(int choice)
{
    static const enum ossdl_signature values[] = {
        OSSDL_SIGNATURE_V4, OSSDL_SIGNATURE_V1, OSSDL_SIGNATURE_NONE};

    return values[choice];
}

/* Borrows the strings of the table; they stay on the stack. */
static void client_fields(lua_State *L, int table,
                          struct ossdl_client_options *out)
{
    memset(out, 0, sizeof *out);
    (void) lossdl_field_slice(L, table, "endpoint", &out->endpoint);
    (void) lossdl_field_slice(L, table, "region", &out->region);
    out->signature =
        signature_of(lossdl_field_choice(L, table, "signature", SIGNATURES));
    out->path_style = lossdl_field_boolean(L, table, "path_style");
    out->cname = lossdl_field_boolean(L, table, "cname");
    out->refreshable = lossdl_field_boolean(L, table, "refreshable");
    out->proxy = lossdl_field_string(L, table, "proxy");
    out->ca_file = lossdl_field_string(L, table, "ca_file");
    out->user_agent = lossdl_field_string(L, table, "user_agent");
    out->tls_verify = lossdl_field_boolean(L, table, "tls_verify");
    out->connect_timeout_ms = lossdl_field_ms(L, table, "connect_timeout");
    out->stall_timeout_ms = lossdl_field_ms(L, table, "stall_timeout");
    out->max_threads = (unsigned) lossdl_field_integer(L, table, "max_threads",
                                                       1, OSSDL_THREADS_MAX);
    out->max_rate =
        lossdl_field_integer(L, table, "max_rate", 0, LOSSDL_INTEGER_MAX);
}

int lossdl_client_new(lua_State *L)
{
    struct ossdl_client_options options;
    struct ossdl_error err;
    struct ossdl_client **box;
    struct lossdl_scratch *scratch;
    enum ossdl_status status;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, LOSSDL_STACK_SLOTS, "options");
    box = lossdl_newuserdata(L, sizeof *box);
    *box = NULL;
    lossdl_setmetatable(L, LOSSDL_CLIENT);
    scratch = lossdl_scratch_new(L);
    client_fields(L, 1, &options);
    status = lossdl_field_credentials(L, 1, &scratch->credentials, &err);
    if (status == OSSDL_OK) {
        options.credentials = scratch->credentials;
        status = ossdl_client_new(&options, box, &err);
    }
    lossdl_scratch_cleanup(scratch);
    if (status != OSSDL_OK) {
        return lossdl_fail(L, &err);
    }
    lua_pushvalue(L, 2);
    return 1;
}

static int client_start(lua_State *L)
{
    struct ossdl_client *client = *client_box(L);

    if (!client) {
        return lossdl_fail_closed(L, "client");
    }
    return lossdl_transfer_start(L, client);
}

static int client_needs_credentials(lua_State *L)
{
    struct ossdl_client *client = *client_box(L);

    if (!client) {
        return lossdl_fail_closed(L, "client");
    }
    lua_pushboolean(L, ossdl_client_needs_credentials(client));
    return 1;
}

static int client_set_credentials(lua_State *L)
{
    struct ossdl_client *client = *client_box(L);
    struct lossdl_scratch *scratch;
    struct ossdl_error err;
    enum ossdl_status status;

    if (!client) {
        return lossdl_fail_closed(L, "client");
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    scratch = lossdl_scratch_new(L);
    (void) lossdl_field_required(L, 2, "access_key_id");
    status = lossdl_field_credentials(L, 2, &scratch->credentials, &err);
    if (status == OSSDL_OK) {
        status =
            ossdl_client_set_credentials(client, scratch->credentials, &err);
    }
    lossdl_scratch_cleanup(scratch);
    if (status != OSSDL_OK) {
        return lossdl_fail(L, &err);
    }
    lua_pushboolean(L, 1);
    return 1;
}

static int client_refuse_credentials(lua_State *L)
{
    struct ossdl_client *client = *client_box(L);
    const char *message = luaL_checkstring(L, 2);
    bool retryable = lua_toboolean(L, 3);
    struct ossdl_error why;

    if (!client) {
        return lossdl_fail_closed(L, "client");
    }
    (void) ossdl_error_set(&why, OSSDL_ECREDENTIALS, NULL, "%s", message);
    why.resumable = true;
    why.retryable = retryable;
    ossdl_client_refuse_credentials(client, &why);
    lua_pushboolean(L, 1);
    return 1;
}

static int client_set_max_rate(lua_State *L)
{
    struct ossdl_client *client = *client_box(L);
    double rate = (double) luaL_checknumber(L, 2);

    luaL_argcheck(L, rate >= 0 && rate <= (double) LOSSDL_INTEGER_MAX, 2,
                  "bytes per second expected");
    if (!client) {
        return lossdl_fail_closed(L, "client");
    }
    ossdl_client_set_max_rate(client, (uint64_t) rate);
    lua_pushboolean(L, 1);
    return 1;
}

/* Joins the threads; the box is emptied first, so that a second call of any
 * kind finds nothing. */
static int client_close(lua_State *L)
{
    struct ossdl_client **box = client_box(L);
    struct ossdl_client *client = *box;

    *box = NULL;
    if (client) {
        ossdl_client_close(client);
        (void) ossdl_client_release(client);
    }
    return 0;
}

/* Only the reference goes: a transfer that lives keeps the client alive. */
static int client_gc(lua_State *L)
{
    struct ossdl_client **box = client_box(L);
    struct ossdl_client *client = *box;

    *box = NULL;
    if (client) {
        (void) ossdl_client_release(client);
    }
    return 0;
}

static int client_tostring(lua_State *L)
{
    struct ossdl_client **box = client_box(L);

    lua_pushfstring(L, "%s: %s (%p)", LOSSDL_CLIENT, *box ? "open" : "closed",
                    (void *) box);
    return 1;
}

void lossdl_client_class(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"close", client_close},
        {"needs_credentials", client_needs_credentials},
        {"refuse_credentials", client_refuse_credentials},
        {"set_credentials", client_set_credentials},
        {"set_max_rate", client_set_max_rate},
        {"start", client_start},
        {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__gc", client_gc},
                                    {"__close", client_close},
                                    {"__tostring", client_tostring},
                                    {NULL, NULL}};

    lossdl_newclass(L, LOSSDL_CLIENT, methods, meta);
}
