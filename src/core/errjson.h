/*
 * errjson.h - OSS's error body in JSON
 *
 * Threads: pure. Memory: none. Errors: false when it is not such a body.
 *
 * The fields are members of the outermost object or of its member "Error";
 * everything else in it is stepped over, to a depth of 64. A body that ends
 * early or goes wrong gives what came before.
 */
#ifndef OSSDL_CORE_ERRJSON_H
#define OSSDL_CORE_ERRJSON_H

#include "errtext.h"

OSSDL_BEGIN_DECLS

/* Adds to *out, which the caller has zeroed. */
bool ossdl_errjson_parse(struct ossdl_slice body,
                         struct ossdl_service_error *out);

OSSDL_END_DECLS

#endif
