/*
 * journal.h - the checkpoint of a transfer: <file>.cp
 *
 * Threads: append from any thread at once; the other calls from one thread,
 *          while no append is running.
 * Memory:  one block, freed by ossdl_journal_close(); strings are copied.
 *          Reading needs one small buffer, however long the file is.
 * Errors:  OSSDL_EIO, OSSDL_EBUSY, OSSDL_EMEMORY; the message names the path.
 *          A file that is not a usable checkpoint is no error:
 *          ossdl_journal_reason() says why nothing was loaded.
 *
 * The format is journal_format.h's. Nothing is ever synced: a record is
 * believed only after the data it speaks of was read back and compared.
 */
#ifndef OSSDL_CORE_JOURNAL_H
#define OSSDL_CORE_JOURNAL_H

#include "extents.h"
#include "identity.h"
#include "slice.h"
#include "status.h"

OSSDL_BEGIN_DECLS

struct ossdl_journal;

/*
 * Opens the checkpoint at path for this bucket and object. One that exists is
 * locked (OSSDL_EBUSY when another download holds it) and its header is read;
 * one that does not is created by ossdl_journal_begin() and not before, so
 * that a small object costs no file. The folder must be there and writable.
 */
enum ossdl_status ossdl_journal_open(const char *path,
                                     struct ossdl_slice bucket,
                                     struct ossdl_slice object,
                                     struct ossdl_journal **out_journal,
                                     struct ossdl_error *err) OSSDL_MUST_CHECK;

/* Closes and frees; a file that we created and never began is removed. */
void ossdl_journal_close(struct ossdl_journal *journal);

/* Was a valid checkpoint of this bucket and object there? False once another
 * was begun. */
bool ossdl_journal_loaded(const struct ossdl_journal *journal);

/* Does the file that was there not even begin like a checkpoint? */
bool ossdl_journal_foreign(const struct ossdl_journal *journal);

/* Why not, a phrase; NULL if it was loaded, begun, or there was no file. */
const char *ossdl_journal_reason(const struct ossdl_journal *journal);

/* What the checkpoint is of: loaded or begun, else NULL. */
const struct ossdl_identity *
ossdl_journal_identity(const struct ossdl_journal *journal);

/*
 * Adds what the records say, in their order, to an initialised set; the
 * caller has chosen its grain. Damaged and impossible records are left out;
 * reading ends after a long run of nothing but those.
 */
enum ossdl_status
ossdl_journal_extents(struct ossdl_journal *journal, struct ossdl_extents *into,
                      struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Starts the checkpoint afresh: creates and locks the file if it is missing
 * (OSSDL_EBUSY), drops all records, writes a header with a new random salt.
 */
enum ossdl_status ossdl_journal_begin(struct ossdl_journal *journal,
                                      const struct ossdl_identity *identity,
                                      struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Adds one record behind the others; only after begin or loaded. A failed
 * append (ENOSPC) spoils its own slot and no other record.
 */
enum ossdl_status
ossdl_journal_append(struct ossdl_journal *journal, struct ossdl_extent extent,
                     struct ossdl_error *err) OSSDL_MUST_CHECK;

/* Removes the file if the path still names it. Close it afterwards. */
enum ossdl_status
ossdl_journal_remove(struct ossdl_journal *journal,
                     struct ossdl_error *err) OSSDL_MUST_CHECK;

OSSDL_END_DECLS

#endif
