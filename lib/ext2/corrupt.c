// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * corrupt.c - the one door through which corruption is reported, and media
 * errors in metadata.
 *
 * Owns the record of errors and the superblock's error fields.  Reporting does
 * no I/O and takes only a leaf lock, so it may happen anywhere; the record is
 * written later, by whoever holds no lock.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "load.h"
#include "log.h"
#include "super.h"

/* s_first_error_errcode, as ext4 numbers it. */
#define ERRCODE_EIO		2
#define ERRCODE_CORRUPTED	5
/* Errors logged one by one; of more only the count is kept. */
#define MAX_LOGGED	100

struct record {
	time_t time;
	dxf_ino_t ino;
	dxf_blk_t blk;
	uint8_t code;		/* ERRCODE_* */
};

struct dxf_ext2_errlog {
	/* protected by e2->err_lock */
	struct record first, last;
	uint32_t total;		/* since the filesystem was opened */
	uint32_t pending;	/* not yet in the superblock */
};

int dxf_errlog_init(struct dxf_ext2 *e2)
{
	e2->errlog = dxf_calloc(1, sizeof(*e2->errlog));
	return e2->errlog != NULL ? 0 : -ENOMEM;
}

void dxf_errlog_fini(struct dxf_ext2 *e2)
{
	free(e2->errlog);
	e2->errlog = NULL;
}

bool dxf_errlog_any(struct dxf_ext2 *e2)
{
	DXF_SCOPED_MUTEX(&e2->err_lock);
	return e2->errlog->total != 0;
}

bool dxf_ext2_errors_pending(const struct dxf_ext2 *e2)
{
	DXF_SCOPED_MUTEX((struct dxf_mutex *)&e2->err_lock);
	return e2->errlog->pending != 0;
}

/*
 * Remember it.  Returns: false if it is not worth a line: the same inode and
 * block as the one before, or one of too many.
 */
static bool record(struct dxf_ext2 *e2, dxf_ino_t ino, dxf_blk_t blk,
		   uint8_t code)
{
	struct dxf_ext2_errlog *log = e2->errlog;
	bool same;

	DXF_SCOPED_MUTEX(&e2->err_lock);
	same = log->total != 0 && log->last.ino == ino && log->last.blk == blk;
	log->last = (struct record){ time(NULL), ino, blk, code };
	if (log->pending == 0)
		log->first = log->last;
	if (log->total < UINT32_MAX) {
		log->total++;
		log->pending++;
	}
	return !same && log->total <= MAX_LOGGED;
}

static void apply_policy(struct dxf_ext2 *e2)
{
	switch (e2->opts.errors) {
	case DXF_ERRORS_CONTINUE:
		return;
	case DXF_ERRORS_PANIC:
		dxf_log_err("errors=panic: aborting");
		abort();
	case DXF_ERRORS_SUPER:
	case DXF_ERRORS_RO:
		break;
	}
	if (dxf_txnmgr_is_ro(e2->txnmgr))
		return;
	dxf_txnmgr_set_ro(e2->txnmgr);
	dxf_log_err("the filesystem is read-only from now on; unmount it and run `e2fsck -f %s`",
		    dxf_super_path(e2));
}

int dxf_ext2_corrupt(struct dxf_ext2 *e2, dxf_ino_t ino, dxf_blk_t blk,
		     const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (record(e2, ino, blk, ERRCODE_CORRUPTED))
		dxf_log_err("%s: inode %u, block %llu: %s",
			    dxf_super_path(e2), ino,
			    (unsigned long long)blk, text);
	apply_policy(e2);
	return -EUCLEAN;
}

int dxf_ext2_read(struct dxf_ext2 *e2, dxf_ino_t ino, dxf_off_t off, void *buf,
		  size_t len)
{
	dxf_blk_t blk = off >> e2->geom.block_bits;
	int ret = dxf_txn_read(e2->txnmgr, off, buf, len);

	if (ret != -EIO || !dxf_load_met_media() || e2->errlog == NULL)
		return ret;
	if (record(e2, ino, blk, ERRCODE_EIO))
		dxf_log_err("%s: inode %u, block %llu: metadata cannot be read: media error",
			    dxf_super_path(e2), ino, (unsigned long long)blk);
	apply_policy(e2);
	return ret;
}

int dxf_blk_read(struct dxf_ext2 *e2, dxf_ino_t ino, dxf_blk_t blk, void *buf)
{
	assert(blk < e2->geom.nblocks);
	return dxf_ext2_read(e2, ino, dxf_blk_off(&e2->geom, blk), buf,
			     e2->geom.block_size);
}

static void set_first(struct ext2_super_block *sb, const struct record *r)
{
	sb->s_first_error_time = (uint32_t)r->time;
	sb->s_first_error_time_hi = (uint8_t)((uint64_t)r->time >> 32);
	sb->s_first_error_ino = r->ino;
	sb->s_first_error_block = r->blk;
	sb->s_first_error_line = 0;
	sb->s_first_error_errcode = r->code;
	memset(sb->s_first_error_func, 0, sizeof(sb->s_first_error_func));
	memcpy(sb->s_first_error_func, "daxfuse", 7);
}

static void set_last(struct ext2_super_block *sb, const struct record *r)
{
	sb->s_last_error_time = (uint32_t)r->time;
	sb->s_last_error_time_hi = (uint8_t)((uint64_t)r->time >> 32);
	sb->s_last_error_ino = r->ino;
	sb->s_last_error_block = r->blk;
	sb->s_last_error_line = 0;
	sb->s_last_error_errcode = r->code;
	memset(sb->s_last_error_func, 0, sizeof(sb->s_last_error_func));
	memcpy(sb->s_last_error_func, "daxfuse", 7);
}

/* Stage what @log, a snapshot, holds. */
static int stage(struct dxf_ext2 *e2, struct dxf_txn *t,
		 const struct dxf_ext2_errlog *log)
{
	struct ext2_super_block sb;
	uint64_t count;
	int ret;

	ret = dxf_super_read(e2->txnmgr, &sb);
	if (ret < 0)
		return ret;
	sb.s_state |= EXT2_ERROR_FS;
	if (sb.s_error_count == 0)
		set_first(&sb, &log->first);
	set_last(&sb, &log->last);
	count = (uint64_t)sb.s_error_count + log->pending;
	sb.s_error_count = (uint32_t)DXF_MIN(count, (uint64_t)UINT32_MAX);
	dxf_super_set_wtime(&sb, time(NULL));
	return dxf_super_store(e2, t, &sb);
}

int dxf_ext2_write_errors(struct dxf_ext2 *e2)
{
	struct dxf_ext2_errlog log;
	struct dxf_txn *t;
	int ret;

	/* FORCE: the errors are why the manager is read-only. */
	ret = dxf_txn_begin(e2->txnmgr, DXF_TXN_FORCE, &t);
	if (ret < 0)
		return ret;
	dxf_mutex_lock(&e2->err_lock);
	log = *e2->errlog;
	dxf_mutex_unlock(&e2->err_lock);
	ret = log.pending != 0 ? stage(e2, t, &log) : 0;
	if (ret < 0) {
		dxf_txn_abort(t);
		return ret;
	}
	ret = dxf_txn_commit(t);
	if (ret < 0)
		return ret;
	dxf_mutex_lock(&e2->err_lock);
	assert(e2->errlog->pending >= log.pending);
	e2->errlog->pending -= log.pending;
	dxf_mutex_unlock(&e2->err_lock);
	return 0;
}
