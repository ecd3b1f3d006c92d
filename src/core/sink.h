/*
 * sink.h - the data file of a transfer: <file>.part until it is complete
 *
 * Threads: write and read from any thread at once; open, prepare, commit,
 *          discard and close from one, while no other call is running.
 * Memory:  one block, freed by ossdl_sink_close(); paths are copied.
 * Errors:  OSSDL_EIO, OSSDL_EBUSY, OSSDL_EMEMORY; the message names the path.
 *
 * The file, not the network, is the largest cost of a fast download. So a
 * large file is written past the page cache (O_DIRECT) where the file system
 * takes it; elsewhere its blocks are reserved first, its writers queue on a
 * sleeping lock instead of spinning on the kernel's, and write-back starts
 * early. A small file is written with as few system calls as safety allows.
 */
#ifndef OSSDL_CORE_SINK_H
#define OSSDL_CORE_SINK_H

#include "status.h"

OSSDL_BEGIN_DECLS

/* Up to this size nothing is reserved: it is one or two writes anyway. */
#define OSSDL_SINK_SMALL_BYTES ((uint64_t) 1024 * 1024)
/* From this size on, AUTO means O_DIRECT. */
#define OSSDL_SINK_LARGE_BYTES ((uint64_t) 16 * 1024 * 1024)
/* What offsets and memory must be multiples of for O_DIRECT. */
#define OSSDL_SINK_BLOCK_BYTES ((size_t) 4096)
/* Fewer whole blocks than this are cheaper through the page cache. */
#define OSSDL_SINK_DIRECT_MIN_BYTES ((size_t) 64 * 1024)

enum ossdl_sink_direct {
    OSSDL_SINK_DIRECT_AUTO, /* for large files */
    OSSDL_SINK_DIRECT_ON,   /* always tried; the page cache if refused */
    OSSDL_SINK_DIRECT_OFF
};

struct ossdl_sink;

/*
 * Opens or creates part_path and locks it: OSSDL_EBUSY when another download
 * holds it. What it contains is left alone. A folder that is missing or not
 * writable shows here, before anything was sent.
 */
enum ossdl_status ossdl_sink_open(const char *part_path,
                                  struct ossdl_sink **out_sink,
                                  struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Closes and frees. A file that we created and never wrote to is removed;
 * any other stays for the next run. NULL is accepted.
 */
void ossdl_sink_close(struct ossdl_sink *sink);

/* Removes part_path if it is still our file. Close it afterwards. */
void ossdl_sink_discard(struct ossdl_sink *sink);

/* Bytes in the file now; 0 when that cannot be told. */
uint64_t ossdl_sink_size(const struct ossdl_sink *sink);

/*
 * Readies the file for an object of size bytes: longer content is cut, blocks
 * are reserved (ENOSPC shows here), and the way of writing is chosen. fresh
 * throws away the old content first. May be called again.
 */
enum ossdl_status ossdl_sink_prepare(struct ossdl_sink *sink, uint64_t size,
                                     enum ossdl_sink_direct direct, bool fresh,
                                     struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Writes all bytes, within the size given to prepare. Only those whole blocks
 * go direct whose memory address and offset are multiples of
 * OSSDL_SINK_BLOCK_BYTES; so an address should equal its offset modulo this.
 * Everything else is right as well, but slower.
 */
enum ossdl_status ossdl_sink_write(struct ossdl_sink *sink, uint64_t offset,
                                   const void *bytes, size_t len,
                                   struct ossdl_error *err) OSSDL_MUST_CHECK;

/* Reads len bytes, fewer only at the end of the file. */
enum ossdl_status ossdl_sink_read(struct ossdl_sink *sink, uint64_t offset,
                                  void *buffer, size_t len, size_t *out_len,
                                  struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Gives the file its final name by one atomic rename, replacing what was
 * there; first checks that part_path is still our file and as long as
 * prepared. durable: data and name are on the disk when this returns. On
 * failure part_path stays; only when syncing the folder fails, the file has
 * its final name already (ossdl_sink_committed() tells).
 */
enum ossdl_status ossdl_sink_commit(struct ossdl_sink *sink,
                                    const char *final_path, bool durable,
                                    struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Has the file fewer blocks than its length needs, though they were reserved?
 * Then somebody has cut it, and what was written may be gone. False where the
 * blocks could not be reserved, or the file is small.
 */
bool ossdl_sink_has_holes(const struct ossdl_sink *sink);

/* When the file last changed, in ns of the wall clock; 0 when unknown. */
int64_t ossdl_sink_changed_at(const struct ossdl_sink *sink);

/*
 * Has syncing failed? The kernel tells that only once, and what it could not
 * write looks written from then on: what the file holds is not to be trusted.
 */
bool ossdl_sink_doubtful(const struct ossdl_sink *sink);

/* Has commit given the file its final name? */
bool ossdl_sink_committed(const struct ossdl_sink *sink);

OSSDL_END_DECLS

#endif
