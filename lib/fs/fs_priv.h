/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fs_priv.h - what the files of lib/fs share and nobody else sees.
 *
 * Locks, outermost first (LOCKING.md): rename_lock; inode locks in rising
 * inode number; icache_lock; the metadata lock (dxf_txn_begin); node.attr.
 *
 * Two rules carry everything:
 * - An inode's data, map, entries and xattrs change only under its lock held
 *   exclusively.  The victim of an unlink or link is not locked for that: only
 *   its slot changes.
 * - An inode's slot (node.di) changes only inside a transaction, so under the
 *   metadata lock: copy node.di after begin, change the copy, stage it, commit,
 *   dxf_inode_set_di().  Implicit times alone change without, under node.attr.
 */
#ifndef DXF_FS_PRIV_H
#define DXF_FS_PRIV_H

#include <errno.h>
#include <pthread.h>

#include "acl.h"
#include "bmap.h"
#include "dir.h"
#include "dirty.h"
#include "fs.h"
#include "ialloc.h"
#include "icache.h"
#include "lock.h"
#include "node.h"
#include "park.h"
#include "persist.h"
#include "xattr.h"

enum dxf_times {
	DXF_TIME_A = 1 << 0,
	DXF_TIME_M = 1 << 1,
	DXF_TIME_C = 1 << 2,
};

/* Where a cached inode is in its life; protected by fs->icache_lock. */
enum dxf_istate {
	DXF_I_LOADING,	/* being read: wait for fs->icache_cond */
	DXF_I_LIVE,
	DXF_I_PARKED,	/* unlinked and let go, to be freed with others */
	DXF_I_EVICTING,	/* being written back or freed: wait */
};

/* An inode in the cache.  Small: a million of them are cached at a time. */
struct dxf_inode {
	/*
	 * Protected by fs->icache_lock; in front, beside node.ino, so that a
	 * search of the table touches one line of each inode.
	 */
	struct dxf_inode *hash_next;
	uint64_t nlookup;
	uint32_t pins;			/* calls that use it now */
	uint32_t nopen;
	uint8_t state;			/* enum dxf_istate */
	bool dax;			/* past the page cache: latched
					 * while nopen > 0 */
	bool reclaimed;			/* a zombie whose blocks were taken
					 * early: it cannot be opened again */

	/* protected by node.attr */
	uint8_t lazy : 3;		/* DXF_TIME_*: newer than the slot's */
	uint8_t lazy_new : 3;		/* of them: touched since dxf_op_di() */
	bool queued : 1;		/* dxf_bg_queue(): it will be looked at */

	/*
	 * enum dxf_lacks (lacks.h), atomic: set under the inode lock held at least
	 * shared, cleared by who sets that xattr.
	 */
	uint8_t lacks;
	/*
	 * By the inode lock held exclusively: written blocks may be mapped
	 * behind the end of file (a truncate that failed half-way, KEEP_SIZE
	 * without extents), which the format does not allow: the inode is on
	 * the orphan list until they are trimmed, at eviction at the latest.
	 */
	bool eof_blocks;

	/* protected by the metadata lock */
	bool orphan;			/* on the list on media */
	bool linkable : 1;		/* made by tmpfile, never linked */
	bool leaving : 1;		/* orphan.c: off the list with others */

	struct dxf_node node;
	struct dxf_rwlock lock;		/* DXF_RANK_INODE, key: the number */

	/* protected by the metadata lock */
	struct dxf_inode *orphan_prev, *orphan_next;

	/* protected by fs->lazy_lock */
	struct dxf_inode *lazy_next;
	struct dxf_inode **lazy_pprev;	/* NULL: not on the list */

	/* page media only (need.c): protected by fs->need_lock */
	struct dxf_need *need;
	/* ... and the directory that names it, the last one known; atomic */
	dxf_ino_t above;

	/*
	 * In seconds: before that no read changes atime (times.c).  Changed
	 * under node.attr, read without it.
	 */
	uint32_t read_until;

	/* set once under the lock held exclusively or the attr lock */
	struct dxf_dirty *dirty;	/* NULL: nothing was ever deferred */
};

/* How many subdirectories a directory has whose link count is saturated. */
struct dxf_subdirs {
	dxf_ino_t ino;			/* 0: of none */
	uint32_t n;
};

struct dxf_fs {
	struct dxf_ext2 *e2;
	struct dxf_txnmgr *txnmgr;
	struct dxf_logfile *logfile;
	struct dxf_region *region;
	const struct dxf_geom *geom;
	struct dxf_fs_opts opts;
	const void *zero_page;		/* 64 KiB of zeros, for holes in reads */
	bool session;			/* marked mounted, not yet clean */

	struct dxf_mutex rename_lock;	/* DXF_RANK_RENAME */

	struct dxf_mutex icache_lock;	/* DXF_RANK_ICACHE */
	pthread_cond_t icache_cond;
	/* protected by icache_lock */
	struct dxf_inode **table;
	size_t table_size;
	size_t ncached, narrived;	/* are in it; came into it, ever */
	size_t nopen;			/* inodes with opens */
	struct dxf_known known;		/* lookups of what is not in it */
	struct dxf_inode *root;		/* pinned as long as it is mounted */
	struct dxf_park park;

	/* protected by the metadata lock: the orphan list as it is on media */
	struct dxf_inode *orphan_head;
	dxf_ino_t orphan_rest;		/* behind the last: a damaged tail */
	size_t norphans;
	struct dxf_subdirs subdirs;	/* nlink.c */
	uint64_t ntxn;

	/* the orphans of the last session, pinned; dxf_orphan_finish_one() */
	struct dxf_inode **unfinished;
	size_t nunfinished;

	struct dxf_mutex quiet_lock;	/* DXF_RANK_QUIET */
	/* changed under quiet_lock and the metadata lock: quiet.c */
	bool marked_clean;		/* the superblock says so by now */
	bool reads_only;		/* atomic: reads are no accesses */

	struct dxf_mutex lazy_lock;	/* DXF_RANK_LEAF */
	struct dxf_inode *lazy_head;	/* doubly linked: eviction takes off */
	/* data to be written back that is in no inode's tree any more */
	struct dxf_dirty *rest;

	/* the background thread (sync.c) */
	pthread_t bg_thread;
	bool bg_running;
	struct dxf_mutex bg_lock;	/* DXF_RANK_LEAF */
	pthread_cond_t bg_cond;
	bool bg_stop, bg_kick, bg_called;

	int sticky_error;		/* atomic: a write-back failed */

	struct dxf_mutex need_lock;	/* DXF_RANK_LEAF */
	/* the last epoch in which an inode left with needs (need.c); atomic */
	uint64_t need_lost;
};

/* ---- attr.c ---- */

/* A copy of the slot as it is now (lazy times included). */
void dxf_inode_get_di(struct dxf_inode *inode, struct dxf_dinode *di);
/* What data I/O asks of the slot, at the price of one short lock. */
struct dxf_peek {
	uint64_t size;
	mode_t mode;
	uint32_t flags;
};
void dxf_inode_peek(struct dxf_inode *inode, struct dxf_peek *p);
/*
 * The same without a lock of its own: what it asks for changes only under the
 * inode's lock held exclusively.
 * Locks: the inode's.
 */
static inline void dxf_inode_peek_locked(struct dxf_inode *inode,
					 struct dxf_peek *p)
{
	dxf_rwlock_assert_held(&inode->lock);
	p->size = inode->node.di.size;
	p->mode = inode->node.di.mode;
	p->flags = inode->node.di.flags;
}
/* As it is, or was a moment ago, or half of each.  Locks: none. */
static inline uint64_t dxf_inode_guess_size(const struct dxf_inode *inode)
{
	return __atomic_load_n(&inode->node.di.size, __ATOMIC_RELAXED);
}
/*
 * Replace it after a commit - the times in lazy_new (touched since
 * dxf_op_di()) stay as they are and are what is lazy from now on; all other
 * lazy times are in @di and on media.
 * Locks: the metadata lock; dxf_op_commit() calls it in its end hook.
 */
void dxf_inode_set_di(struct dxf_inode *inode, const struct dxf_dinode *di);
void dxf_inode_fill_attr(struct dxf_inode *inode, struct dxf_attr *out);
void dxf_dinode_fill_attr(struct dxf_ext2 *e2, dxf_ino_t ino,
			  const struct dxf_dinode *di, struct dxf_attr *out);
/* The time of day as file times take it (CLOCK_REALTIME_COARSE). */
struct timespec dxf_now(void);
/* Lazily: @times become now; written at fsync, eviction, within 5 s. */
void dxf_inode_touch(struct dxf_fs *fs, struct dxf_inode *inode,
		     unsigned int times);
/*
 * The times in node.di are no longer those of the last touch.
 * Locks: node.attr.
 */
void dxf_inode_forget_touches(struct dxf_inode *inode);
/* atime by the mount's and the inode's rules. */
void dxf_inode_accessed(struct dxf_fs *fs, struct dxf_inode *inode);
/* Write lazy times: one transaction if there are any.  No lock held. */
int dxf_inode_flush_times(struct dxf_fs *fs, struct dxf_inode *inode);
/* -EPERM if the inode is immutable, or append-only unless @append_ok. */
int dxf_inode_may_change(const struct dxf_dinode *di, bool append_ok);
/*
 * Strip setuid, setgid (if group-executable) in @di and the capability xattr,
 * as file_remove_privs does; the caller stages @di.
 */
int dxf_inode_kill_priv(struct dxf_inode *inode, struct dxf_dinode *di,
			struct dxf_txn *t);
/* balloc flags for who asks: may the reserved blocks be used? */
unsigned int dxf_cred_balloc_flags(const struct dxf_fs *fs,
				   const struct dxf_cred *cred);

/* ---- op.c: the common shape of a metadata operation ---- */

/*
 * An operation's transaction and the inodes whose slots it changes (at most
 * 6, but for dxf_op_use()).  begin; dxf_op_di() gives the copy to change; commit stages every copy,
 * commits and replaces the inodes' in-memory slots under the metadata lock.
 * In memory nothing changes before the commit: the copies and the orphan list
 * follow in the end hook.
 */
#define DXF_OP_MAX 6
struct dxf_op_in {
	struct dxf_inode *inode;
	struct dxf_dinode di;
	bool staged;		/* as @di is: nothing is left to do */
};
struct dxf_op {
	struct dxf_fs *fs;
	struct dxf_txn *t;
	int n, max;
	struct dxf_op_in *in, few[DXF_OP_MAX];
	struct dxf_inode *orphan_add, *orphan_del;	/* orphan.c */
	struct dxf_inode **orphans_del;			/* many of them */
	int norphans_del;
	struct dxf_subdirs subdirs;			/* nlink.c */
	bool subdirs_changed;
	int nnamed;
	struct {
		struct dxf_inode *inode, *dir;
	} named[2];					/* need.c */
	struct dxf_txn_hook hook;
};
int dxf_op_begin(struct dxf_op *op, struct dxf_fs *fs);
/* Right after begin: room for @max inodes in @in, which stays until the end. */
void dxf_op_use(struct dxf_op *op, struct dxf_op_in *in, int max);
/*
 * The copy of @inode's slot in this operation (the same at each call), lazy
 * times included.
 */
struct dxf_dinode *dxf_op_di(struct dxf_op *op, struct dxf_inode *inode);
/* The same for an inode that does not take part yet. */
struct dxf_dinode *dxf_op_take(struct dxf_op *op, struct dxf_inode *inode);
/*
 * A new inode takes part: the copy, all zero, for the caller to fill and to
 * stage with dxf_dinode_create(), at once.
 */
struct dxf_dinode *dxf_op_new(struct dxf_op *op, struct dxf_inode *inode,
			      dxf_ino_t ino);
/*
 * Stage the slots and commit.  Returns: 0; -errno: aborted (or, -EIO of the
 * commit itself, read-only from now on).
 */
int dxf_op_commit(struct dxf_op *op);
void dxf_op_abort(struct dxf_op *op);
/* commit if @err is 0, else abort.  Returns: @err or commit's. */
int dxf_op_end(struct dxf_op *op, int err);

/* The operation gives @inode a name in @dir; twice at most. */
void dxf_op_named(struct dxf_op *op, struct dxf_inode *inode,
		  struct dxf_inode *dir);

/* ---- orphan.c ---- */

/*
 * Put on the list on media, in the operation; nothing to do if it is there.
 * One add and one del in an operation at most.
 * Returns: 0, -errno of staging.
 */
int dxf_orphan_add(struct dxf_op *op, struct dxf_inode *inode);
/*
 * Take off it, dtime 0; nothing to do if it is not there, or has to stay since
 * the copy's nlink is 0.
 */
int dxf_orphan_del(struct dxf_op *op, struct dxf_inode *inode);
/* op.c's end hook: the list in memory follows.  Locks: the metadata lock. */
void dxf_orphan_committed(struct dxf_op *op);
/*
 * At mount: read the list, keeping its members pinned for dxf_orphan_finish_one()
 * to let go.  Returns: 0, -ENOMEM; damage is reported and the mount goes on.
 */
int dxf_orphan_recover(struct dxf_fs *fs);
/*
 * Free or trim one of them.  Returns: false if none is left.
 * Locks: none; the background thread's, and when it is stopped the unmount's.
 */
bool dxf_orphan_finish_one(struct dxf_fs *fs);
/* Free an unlinked inode: blocks in cuts, xattr block, slot, bitmap. */
int dxf_orphan_free_inode(struct dxf_fs *fs, struct dxf_inode *inode);
/*
 * No space: free what unlinked inodes without opens hold.  No lock held, no
 * transaction open.  Returns: true if something was freed: try again.
 */
bool dxf_orphan_reclaim(struct dxf_fs *fs);

/* ---- nlink.c: link counts, the saturated ones of directories too ---- */

/* May @di get @n more links?  Returns: 0, -EMLINK. */
int dxf_nlink_room(const struct dxf_fs *fs, const struct dxf_dinode *di);
/* A subdirectory came to or went from @dir; @di is its copy in the op. */
int dxf_nlink_add_subdir(struct dxf_op *op, struct dxf_inode *dir);
int dxf_nlink_drop_subdir(struct dxf_op *op, struct dxf_inode *dir);

/* The end hook.  Locks: the metadata lock. */
void dxf_nlink_committed(struct dxf_op *op);

/* ---- namei.c: what the operations on names share ---- */

/* Returns: 0; -ENAMETOOLONG; -ENOENT empty; -EINVAL a slash in it. */
int dxf_name_check(const char *name);
/*
 * Is it a directory that is still there?  0, -ENOTDIR, -ENOENT.
 * Locks: its own, under which a directory's links change.
 */
int dxf_dir_check(struct dxf_inode *dir);
/* ... and may an entry be added?  Also -EPERM. */
int dxf_dir_may_create(struct dxf_inode *dir);
/* ... and is there no entry @name yet?  Also -EEXIST. */
int dxf_dir_may_insert(struct dxf_inode *dir, const char *name);
/* May the entry of @victim in @dir be removed or replaced?  0, -EPERM. */
int dxf_dir_may_delete(struct dxf_inode *dir, struct dxf_inode *victim);
/*
 * The entry @name of @dir and its inode, pinned.
 * Locks: @dir's; peek takes it, shared, so that the answer is old news.
 * Returns: 0; as dxf_dir_lookup() and dxf_icache_get_named().
 */
int dxf_dir_find(struct dxf_fs *fs, struct dxf_inode *dir, const char *name,
		 struct dxf_dirent *de, struct dxf_inode **out);
int dxf_dir_peek(struct dxf_fs *fs, struct dxf_inode *dir, const char *name,
		 struct dxf_inode **out);
/* Lock exclusively in rising order, each once: @v is sorted, NULLs go. */
int dxf_inodes_wrlock(struct dxf_inode **v, int n);
void dxf_inodes_unlock(struct dxf_inode **v, int n);
/* The times of a directory whose entries change. */
void dxf_dir_changed(struct dxf_dinode *di, const struct timespec *now);

/*
 * The common end of dxf_fs_lookup, mknod, ...: attributes and one more lookup
 * for the caller's pin.
 */
void dxf_give_lookup(struct dxf_fs *fs, struct dxf_inode *inode,
		     struct dxf_attr *out);

static inline uint32_t dxf_inode_nlink(struct dxf_inode *inode)
{
	DXF_SCOPED_MUTEX(&inode->node.attr);

	return inode->node.di.nlink;
}

/* Is @gid one of the caller's groups, or may it ignore that? */
static inline bool dxf_cred_has_group(const struct dxf_cred *c, gid_t gid)
{
	return c == NULL || c->uid == 0 || c->gid == gid ||
	       (c->in_group != NULL && c->in_group(c, gid));
}

/* Evaluate @call; without space free what zombies hold and try once more. */
#define DXF_RETRY_NOSPC(fs, call) ({					\
	int dxf_e = (call);						\
	if (dxf_e == -ENOSPC && dxf_orphan_reclaim(fs))			\
		dxf_e = (call);						\
	dxf_e;								\
})

/* ---- symlink.c ---- */

/* Does the symlink keep its target in the inode? */
bool dxf_symlink_is_fast(const struct dxf_fs *fs, const struct dxf_dinode *di);
/* Does the inode map blocks (i_block is a map or an extent root)? */
bool dxf_inode_has_map(const struct dxf_fs *fs, const struct dxf_dinode *di);
/* Store the target of a new symlink, in the operation. */
int dxf_symlink_fill(struct dxf_op *op, struct dxf_inode *inode,
		     struct dxf_dinode *di, const char *target,
		     unsigned int balloc_flags);

/* ---- truncate.c ---- */

/*
 * Set the size.  Shrinking frees blocks in as many transactions as needed
 * under the orphan list and zeroes the tail; growing zeroes [old EOF, end of
 * block) first.
 * Locks: the inode's lock held exclusively, no transaction open.
 */
int dxf_truncate(struct dxf_fs *fs, struct dxf_inode *inode, uint64_t size,
		 const struct dxf_setattr *also);
/*
 * Free all blocks at and behind @size, the size already being set and the
 * inode on the orphan list; as many transactions as needed.
 */
int dxf_truncate_blocks(struct dxf_fs *fs, struct dxf_inode *inode,
			uint64_t size);

/*
 * Eviction: trim written blocks behind the end of file, off the orphan list.
 * Locks: none held, no other reference.  Returns: 0, -errno: still on it.
 */
int dxf_truncate_evict(struct dxf_fs *fs, struct dxf_inode *inode);

/* ---- quiet.c ---- */

/*
 * dxf_txn_begin() that first takes back what dxf_quiet_mark() said.
 * Returns: as dxf_txn_begin(); -errno of a transaction.
 */
int dxf_quiet_begin(struct dxf_fs *fs, struct dxf_txn **out);
/*
 * Mark the filesystem clean until something changes, if nothing has since
 * fs->ntxn was @since.
 * Locks: none but inode locks held.
 * Durability: durable on return, on page media too.
 * Returns: 0; -EAGAIN something has changed; -EBUSY unlinked files are in use;
 * -errno of a transaction.
 */
int dxf_quiet_mark(struct dxf_fs *fs, uint64_t since);

/* ---- sync.c ---- */

/* The locks, the list, fs->rest: before any inode is cached.  0, -ENOMEM. */
int dxf_bg_init(struct dxf_fs *fs);
void dxf_bg_fini(struct dxf_fs *fs);
/* The thread; not with opts.ro.  Stopping it writes nothing: dxf_fs_sync(). */
int dxf_bg_start(struct dxf_fs *fs);
void dxf_bg_stop(struct dxf_fs *fs);
/* Wake the background thread now (errors to record). */
void dxf_bg_kick(struct dxf_fs *fs);
/* Write back what is in fs->rest, on page media metadata too.  0, -EIO. */
int dxf_flush_rest(struct dxf_fs *fs);
/* O_SYNC, sync, dirsync: what an operation does at its end on page media. */
int dxf_sync_after(struct dxf_fs *fs, struct dxf_inode *inode, bool dir);
/*
 * The background thread is to look at the inode (lazy times, dirty data).
 * _locked: node.attr is held.
 */
void dxf_bg_queue(struct dxf_fs *fs, struct dxf_inode *inode);
void dxf_bg_queue_locked(struct dxf_fs *fs, struct dxf_inode *inode);
/*
 * The last step of an eviction before the inode is freed (its lazy times were
 * written with dxf_inode_flush_times()): takes it off the background thread's
 * list, hands what is dirty to fs->rest (drops it if nlink is 0), frees
 * inode->dirty.
 * Locks: none may be held.
 */
void dxf_bg_forget(struct dxf_fs *fs, struct dxf_inode *inode);

#endif
