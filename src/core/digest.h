/*
 * digest.h - SHA-256 and the two HMACs that OSS signs with
 *
 * Threads: any. Memory: none of ours; OpenSSL allocates and wipes its own.
 * Errors:  OSSDL_EMEMORY when OpenSSL has no memory or refuses the digest.
 *
 * digest.c alone includes OpenSSL.
 */
#ifndef OSSDL_CORE_DIGEST_H
#define OSSDL_CORE_DIGEST_H

#include "slice.h"
#include "status.h"

OSSDL_BEGIN_DECLS

#define OSSDL_SHA1_BYTES 20
#define OSSDL_SHA256_BYTES 32

enum ossdl_status
ossdl_sha256(struct ossdl_slice text,
             unsigned char out[OSSDL_SHA256_BYTES]) OSSDL_MUST_CHECK;

enum ossdl_status
ossdl_hmac_sha256(struct ossdl_slice key, struct ossdl_slice text,
                  unsigned char out[OSSDL_SHA256_BYTES]) OSSDL_MUST_CHECK;

enum ossdl_status
ossdl_hmac_sha1(struct ossdl_slice key, struct ossdl_slice text,
                unsigned char out[OSSDL_SHA1_BYTES]) OSSDL_MUST_CHECK;

OSSDL_END_DECLS

#endif
