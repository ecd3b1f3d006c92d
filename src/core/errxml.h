/*
 * errxml.h - OSS's error body in XML
 *
 * Threads: pure. Memory: none. Errors: false when it is not such a body.
 *
 * Not an XML parser: it finds the child elements of <Error>, in any order,
 * and their text. Comments, CDATA, attributes, unknown and nested elements
 * are stepped over; a body that ends early gives what came before. Entities
 * that the document declares itself are not expanded.
 */
#ifndef OSSDL_CORE_ERRXML_H
#define OSSDL_CORE_ERRXML_H

#include "errtext.h"

OSSDL_BEGIN_DECLS

/* Adds to *out, which the caller has zeroed. */
bool ossdl_errxml_parse(struct ossdl_slice body,
                        struct ossdl_service_error *out);

OSSDL_END_DECLS

#endif
