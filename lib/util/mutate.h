/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mutate.h - mutation knobs: leave out one flush, fence or check, so that the
 * crash tests can show that they would notice, and the tests with hostile
 * images reach what lies behind the checksums.
 *
 * A site asks dxf_mutated(); one site at most is armed, by tests only.  In
 * builds with NDEBUG the answer is false at compile time.
 */
#ifndef DXF_MUTATE_H
#define DXF_MUTATE_H

#include <stdbool.h>

#define DXF_MUTATIONS(X)						\
	X(TXN_F0)		/* fence behind filled blocks */	\
	X(TXN_F1)		/* fence behind the slot */		\
	X(TXN_F2)		/* fence behind the stores in place */	\
	X(TXN_FLUSH_IN_PLACE)	/* flush of the stores in place */	\
	X(TXN_DEAD)		/* dead mark */				\
	X(TXN_STORE_BEFORE_F1)	/* store in place before F1 */		\
	X(TXN_CSUM)		/* check of the slot's checksum */	\
	X(LOG_ZERO_SLOT)	/* emptying the slot */			\
	X(LOG_ZERO_FENCE)	/* ... and its fence */			\
	X(LOG_SESSION_FENCE)	/* fence behind the session record */	\
	X(LOG_PRINT)		/* fingerprint after a transaction */	\
	X(RECOVER_FENCE)	/* fence behind what was applied */	\
	X(RECOVER_FLUSH)	/* flush of what was applied */		\
	X(RECOVER_PRINT)	/* fingerprint of what was applied */	\
	X(RECOVER_DEAD_CHECK)	/* looking at the dead mark */		\
	X(CREATE_FENCE_MAP)	/* fence behind log and map block */	\
	X(CREATE_FENCE_INODE)	/* fence behind the inode's rest */	\
	X(CREATE_FENCE_MODE)	/* fence behind its first word */	\
	X(PERSIST_FLUSH_STORE)	/* flush of ordinary stores */		\
	X(PERSIST_FLUSH_LINES)	/* ... whole lines, edges deferred */	\
	X(PERSIST_FLUSH_HEAD)	/* flush before bulk */			\
	X(PERSIST_FLUSH_TAIL)	/* flush behind bulk */			\
	X(WRITE_FENCE)		/* fence behind an overwrite */		\
	X(SETTLE_FLUSH)		/* flush of edges before bulk */	\
	X(SETTLE_FENCE)		/* ... and its fence */			\
	X(FILL_FENCE)		/* fence behind filled data blocks */	\
	X(GAP_FENCE)		/* fence behind a zeroed gap */		\
	X(FALLOC_FENCE)		/* fence behind zeroed edges */		\
	X(GROW_FENCE)		/* fence behind a zeroed tail: grow */	\
	X(SHRINK_FENCE)		/* the same: shrink */			\
	X(SYNC_FLUSH)		/* fsync's flush */			\
	X(SYNC_FENCE)		/* ... and its fence */			\
	X(EXT2_CSUM)		/* checks of the format's checksums */	\
	/* page media: the last ones, tests/crash/pages.c tries them */	\
	X(PAGE_BARRIER)		/* msync behind what was written out */	\
	X(PAGE_OWN)		/* the file's own metadata */		\
	X(PAGE_PLACE)		/* that of the directories above */	\
	X(PAGE_REUSE)		/* everything, after a reuse */

enum dxf_mutation {
	DXF_MUT_NONE,
#define X(name) DXF_MUT_##name,
	DXF_MUTATIONS(X)
#undef X
	DXF_NMUTATIONS,
};

/* Not to be touched but by the inline below and dxf_mutate_arm(). */
extern enum dxf_mutation dxf_mutate_site;

/* Must this site leave out what it does? */
static inline bool dxf_mutated(enum dxf_mutation site)
{
#ifdef NDEBUG
	(void)site;
	return false;
#else
	return __builtin_expect(dxf_mutate_site == site, 0);
#endif
}

/* Arm @site, DXF_MUT_NONE for none.  While no other thread is at work. */
void dxf_mutate_arm(enum dxf_mutation site);

/* "TXN_F0" ...; NULL for no such site. */
const char *dxf_mutate_name(enum dxf_mutation site);

#endif
