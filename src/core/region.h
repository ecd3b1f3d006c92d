/*
 * region.h - region ids, and what a host name tells about them
 *
 * Threads: none of its own; no state. Memory: the caller's array.
 * Errors:  OSSDL_EINVALID with a message that says what to write instead.
 */
#ifndef OSSDL_CORE_REGION_H
#define OSSDL_CORE_REGION_H

#include "slice.h"
#include "status.h"

OSSDL_BEGIN_DECLS

#define OSSDL_REGION_BYTES 64 /* with the NUL */

/*
 * True and the region id if the host (lower case, no port) is one of those
 * that are known to carry it: oss-<region>[-internal].aliyuncs.com,
 * <region>.oss.aliyuncs.com, and cb-<id>.<region>.oss-cloudbox.aliyuncs.com,
 * whose signing region is cb-<id>. The acceleration, accelerator, finance and
 * government hosts do not tell; their region must be given.
 */
bool ossdl_region_from_host(struct ossdl_slice host,
                            char out[OSSDL_REGION_BYTES]);

/* True for cb-<id>.<region>.oss-cloudbox[-control].aliyuncs.com. */
bool ossdl_region_is_cloudbox(struct ossdl_slice host);

/* 2 to 63 of a-z, 0-9 and "-". "oss-cn-hangzhou" and "cn-hangzhou-internal"
 * are refused: the message gives the id to write. */
enum ossdl_status ossdl_region_check(struct ossdl_slice region,
                                     struct ossdl_error *err) OSSDL_MUST_CHECK;

OSSDL_END_DECLS

#endif
