/*
 * http_codes.h - what libcurl's codes mean for an exchange
 *
 * Threads: pure. Memory: none. Errors: none.
 */
#ifndef OSSDL_CORE_HTTP_CODES_H
#define OSSDL_CORE_HTTP_CODES_H

#include "http_clock.h"
#include "net.h"

#include <curl/curl.h>

OSSDL_BEGIN_DECLS

/* What ended it, by the code and by how far it had come. */
enum ossdl_net ossdl_http_codes_net(CURLcode code, enum ossdl_http_phase phase);

OSSDL_END_DECLS

#endif
