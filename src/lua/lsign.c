#include "lossdl.h"

#include "../core/endpoint.h"

static const char *const SIGNATURES[] = {"v4", "v1", "none", NULL};

/* Other names than those that downloads know may be signed, but none with a
 * NUL: the service does not take it. */
static enum ossdl_status check_name(struct ossdl_slice name, const char *what,
                                    struct ossdl_error *err)
{
    if (name.len > 0 && memchr(name.ptr, '\0', name.len)) {
        return ossdl_error_set(err, OSSDL_EINVALID, what,
                               "the name of the %s has a NUL byte, which "
                               "cannot be sent",
                               what);
    }
    return OSSDL_OK;
}

/* What both functions read. The strings stay on the stack, the rest belongs
 * to the scratch. */
static enum ossdl_status request_fields(lua_State *L, int table,
                                        struct lossdl_scratch *scratch,
                                        struct ossdl_sign_request *out,
                                        struct ossdl_error *err)
{
    static const enum ossdl_signature values[] = {
        OSSDL_SIGNATURE_V4, OSSDL_SIGNATURE_V1, OSSDL_SIGNATURE_NONE};
    enum ossdl_status status;

    memset(out, 0, sizeof *out);
    out->version =
        values[lossdl_field_choice(L, table, "signature", SIGNATURES)];
    out->method = lossdl_field_required(L, table, "method");
    out->now =
        (int64_t) lossdl_field_integer(L, table, "now", 0, LOSSDL_INTEGER_MAX);
    (void) lossdl_field_slice(L, table, "bucket", &out->bucket);
    (void) lossdl_field_slice(L, table, "object", &out->object);
    (void) lossdl_field_slice(L, table, "additional_headers",
                              &out->additional_headers);
    out->headers = &scratch->headers;
    out->query = &scratch->query;
    status = check_name(out->bucket, "bucket", err);
    if (status == OSSDL_OK) {
        status = check_name(out->object, "object", err);
    }
    if (status == OSSDL_OK) {
        status =
            lossdl_field_pairs(L, table, "headers", &scratch->headers, err);
    }
    if (status == OSSDL_OK) {
        status = lossdl_field_pairs(L, table, "query", &scratch->query, err);
    }
    if (status == OSSDL_OK) {
        status = lossdl_field_credentials(L, table, &scratch->credentials, err);
    }
    out->credentials = scratch->credentials;
    return status;
}

/* The endpoint from the option of that name, or the public one of the
 * region. The url buffer is free at this time. */
static enum ossdl_status endpoint_fields(lua_State *L, int table,
                                         struct lossdl_scratch *scratch,
                                         struct ossdl_endpoint *out,
                                         struct ossdl_error *err)
{
    bool path_style = lossdl_field_boolean(L, table, "path_style");
    bool cname = lossdl_field_boolean(L, table, "cname");
    enum ossdl_status status = OSSDL_OK;
    struct ossdl_slice region;
    struct ossdl_slice text;

    (void) lossdl_field_slice(L, table, "region", &region);
    if (!lossdl_field_slice(L, table, "endpoint", &text)) {
        status = ossdl_region_check(region, err);
        if (status != OSSDL_OK) {
            return status;
        }
        if (ossdl_endpoint_from_region(region, &scratch->url) != OSSDL_OK) {
            return ossdl_error_set(err, OSSDL_EINVALID, NULL,
                                   "the endpoint of this region cannot be "
                                   "guessed; give the option 'endpoint'");
        }
        text = ossdl_buf_slice(&scratch->url);
    }
    status = ossdl_endpoint_parse(text, region, path_style, cname, out, err);
    ossdl_buf_reset(&scratch->url);
    return status;
}

/* core.endpoint_region(endpoint) -> the region that it tells | nil, also for
 * what is no endpoint: whoever uses it hears why. */
int lossdl_endpoint_region(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct ossdl_endpoint endpoint;
    enum ossdl_status status =
        ossdl_endpoint_parse(ossdl_slice_of(text, len), ossdl_slice_of(NULL, 0),
                             false, false, &endpoint, NULL);

    if (status == OSSDL_OK && endpoint.region[0] != '\0') {
        lua_pushstring(L, endpoint.region);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

/* V4 cannot do without a region; the signer is told which one is missing. */
static enum ossdl_status request_place(struct ossdl_sign_request *request,
                                       const struct ossdl_endpoint *endpoint,
                                       struct ossdl_error *err)
{
    request->region = endpoint->region;
    request->product = endpoint->product;
    if (request->version == OSSDL_SIGNATURE_V4) {
        return ossdl_endpoint_check_region(endpoint, err);
    }
    return OSSDL_OK;
}

static void push_pairs(lua_State *L, const struct ossdl_pairs *pairs)
{
    lua_createtable(L, 0, (int) pairs->count);
    for (size_t i = 0; i < pairs->count; i++) {
        lua_pushstring(L, pairs->items[i].value);
        lua_setfield(L, -2, pairs->items[i].name);
    }
}

/* core.sign(options) -> table of the headers to add | nil, err */
int lossdl_sign(lua_State *L)
{
    struct ossdl_sign_request request;
    struct lossdl_scratch *scratch;
    struct ossdl_error err;
    enum ossdl_status status;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, LOSSDL_STACK_SLOTS, "options");
    scratch = lossdl_scratch_new(L);
    status = request_fields(L, 1, scratch, &request, &err);
    if (status == OSSDL_OK) {
        request.region = lossdl_field_string(L, 1, "region");
        request.product = lossdl_field_string(L, 1, "product");
        status = ossdl_sign_headers(&request, NULL, &scratch->out, &err);
    }
    if (status != OSSDL_OK) {
        lossdl_scratch_cleanup(scratch);
        return lossdl_fail(L, &err);
    }
    push_pairs(L, &scratch->out);
    lossdl_scratch_cleanup(scratch);
    return 1;
}

/* core.presign(options) -> URL | nil, err */
int lossdl_presign(lua_State *L)
{
    struct ossdl_sign_request request;
    struct ossdl_endpoint endpoint;
    struct lossdl_scratch *scratch;
    struct ossdl_error err;
    enum ossdl_status status;
    uint64_t expires;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, LOSSDL_STACK_SLOTS, "options");
    scratch = lossdl_scratch_new(L);
    expires = lossdl_field_integer(L, 1, "expires", 1, OSSDL_EXPIRES_V1_MAX);
    status = request_fields(L, 1, scratch, &request, &err);
    if (status == OSSDL_OK) {
        status = endpoint_fields(L, 1, scratch, &endpoint, &err);
    }
    if (status == OSSDL_OK) {
        status = request_place(&request, &endpoint, &err);
    }
    if (status == OSSDL_OK) {
        status = ossdl_sign_url(&request, &endpoint, (int64_t) expires,
                                &scratch->url, &err);
    }
    if (status != OSSDL_OK) {
        lossdl_scratch_cleanup(scratch);
        return lossdl_fail(L, &err);
    }
    lua_pushlstring(L, ossdl_buf_str(&scratch->url), scratch->url.len);
    lossdl_scratch_cleanup(scratch);
    return 1;
}
