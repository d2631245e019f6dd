// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * logfile.c - what becomes of the log at mount and unmount.
 *
 * Owns the decisions, and the lines that tell of them; lograw.c finds,
 * logmake.c makes, logsize.c says how large, lib/txn applies.
 */
#include "logfile.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "log.h"
#include "logfile_priv.h"
#include "super.h"

static const char *path_of(const struct dxf_logfile *lf)
{
	const char *path = dxf_region_path(lf->region);

	return path[0] != '\0' ? path : "IMAGE";
}

/* ---- before the filesystem is opened ---- */

static int unreadable(struct dxf_logfile *lf, unsigned int flags,
		      struct dxf_err *err)
{
	dxf_txlog_close(lf->log);
	lf->log = NULL;
	if (flags & (DXF_LOGFILE_RO | DXF_LOGFILE_FORCE)) {
		dxf_log_warn("%s: the redo log cannot be read: what it may hold is ignored",
			     path_of(lf));
		return 0;
	}
	return dxf_err_set(err, EROFS,
		"%s: the redo log cannot be read; mount it with `-o ro`, or run `e2fsck -f` and mount it with `-o force`",
		path_of(lf));
}

static int run_recovery(struct dxf_logfile *lf, unsigned int flags, bool *clean,
			struct dxf_err *err)
{
	bool ro = (flags & DXF_LOGFILE_RO) != 0, replayed;
	int e;

	e = dxf_txlog_recover(lf->m, lf->log, ro ? DXF_RECOVER_OVERLAY : 0,
			      &lf->recovery, &replayed);
	if (e == -ENOMEM)
		return dxf_err_set(err, ENOMEM, "%s: no memory", path_of(lf));
	if (e < 0)
		return unreadable(lf, flags, err);
	/* Somebody has made it clean since: nothing was lost by a discard. */
	if (lf->raw.valid && lf->recovery != DXF_RECOVERY_DONE)
		return 0;
	switch (lf->recovery) {
	case DXF_RECOVERY_NONE:
		break;
	case DXF_RECOVERY_DONE:
		*clean = dxf_txlog_was_clean(lf->log);
		dxf_log_info("%s: it was not unmounted: recovered%s",
			     path_of(lf), !replayed ? "" :
			     ro ? " (one transaction laid over what is read)" :
			     " (one transaction from the log)");
		break;
	case DXF_RECOVERY_FOREIGN:
		dxf_log_warn("%s: it was not unmounted, and another program has changed it since: the redo log is discarded",
			     path_of(lf));
		break;
	case DXF_RECOVERY_REBOOT:
		dxf_log_warn("%s: it was not unmounted before the machine went down, and its media keep no order of writes: the redo log is discarded",
			     path_of(lf));
		break;
	}
	return 0;
}

static int recover(struct dxf_logfile *lf, unsigned int flags, bool *clean,
		   struct dxf_err *err)
{
	int e = dxf_log_find(lf->region, &lf->raw);

	if (e < 0)
		return unreadable(lf, flags, err);
	if (lf->raw.found != DXF_LOG_OURS ||
	    (flags & DXF_LOGFILE_NORECOVERY) != 0)
		return 0;
	e = dxf_txlog_open(&lf->log, lf->region, &lf->raw.place);
	if (e == -EINVAL) {
		lf->raw.found = DXF_LOG_OTHER;
		return 0;
	}
	if (e < 0)
		return dxf_err_set(err, -e, "%s: no memory", path_of(lf));
	e = dxf_txlog_load(lf->log);
	return e < 0 ? unreadable(lf, flags, err) :
		run_recovery(lf, flags, clean, err);
}

int dxf_logfile_recover(struct dxf_logfile **out, struct dxf_txnmgr *m,
			unsigned int flags, bool *clean, struct dxf_err *err)
{
	struct dxf_logfile *lf = dxf_calloc(1, sizeof(*lf));
	bool is_clean = false;
	int e;

	assert((flags & DXF_LOGFILE_NORECOVERY) == 0 ||
	       (flags & DXF_LOGFILE_RO) != 0);
	if (lf == NULL)
		return dxf_err_set(err, ENOMEM, "no memory");
	lf->m = m;
	lf->region = dxf_txnmgr_region(m);
	e = recover(lf, flags, &is_clean, err);
	if (e < 0) {
		dxf_logfile_close(lf);
		return e;
	}
	*out = lf;
	*clean = is_clean;
	return 0;
}

void dxf_logfile_close(struct dxf_logfile *lf)
{
	if (lf == NULL)
		return;
	dxf_txlog_close(lf->log);
	free(lf);
}

/* ---- the session ---- */

/* Go on without a log. */
static int without(struct dxf_logfile *lf, const char *why)
{
	dxf_log_warn("%s: mounted without a redo log (%s): a crash may leave work for e2fsck",
		     path_of(lf), why);
	return 0;
}

/* Is there room that nobody will miss? */
static bool is_roomy(struct dxf_ext2 *e2, uint64_t size)
{
	struct dxf_ext2_counts c;

	dxf_ext2_counts(e2, &c);
	return c.free_blocks << e2->geom.block_bits >= 2 * size;
}

static int make_log(struct dxf_logfile *lf, struct dxf_ext2 *e2,
		    uint64_t size, struct dxf_err *err)
{
	int e;

	if (!e2->was_clean)
		return without(lf, "it has to be checked before one is made");
	if (!is_roomy(e2, size))
		return without(lf, "no room for one");
	e = dxf_log_make(lf, e2, size);
	if (e == -ENOSPC || e == -EFBIG)
		return without(lf, "no room for one");
	if (e < 0)
		return dxf_err_set(err, -e, "%s: cannot make the redo log: %s",
				   path_of(lf), strerror(-e));
	dxf_log_info("%s: made a redo log of %llu KiB (inode %u)", path_of(lf),
		     (unsigned long long)(size / DXF_KIB), DXF_LOG_INO);
	return 0;
}

static int bits_wrong(struct dxf_logfile *lf, struct dxf_err *err)
{
	return dxf_err_set(err, EUCLEAN,
		"%s: the redo log's blocks are not marked in use; run `e2fsck -f %s`, or mount it with `-o nolog`",
		path_of(lf), path_of(lf));
}

/*
 * Making the log was interrupted, and it is not known who marked what since.
 * A full check has settled it; else inode 5 goes, without freeing what may be
 * another file's by now.
 */
static int settle_making(struct dxf_logfile *lf, enum dxf_log_bits bits,
			 struct dxf_err *err)
{
	bool checked = dxf_txlog_cookie(lf->log) != lf->raw.lastcheck;

	if (bits == DXF_LOG_BITS_ALL && checked)
		return 0;
	if (bits == DXF_LOG_BITS_ALL)
		return bits_wrong(lf, err);
	if (dxf_log_retire(lf) < 0)
		return dxf_err_set(err, EIO, "%s: inode %u cannot be stored to",
				   path_of(lf), DXF_LOG_INO);
	return 0;
}

/* After this lf->log is sound, or there is none any more. */
static int check_log(struct dxf_logfile *lf, struct dxf_ext2 *e2,
		     struct dxf_err *err)
{
	bool creating = dxf_txlog_state(lf->log) == DXF_TXLOG_CREATING;
	enum dxf_log_bits bits;
	int e = dxf_log_bits(lf, e2, &bits);

	if (e < 0)
		return dxf_err_set(err, -e, "%s: a block bitmap cannot be read",
				   path_of(lf));
	if (creating && lf->recovery != DXF_RECOVERY_DONE)
		return settle_making(lf, bits, err);
	if (bits == DXF_LOG_BITS_ALL)
		return 0;
	if (!creating || bits != DXF_LOG_BITS_NONE)
		return bits_wrong(lf, err);
	e = dxf_log_allocate(lf, e2);
	if (e < 0)
		return dxf_err_set(err, -e,
			"%s: cannot complete the redo log: %s", path_of(lf),
			strerror(-e));
	return 0;
}

/* Its blocks are nobody else's; from here on all goes through it. */
static int start(struct dxf_logfile *lf, struct dxf_ext2 *e2,
		 struct dxf_err *err)
{
	const struct dxf_txlog_place *p = &lf->raw.place;
	uint32_t bits = lf->raw.block_bits;
	int e = 0;

	for (unsigned int i = 0; i < p->nruns && e == 0; i++)
		e = dxf_fixed_add(e2, p->run[i].off >> bits,
				  p->run[i].len >> bits);
	if (e == 0 && lf->raw.map_blk != 0)
		e = dxf_fixed_add(e2, lf->raw.map_blk, 1);
	if (e == -EUCLEAN)
		return dxf_err_set(err, EUCLEAN,
			"%s: the redo log lies in the filesystem's metadata; run `e2fsck -f %s`",
			path_of(lf), path_of(lf));
	if (e == 0)
		e = dxf_txlog_begin(lf->log, lf->m, e2->was_clean);
	if (e < 0)
		return dxf_err_set(err, -e, "%s: cannot start the redo log: %s",
				   path_of(lf), strerror(-e));
	lf->in_use = true;
	if (dxf_txlog_size(lf->log) < dxf_log_min_size(&e2->geom))
		dxf_log_warn("%s: the redo log of %llu KiB is small for this filesystem: a change that it cannot hold fails with EFBIG",
			     path_of(lf), (unsigned long long)
			     dxf_txlog_size(lf->log) / DXF_KIB);
	return 0;
}

/*
 * Whatever is in the log must not be found by a later mount.  That what it
 * recovered is consistent is known to the log alone: the superblock says so
 * before the log is no more asked.
 */
static int begin_without(struct dxf_logfile *lf, struct dxf_ext2 *e2,
			 struct dxf_err *err)
{
	int e = 0;

	if (lf->log != NULL && lf->recovery == DXF_RECOVERY_DONE &&
	    dxf_txlog_state(lf->log) == DXF_TXLOG_MOUNTED) {
		dxf_txlog_attach(lf->log, lf->m);
		e = dxf_ext2_mark_clean(e2);
		dxf_txlog_detach(lf->log, lf->m);
	}
	if (e == 0 && lf->log != NULL && dxf_txlog_state(lf->log) != DXF_TXLOG_INVALID &&
	    dxf_txlog_state(lf->log) != DXF_TXLOG_CREATING)
		e = dxf_txlog_end(lf->log, lf->m);
	if (e < 0)
		return dxf_err_set(err, -e,
			"%s: cannot take the redo log out of use: %s",
			path_of(lf), strerror(-e));
	return without(lf, "nolog");
}

/* A log that is there is not made anew. */
static void tell_size(const struct dxf_logfile *lf, uint64_t size)
{
	uint64_t is = dxf_txlog_size(lf->log);

	if (is != size)
		dxf_log_warn("%s: log= is not followed: the redo log that is there keeps its %llu KiB; to have another, unmount and run `debugfs -w -R 'clri <%u>' %s; e2fsck -fy %s`",
			     path_of(lf), (unsigned long long)is / DXF_KIB,
			     DXF_LOG_INO, path_of(lf), path_of(lf));
}

int dxf_logfile_begin(struct dxf_logfile *lf, struct dxf_ext2 *e2,
		      const struct dxf_logfile_opts *opts,
		      struct dxf_err *err)
{
	uint64_t size = opts->size;
	int e = dxf_log_check_size(&e2->geom, path_of(lf), &size, err);

	if (e < 0)
		return e;
	if (opts->nolog)
		return begin_without(lf, e2, err);
	if (lf->raw.slot_off == 0)
		return without(lf, "inode 5 is out of the reader's reach");
	if (lf->raw.found == DXF_LOG_OTHER)
		return without(lf, "inode 5 is in use by something else");
	if (lf->raw.found == DXF_LOG_OURS && lf->log == NULL)
		return without(lf, "the one that is there cannot be read");
	if (lf->log != NULL)
		e = check_log(lf, e2, err);
	if (e == 0 && lf->log != NULL && opts->size != 0)
		tell_size(lf, size);
	if (e == 0 && lf->log == NULL)
		e = make_log(lf, e2, size, err);
	if (e == 0 && lf->log != NULL)
		e = start(lf, e2, err);
	return e;
}

bool dxf_logfile_in_use(const struct dxf_logfile *lf)
{
	return lf->in_use;
}

int dxf_logfile_end(struct dxf_logfile *lf)
{
	int err;

	if (!lf->in_use)
		return 0;
	err = dxf_txlog_end(lf->log, lf->m);
	if (err == 0)
		lf->in_use = false;
	return err;
}
