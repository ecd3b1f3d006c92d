/*
 * A body of an error in XML: whatever it is, the fields are bounded lines of
 * UTF-8.
 */
#include "codec.h"
#include "errxml.h"
#include "fuzz.h"

static void require_text(const char *text, size_t size)
{
    REQUIRE(is_line(text, size));
    REQUIRE(ossdl_utf8_valid(ossdl_slice_str(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ossdl_service_error error;

    memset(&error, 0, sizeof error);
    REQUIRE(ossdl_errxml_parse(ossdl_slice_of(data, size), &error) ==
            (error.code[0] != '\0'));
    require_text(error.code, sizeof error.code);
    require_text(error.message, sizeof error.message);
    require_text(error.request_id, sizeof error.request_id);
    require_text(error.ec, sizeof error.ec);
    require_text(error.host_id, sizeof error.host_id);
    require_text(error.endpoint, sizeof error.endpoint);
    REQUIRE(error.server_time >= 0);
    return 0;
}
