/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fs.c - mount and unmount, and what concerns the filesystem as a whole.
 *
 * Owns the order of setting up and taking down:
 *
 *	log recovered - format opened - cache, root - log's session begun -
 *	marked mounted - orphans - background
 *	everything flushed - background stopped - cache emptied (zombies freed,
 *	times written) - marked clean, if nothing went wrong - log's session
 *	ended - closed
 */
#include "fs_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc.h"
#include "log.h"
#include "logfile.h"
#include "txlog.h"

#define ZERO_PAGE	(64 * DXF_KIB)

void dxf_fs_default_opts(struct dxf_fs_opts *o)
{
	*o = (struct dxf_fs_opts){
		.errors = DXF_ERRORS_SUPER,
		.atime = DXF_ATIME_RELATIME,
		.acl = DXF_BY_SUPER,
		.user_xattr = DXF_BY_SUPER,
		.grpid = DXF_BY_SUPER,
		.resuid = DXF_ID_BY_SUPER,
		.resgid = DXF_ID_BY_SUPER,
		.durability = DXF_DURABILITY_WRITE,
		.commit = 5,
	};
}

struct dxf_ext2 *dxf_fs_ext2(struct dxf_fs *fs)
{
	return fs->e2;
}

const struct dxf_fs_opts *dxf_fs_opts_in_effect(const struct dxf_fs *fs)
{
	return &fs->opts;
}

static void by_super(enum dxf_switch *to, const struct dxf_geom *g,
		     enum dxf_defm bit)
{
	if (*to == DXF_BY_SUPER)
		*to = g->default_mount_opts & bit ? DXF_ON : DXF_OFF;
}

static void settle_opts(struct dxf_fs_opts *o, const struct dxf_geom *g)
{
	by_super(&o->acl, g, DXF_DEFM_ACL);
	by_super(&o->user_xattr, g, DXF_DEFM_XATTR_USER);
	by_super(&o->grpid, g, DXF_DEFM_BSDGROUPS);
	if (o->resuid == DXF_ID_BY_SUPER)
		o->resuid = g->resuid;
	if (o->resgid == DXF_ID_BY_SUPER)
		o->resgid = g->resgid;
	/* callers take them for truth values */
	assert(o->acl <= DXF_ON && o->user_xattr <= DXF_ON);
	assert(o->grpid <= DXF_ON);
}

/* ---- unmount ---- */

/* Remember the first error. */
static void note(int *first, int err)
{
	if (*first == 0)
		*first = err;
}

/* Nothing is cached any more. */
static int end_session(struct dxf_fs *fs)
{
	int err = 0;

	if (dxf_ext2_errors_pending(fs->e2))
		note(&err, dxf_ext2_write_errors(fs->e2));
	note(&err, dxf_flush_rest(fs));
	note(&err, dxf_txnmgr_sync(fs->txnmgr));
	/* Only what is on media may be called clean. */
	if (err == 0)
		err = dxf_ext2_mark_clean(fs->e2);
	note(&err, dxf_txnmgr_sync(fs->txnmgr));
	note(&err, __atomic_load_n(&fs->sticky_error, __ATOMIC_RELAXED));
	/* A session that did not end well is the next mount's to recover. */
	if (err == 0)
		err = dxf_logfile_end(fs->logfile);
	return err;
}

/* Fit for a mount that went half-way, too. */
static int release(struct dxf_fs *fs)
{
	int err = 0;

	if (fs->root != NULL)
		dxf_icache_put(fs, fs->root);
	fs->root = NULL;
	while (dxf_orphan_finish_one(fs))
		;
	dxf_park_close(fs);
	dxf_icache_fini(fs);
	if (fs->session)
		err = end_session(fs);
	dxf_ext2_close(fs->e2);
	dxf_logfile_close(fs->logfile);
	dxf_txnmgr_close(fs->txnmgr);
	if (fs->zero_page != NULL)
		munmap((void *)(uintptr_t)fs->zero_page, ZERO_PAGE);
	dxf_mutex_destroy(&fs->quiet_lock);
	dxf_mutex_destroy(&fs->rename_lock);
	dxf_bg_fini(fs);
	free(fs);
	return err;
}

int dxf_fs_close(struct dxf_fs *fs)
{
	struct dxf_region *r = fs->region;
	int err = 0;

	if (fs->session) {
		note(&err, dxf_fs_sync(fs));
		dxf_bg_stop(fs);
	}
	note(&err, release(fs));
	if (err != 0)
		dxf_log_err("%s: not cleanly unmounted: %s",
			    dxf_region_path(r), strerror(-err));
	return err;
}

/* ---- mount ---- */

static int recover(struct dxf_fs *fs, bool *clean, struct dxf_err *err)
{
	unsigned int flags = 0;
	int e = dxf_txnmgr_open(&fs->txnmgr, fs->region);

	if (e != 0)
		return dxf_err_set(err, -e, "%s: no memory",
				   dxf_region_path(fs->region));
	if (fs->opts.ro)
		flags |= DXF_LOGFILE_RO;
	if (fs->opts.norecovery)
		flags |= DXF_LOGFILE_NORECOVERY;
	if (fs->opts.force)
		flags |= DXF_LOGFILE_FORCE;
	return dxf_logfile_recover(&fs->logfile, fs->txnmgr, flags, clean,
				   err);
}

static int open_format(struct dxf_fs *fs, struct dxf_err *err)
{
	struct dxf_ext2_opts o = {
		.ro = fs->opts.ro,
		.force = fs->opts.force,
		.errors = fs->opts.errors,
	};
	int e = recover(fs, &o.recovered, err);

	if (e != 0)
		return e;
	e = dxf_ext2_open(&fs->e2, fs->txnmgr, &o, err);
	if (e != 0)
		return e;
	fs->geom = dxf_ext2_geom(fs->e2);
	settle_opts(&fs->opts, fs->geom);
	if (fs->opts.index_limit != 0)
		dxf_dir_set_index_limit(fs->e2, fs->opts.index_limit);
	if (fs->opts.cut_always)
		dxf_txnmgr_cut_always(fs->txnmgr);
	if (fs->opts.ro)
		dxf_txnmgr_set_ro(fs->txnmgr);
	return 0;
}

static int open_root(struct dxf_fs *fs, struct dxf_err *err)
{
	int e = dxf_icache_get(fs, DXF_ROOT_INO, &fs->root);

	if (e == 0) {
		dxf_rwlock_rdlock(&fs->root->lock);
		e = dxf_dir_check(fs->root);
		dxf_rwlock_unlock(&fs->root->lock);
	}
	if (e == 0)
		return 0;
	/* Whatever else it is: for a mount the image is damaged. */
	if (e == -ESTALE || e == -ENOTDIR || e == -ENOENT)
		e = -EUCLEAN;
	return dxf_err_set(err, -e, "%s: the root directory cannot be read "
			   "(%s); run e2fsck on it",
			   dxf_region_path(fs->region), strerror(-e));
}

static int begin_log(struct dxf_fs *fs, struct dxf_err *err)
{
	const struct dxf_logfile_opts o = {
		.nolog = fs->opts.nolog,
		.size = fs->opts.log_size,
	};

	return dxf_logfile_begin(fs->logfile, fs->e2, &o, err);
}

static int begin_session(struct dxf_fs *fs, struct dxf_err *err)
{
	int e = begin_log(fs, err);

	if (e != 0)
		return e;
	e = dxf_ext2_mark_mounted(fs->e2);
	fs->session = e == 0;
	/* before the host can write back anything that follows */
	if (e == 0)
		e = dxf_txnmgr_sync(fs->txnmgr);
	if (e == 0)
		e = dxf_orphan_recover(fs);
	if (e == 0)
		e = dxf_bg_start(fs);
	if (e == 0)
		dxf_park_open(fs);
	else
		dxf_err_set(err, -e, "%s: cannot be mounted read-write: %s",
			    dxf_region_path(fs->region), strerror(-e));
	return e;
}

static int open_zero_page(struct dxf_fs *fs)
{
	void *p = mmap(NULL, ZERO_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	if (p == MAP_FAILED)
		return -ENOMEM;
	fs->zero_page = p;
	return 0;
}

static struct dxf_fs *new_fs(struct dxf_region *r,
			     const struct dxf_fs_opts *opts)
{
	struct dxf_fs *fs = dxf_calloc(1, sizeof(*fs));

	if (fs == NULL)
		return NULL;
	fs->region = r;
	fs->opts = *opts;
	if (dxf_bg_init(fs) != 0) {
		free(fs);
		return NULL;
	}
	dxf_mutex_init(&fs->rename_lock, DXF_RANK_RENAME);
	dxf_mutex_init(&fs->quiet_lock, DXF_RANK_QUIET);
	return fs;
}

int dxf_fs_open(struct dxf_fs **out, struct dxf_region *r,
		const struct dxf_fs_opts *opts, struct dxf_err *err)
{
	struct dxf_fs *fs;
	int e;

	if (opts->norecovery && !opts->ro)
		return dxf_err_set(err, EINVAL, "%s: norecovery goes with -o ro only",
				   dxf_region_path(r));
	if (!opts->ro && dxf_region_is_ro(r))
		return dxf_err_set(err, EROFS, "%s is open for reading only; "
				   "mount with -o ro", dxf_region_path(r));
	fs = new_fs(r, opts);
	if (fs == NULL)
		return dxf_err_set(err, ENOMEM, "%s: no memory",
				   dxf_region_path(r));
	e = open_zero_page(fs);
	if (e == 0)
		e = dxf_icache_init(fs);
	if (e != 0)
		dxf_err_set(err, -e, "%s: no memory", dxf_region_path(r));
	if (e == 0)
		e = open_format(fs, err);
	if (e == 0)
		e = open_root(fs, err);
	if (e == 0 && !fs->opts.ro)
		e = begin_session(fs, err);
	if (e != 0) {
		release(fs);
		return e;
	}
	*out = fs;
	return 0;
}

/* ---- figures ---- */

static unsigned long fsid(const struct dxf_geom *g)
{
	uint64_t half[2];

	memcpy(half, g->uuid, sizeof(half));
	return (unsigned long)(half[0] ^ half[1]);
}

int dxf_fs_statfs(struct dxf_fs *fs, struct statvfs *out)
{
	const struct dxf_geom *g = fs->geom;
	uint64_t overhead = fs->opts.minixdf ? 0 :
			    dxf_ext2_overhead(fs->e2);
	struct dxf_ext2_counts c;
	bool ro = fs->opts.ro || dxf_txnmgr_is_ro(fs->txnmgr);

	/* What was removed counts as free. */
	(void)dxf_park_drain(fs);
	dxf_ext2_counts(fs->e2, &c);
	c.free_blocks -= DXF_MIN(dxf_ext2_bad_free_blocks(fs->e2),
				 c.free_blocks);
	*out = (struct statvfs){
		.f_bsize = g->block_size,
		.f_frsize = g->block_size,
		.f_blocks = g->nblocks - DXF_MIN(overhead, g->nblocks),
		.f_bfree = c.free_blocks,
		.f_bavail = c.free_blocks -
			    DXF_MIN(g->reserved_blocks, c.free_blocks),
		.f_files = g->ninodes,
		.f_ffree = c.free_inodes,
		.f_favail = c.free_inodes,
		.f_fsid = fsid(g),
		.f_flag = ro ? ST_RDONLY : 0,
		.f_namemax = DXF_NAME_MAX,
	};
	return 0;
}

void dxf_fs_get_stats(struct dxf_fs *fs, struct dxf_fs_stats *out)
{
	uint64_t parked;

	dxf_mutex_lock(&fs->icache_lock);
	out->inodes_cached = fs->ncached + fs->known.n;
	out->inodes_open = fs->nopen;
	parked = (uint64_t)(fs->park.n + fs->park.nleaving);
	dxf_mutex_unlock(&fs->icache_lock);
	out->zombies = __atomic_load_n(&fs->norphans, __ATOMIC_RELAXED);
	/* Parked ones wait for nobody. */
	out->zombies -= DXF_MIN(parked, out->zombies);
	out->transactions = __atomic_load_n(&fs->ntxn, __ATOMIC_RELAXED);
	out->log_size = dxf_txnmgr_log_size(fs->txnmgr, &out->log_capacity);
	out->stopped = !fs->opts.ro && dxf_txnmgr_is_ro(fs->txnmgr);
}
