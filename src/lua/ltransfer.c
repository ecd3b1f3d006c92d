#include "lossdl.h"

#include "../core/lock.h"

#include <math.h>
#include <stdio.h>

static const char *const DIRECT[] = {"auto", "on", "off", NULL};

static struct ossdl_transfer **transfer_box(lua_State *L)
{
    return luaL_checkudata(L, 1, LOSSDL_TRANSFER);
}

static enum ossdl_sink_direct direct_of(int choice)
{
    static const enum ossdl_sink_direct values[] = {
        OSSDL_SINK_DIRECT_AUTO, OSSDL_SINK_DIRECT_ON, OSSDL_SINK_DIRECT_OFF};

    return values[choice];
}

/* The numbers among the options. */
static void transfer_numbers(lua_State *L, int table,
                             struct ossdl_transfer_options *out)
{
    const uint64_t max = LOSSDL_INTEGER_MAX;

    out->threads = (unsigned) lossdl_field_integer(L, table, "threads", 0,
                                                   OSSDL_THREADS_MAX);
    out->part_size =
        lossdl_field_integer(L, table, "part_size", 0, OSSDL_PART_BYTES_MAX);
    out->traffic_limit =
        lossdl_field_integer(L, table, "traffic_limit", 0, max);
    out->max_retries =
        (unsigned) lossdl_field_integer(L, table, "max_retries", 0, 1000000);
    out->progress_interval_ms = lossdl_field_ms(L, table, "progress_interval");
}

/* Borrows the strings of the table; they stay on the stack. */
static void transfer_fields(lua_State *L, int table,
                            struct ossdl_transfer_options *out)
{
    memset(out, 0, sizeof *out);
    (void) lossdl_field_slice(L, table, "bucket", &out->bucket);
    (void) lossdl_field_slice(L, table, "object", &out->object);
    (void) lossdl_field_slice(L, table, "version_id", &out->version_id);
    out->file = lossdl_field_required(L, table, "file");
    out->checkpoint = lossdl_field_string(L, table, "checkpoint");
    transfer_numbers(L, table, out);
    out->direct = direct_of(lossdl_field_choice(L, table, "direct", DIRECT));
    out->verify_resume = lossdl_field_boolean(L, table, "verify_resume");
    out->read_back = lossdl_field_boolean(L, table, "read_back");
    out->durable = lossdl_field_boolean(L, table, "durable");
    out->restart_on_change =
        lossdl_field_boolean(L, table, "restart_on_change");
    out->wait_when_busy = lossdl_field_boolean(L, table, "wait_when_busy");
}

/* Headers and query; they belong to the scratch. */
static enum ossdl_status transfer_pairs(lua_State *L, int table,
                                        struct lossdl_scratch *scratch,
                                        struct ossdl_transfer_options *out,
                                        struct ossdl_error *err)
{
    enum ossdl_status status;

    status = lossdl_field_pairs(L, table, "headers", &scratch->headers, err);
    if (status == OSSDL_OK) {
        status = lossdl_field_pairs(L, table, "query", &scratch->query, err);
    }
    out->headers = &scratch->headers;
    out->query = &scratch->query;
    return status;
}

int lossdl_transfer_start(lua_State *L, struct ossdl_client *client)
{
    struct ossdl_transfer_options options;
    struct ossdl_error err;
    struct ossdl_transfer **box;
    struct lossdl_scratch *scratch;
    enum ossdl_status status;

    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    luaL_checkstack(L, LOSSDL_STACK_SLOTS, "options");
    box = lossdl_newuserdata(L, sizeof *box);
    *box = NULL;
    lossdl_setmetatable(L, LOSSDL_TRANSFER);
    scratch = lossdl_scratch_new(L);
    transfer_fields(L, 2, &options);
    status = transfer_pairs(L, 2, scratch, &options, &err);
    if (status == OSSDL_OK) {
        status = ossdl_transfer_start(client, &options, box, &err);
    }
    lossdl_scratch_cleanup(scratch);
    if (status != OSSDL_OK) {
        return lossdl_fail(L, &err);
    }
    lua_pushvalue(L, 3);
    return 1;
}

static void set_integer(lua_State *L, const char *field, uint64_t value)
{
    lossdl_pushinteger(L, value);
    lua_setfield(L, -2, field);
}

static void set_elapsed(lua_State *L, int64_t elapsed_ms)
{
    lua_pushnumber(L, (lua_Number) elapsed_ms / 1000);
    lua_setfield(L, -2, "elapsed");
}

static void set_string(lua_State *L, const char *field, const char *value)
{
    if (*value) {
        lua_pushstring(L, value);
        lua_setfield(L, -2, field);
    }
}

static void snapshot_push(lua_State *L, const struct ossdl_snapshot *snapshot)
{
    lua_createtable(L, 0, 14);
    lua_pushstring(L, ossdl_state_name(snapshot->state));
    lua_setfield(L, -2, "state");
    set_integer(L, "bytes_done", snapshot->bytes_done);
    if (snapshot->total_known) {
        set_integer(L, "bytes_total", snapshot->bytes_total);
    }
    set_integer(L, "bytes_resumed", snapshot->bytes_resumed);
    set_integer(L, "connections", snapshot->connections);
    set_integer(L, "requests", snapshot->requests);
    set_integer(L, "retries", snapshot->retries);
    set_elapsed(L, snapshot->elapsed_ms);
    lua_pushboolean(L, snapshot->needs_credentials);
    lua_setfield(L, -2, "needs_credentials");
    if (snapshot->last_error.status != OSSDL_OK) {
        lossdl_error_push(L, &snapshot->last_error);
        lua_setfield(L, -2, "last_error");
    }
}

static void result_push(lua_State *L, const struct ossdl_result *result)
{
    char crc64[24];

    snprintf(crc64, sizeof crc64, "%llu", (unsigned long long) result->crc64);
    lua_createtable(L, 0, 12);
    set_integer(L, "bytes", result->bytes);
    set_string(L, "etag", result->etag);
    set_string(L, "version_id", result->version_id);
    set_string(L, "crc64", crc64);
    lua_pushboolean(L, result->verified);
    lua_setfield(L, -2, "verified");
    set_integer(L, "resumed", result->resumed);
    set_string(L, "restarted", result->restarted);
    set_integer(L, "requests", result->requests);
    set_integer(L, "retries", result->retries);
    set_elapsed(L, result->elapsed_ms);
}

/* The wake-up is acknowledged first: what happens after the snapshot was
 * taken wakes again. */
static int transfer_poll(lua_State *L)
{
    struct ossdl_transfer *transfer = *transfer_box(L);
    struct ossdl_snapshot snapshot;

    if (!transfer) {
        return lossdl_fail_closed(L, "transfer");
    }
    ossdl_transfer_ack(transfer);
    ossdl_transfer_snapshot(transfer, &snapshot);
    lua_pushboolean(L, snapshot.done);
    snapshot_push(L, &snapshot);
    return 2;
}

static int transfer_snapshot(lua_State *L)
{
    struct ossdl_transfer *transfer = *transfer_box(L);
    struct ossdl_snapshot snapshot;

    if (!transfer) {
        return lossdl_fail_closed(L, "transfer");
    }
    ossdl_transfer_snapshot(transfer, &snapshot);
    snapshot_push(L, &snapshot);
    return 1;
}

/* Seconds as milliseconds; nil and what is beyond 30 years mean for ever. */
static int64_t timeout_of(lua_State *L, int index)
{
    const double limit = 1e9;
    double seconds;

    if (lua_isnoneornil(L, index)) {
        return OSSDL_FOREVER;
    }
    seconds = (double) luaL_checknumber(L, index);
    luaL_argcheck(L, seconds == seconds, index, "seconds expected, got NaN");
    if (seconds > limit) {
        return OSSDL_FOREVER;
    }
    return seconds > 0 ? (int64_t) ceil(seconds * 1000) : 0;
}

static int transfer_wait(lua_State *L)
{
    struct ossdl_transfer *transfer = *transfer_box(L);
    int64_t timeout_ms = timeout_of(L, 2);

    if (!transfer) {
        return lossdl_fail_closed(L, "transfer");
    }
    ossdl_transfer_wait(transfer, timeout_ms);
    lua_pushboolean(L, 1);
    return 1;
}

static int transfer_cancel(lua_State *L)
{
    struct ossdl_transfer *transfer = *transfer_box(L);

    if (!transfer) {
        return lossdl_fail_closed(L, "transfer");
    }
    ossdl_transfer_cancel(transfer);
    lua_pushboolean(L, 1);
    return 1;
}

static int transfer_result(lua_State *L)
{
    struct ossdl_transfer *transfer = *transfer_box(L);
    struct ossdl_result result;
    struct ossdl_error err;

    if (!transfer) {
        return lossdl_fail_closed(L, "transfer");
    }
    if (ossdl_transfer_result(transfer, &result, &err) != OSSDL_OK) {
        return lossdl_fail(L, &err);
    }
    result_push(L, &result);
    return 1;
}

static int transfer_pollfd(lua_State *L)
{
    struct ossdl_transfer *transfer = *transfer_box(L);
    struct ossdl_error err;
    int fd;

    if (!transfer) {
        return lossdl_fail_closed(L, "transfer");
    }
    fd = ossdl_transfer_fd(transfer, &err);
    if (fd < 0) {
        return lossdl_fail(L, &err);
    }
    lua_pushinteger(L, fd);
    return 1;
}

static int transfer_events(lua_State *L)
{
    (void) transfer_box(L);
    lua_pushliteral(L, "r");
    return 1;
}

/* nil: there is no time at which polling would be of use by itself. */
static int transfer_timeout(lua_State *L)
{
    (void) transfer_box(L);
    lua_pushnil(L);
    return 1;
}

/* True when there is something to do at once, without waiting. */
static int transfer_dirty(lua_State *L)
{
    struct ossdl_transfer *transfer = *transfer_box(L);
    struct ossdl_snapshot snapshot;

    if (!transfer) {
        lua_pushboolean(L, 1);
        return 1;
    }
    ossdl_transfer_snapshot(transfer, &snapshot);
    lua_pushboolean(L, snapshot.done || snapshot.needs_credentials);
    return 1;
}

/* Also __gc and __close: the transfer winds down by itself. */
static int transfer_close(lua_State *L)
{
    struct ossdl_transfer **box = transfer_box(L);
    struct ossdl_transfer *transfer = *box;

    *box = NULL;
    (void) ossdl_transfer_release(transfer);
    return 0;
}

/* " 41%", or "" while the size is not known. */
static void percent_of(const struct ossdl_snapshot *snapshot, char out[16])
{
    double part;

    out[0] = 0;
    if (snapshot->total_known && snapshot->bytes_total > 0) {
        part = (double) snapshot->bytes_done / (double) snapshot->bytes_total;
        snprintf(out, 16, " %d%%", (int) (100 * part));
    }
}

static int transfer_tostring(lua_State *L)
{
    struct ossdl_transfer **box = transfer_box(L);
    struct ossdl_snapshot snapshot;
    const char *state = "closed";
    char percent[16] = "";

    if (*box) {
        ossdl_transfer_snapshot(*box, &snapshot);
        state = ossdl_state_name(snapshot.state);
        percent_of(&snapshot, percent);
    }
    lua_pushfstring(L, "%s: %s%s (%p)", LOSSDL_TRANSFER, state, percent,
                    (void *) box);
    return 1;
}

void lossdl_transfer_class(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"cancel", transfer_cancel},     {"close", transfer_close},
        {"dirty", transfer_dirty},       {"events", transfer_events},
        {"getfd", transfer_pollfd},      {"poll", transfer_poll},
        {"pollfd", transfer_pollfd},     {"result", transfer_result},
        {"snapshot", transfer_snapshot}, {"timeout", transfer_timeout},
        {"wait", transfer_wait},         {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__gc", transfer_close},
                                    {"__close", transfer_close},
                                    {"__tostring", transfer_tostring},
                                    {NULL, NULL}};

    lossdl_newclass(L, LOSSDL_TRANSFER, methods, meta);
}
