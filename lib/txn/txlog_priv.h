/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * txlog_priv.h - the log as txlog.c, recover.c and commit.c share it.
 */
#ifndef DXF_TXLOG_PRIV_H
#define DXF_TXLOG_PRIV_H

#include "hash.h"
#include "stage.h"
#include "txlog.h"
#include "txlog_fmt.h"

struct dxf_txlog {
	struct dxf_region *region;
	struct dxf_txlog_place place;
	uint64_t size;			/* bytes */
	struct txlog_session session;	/* as on media */
	unsigned int copy;		/* which copy that is */
	struct dxf_hash_key key;	/* of this session */
	uint64_t seq;			/* of the next transaction */
	uint64_t print;			/* fingerprint of the last commit */
	unsigned int print_line;	/* where the next one goes */
	char *buf;			/* a slot being built */
};

/* Load, store at offset @at of the log, run by run.  As dxf_load, dxf_persist_copy. */
int dxf_txlog_read(struct dxf_txlog *l, uint64_t at, void *buf, size_t len);
int dxf_txlog_store(struct dxf_txlog *l, uint64_t at, const void *buf,
		    size_t len, unsigned int flags);

/* Where [@at, ...) of the log is, and *@n: how many of @len bytes are there. */
dxf_off_t dxf_txlog_locate(const struct dxf_txlog *l, uint64_t at, size_t len,
			   size_t *n);

/* The key of what outlives a session. */
struct dxf_hash_key dxf_txlog_fs_key(const struct dxf_txlog *l);
/* Make l->key that of l->session. */
void dxf_txlog_set_key(struct dxf_txlog *l);

/*
 * The bits set in @mask.  The compiler's builtin is a call where the baseline
 * has no instruction.
 */
static inline unsigned int dxf_txlog_words(uint8_t mask)
{
	unsigned int n = mask - (mask >> 1 & 0x55u);

	n = (n & 0x33) + (n >> 2 & 0x33);
	return (n + (n >> 4)) & 0x0f;
}

/* Bytes of the record of a line with @mask; 0 for 0. */
static inline uint64_t dxf_txlog_record_bytes(uint8_t mask)
{
	return mask == 0 ? 0 : DXF_WORD + 2u * DXF_WORD * dxf_txlog_words(mask);
}

/* Bytes of records that a slot holds. */
uint64_t dxf_txlog_capacity(const struct dxf_txlog *l);

/*
 * Write the staged words into the slot, as transaction l->seq, not yet fenced.
 * @print: the fingerprint after it.  They fit (txn.c saw to it).
 * Returns: 0, -EIO.
 */
int dxf_txlog_write_slot(struct dxf_txlog *l, const struct dxf_stage *s,
			 uint64_t print);
/* Empty the slot.  Not fenced.  Returns: 0, -EIO. */
int dxf_txlog_zero_slot(struct dxf_txlog *l);
/* Record the fingerprint after transaction @seq.  Not fenced. */
int dxf_txlog_write_print(struct dxf_txlog *l, uint64_t seq, uint64_t print);
/*
 * Transaction @seq is in place: recovery skips it.  Not fenced; without @flush
 * it gets to media when the cache lets go of it.
 */
int dxf_txlog_write_dead(struct dxf_txlog *l, uint64_t seq, bool flush);
/* Now it does.  Not fenced.  Returns: 0, -EIO. */
int dxf_txlog_flush_dead(struct dxf_txlog *l);

/* Does a line of @s meet the watched range? */
bool dxf_txlog_watches(const struct dxf_txlog *l, const struct dxf_stage *s);
/*
 * The fingerprint with @s (or NULL) laid over media.  Returns: 0, -EIO.
 */
int dxf_txlog_fingerprint(struct dxf_txlog *l, const struct dxf_stage *s,
			  uint64_t *print);

/* The boot's identity; zeros where the kernel tells none. */
void dxf_txlog_boot_id(uint8_t id[16]);

uint64_t dxf_txlog_csum(const struct dxf_hash_key *key, const void *buf,
			size_t len);

#endif
