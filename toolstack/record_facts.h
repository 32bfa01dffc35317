/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts about a domain that only the journal of its record tells: what its
 * policy did, and which operation was interrupted in which state.
 */
#ifndef XK_TOOLSTACK_RECORD_FACTS_H
#define XK_TOOLSTACK_RECORD_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "toolstack/record.h"

/* Returns how often the policy started the domain again: xk_journal_starts().
 * window_ms 0: since the domain was made. 0 if the journal cannot be read. */
unsigned xk_record_starts(const struct xk_record *record, int64_t window_ms);

/* Whether the domain has stopped and is kept for inspection: no policy starts
 * it again. True if the journal cannot be read, because it may say so. A domain
 * without a record is not preserved. */
bool xk_record_is_preserved(const struct xk_record *record);

/* Whether the domain is in doubt: it was handed to another host, which has not
 * said that it runs there. Cheap if no operation is unfinished. */
bool xk_record_is_in_doubt(const struct xk_record *record);

/* Whether a reset was begun and is not finished; *ran: the guest ran before
 * that reset. */
bool xk_record_has_reset(const struct xk_record *record, bool *ran);

#endif
