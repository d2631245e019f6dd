/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * icache.h - the inodes in memory: got, referred to, and let go.
 */
#ifndef DXF_ICACHE_H
#define DXF_ICACHE_H

#include <stdbool.h>

#include "fs.h"
#include "iknown.h"

struct dxf_inode;

int dxf_icache_init(struct dxf_fs *fs);
/* All inodes must be unpinned; lookups and opens left over are dropped. */
void dxf_icache_fini(struct dxf_fs *fs);
/*
 * Pin an inode, reading it if it is not cached.
 * Returns: 0; -ESTALE not in use, reserved or out of range; -EIO, -EUCLEAN,
 * -ENOMEM.
 */
int dxf_icache_get(struct dxf_fs *fs, dxf_ino_t ino, struct dxf_inode **out);
/* Only if it is cached; NULL else. */
struct dxf_inode *dxf_icache_find(struct dxf_fs *fs, dxf_ino_t ino);
/*
 * Unpin.  The last reference (pins, lookups, opens all 0) evicts: lazy times
 * are written, an inode with nlink 0 is freed with its blocks.
 * Locks: none may be held.
 */
void dxf_icache_put(struct dxf_fs *fs, struct dxf_inode *inode);
/*
 * The same for an inode that a directory entry names: the caller holds the
 * directory's lock, so that the entry keeps the inode from being freed.
 * Returns: as get, but -EUCLEAN (reported against @dir) for an inode that is
 * not in use or reserved.
 */
int dxf_icache_get_named(struct dxf_fs *fs, struct dxf_inode *dir,
			 dxf_ino_t ino, struct dxf_inode **out);
/*
 * The same for who asks for attributes and gives out a lookup: the inode, pinned,
 * or without reading it in a lookup that is counted by now, and the attributes.
 */
struct dxf_icache_found {
	struct dxf_inode *inode;	/* NULL: not in memory */
	bool counted;			/* ... and @attr is set */
	struct dxf_attr attr;
};
int dxf_icache_see_named(struct dxf_fs *fs, struct dxf_inode *dir,
			 dxf_ino_t ino, struct dxf_icache_found *out);
/*
 * The same for @n <= DXF_ICACHE_MANY of them at a time: out[i] is of ino[i], and
 * neither pinned nor counted where that could not be had (damage, no memory) or
 * was 0.
 */
#define DXF_ICACHE_MANY	32u
void dxf_icache_get_many(struct dxf_fs *fs, struct dxf_inode *dir,
			 const dxf_ino_t *ino, unsigned int n,
			 struct dxf_icache_found *out);
/* It is in the table now: its lookups are its own.  Locks: icache_lock. */
void dxf_icache_take_known(struct dxf_fs *fs, struct dxf_inode *inode);
/* For recovery: an inode on the orphan list, whatever its nlink. */
int dxf_icache_get_orphan(struct dxf_fs *fs, dxf_ino_t ino,
			  struct dxf_inode **out);
/*
 * A new inode: alloc before the transaction (may fail), add after its commit
 * (cannot fail); pinned once.  Unused: dxf_icache_free_new().
 * Returns (add): the inode to go on with, which is another one if a lookup by
 * number came first; @inode is then gone.
 */
int dxf_icache_alloc(struct dxf_fs *fs, struct dxf_inode **out);
struct dxf_inode *dxf_icache_add(struct dxf_fs *fs, struct dxf_inode *inode);
void dxf_icache_free_new(struct dxf_inode *inode);
/* One more lookup, beside the pin. */
void dxf_icache_add_lookup(struct dxf_fs *fs, struct dxf_inode *inode);
/* The pins of @n inodes become lookups, in one step: evicts nothing. */
void dxf_icache_pins_to_lookups(struct dxf_fs *fs, struct dxf_inode **v,
				unsigned int n);
/* The pin becomes a lookup: evicts nothing, so locks may be held. */
void dxf_icache_pin_to_lookup(struct dxf_fs *fs, struct dxf_inode *inode);
/*
 * The pin of @inode becomes a lookup, and @dir is put, in one step.
 * Locks: none may be held.
 */
void dxf_icache_give(struct dxf_fs *fs, struct dxf_inode *inode,
		     struct dxf_inode *dir);
/*
 * The same for an inode that is opened in that step: see the next function.
 * Returns: 0, *@dax: the page cache is passed by; -ESTALE it was reclaimed,
 * both keep their pins.
 */
int dxf_icache_give_opened(struct dxf_fs *fs, struct dxf_inode *inode,
			   struct dxf_inode *dir, bool direct, bool *dax);
/*
 * One more open, beside the pin.  The first says for all that follow, until the
 * last is gone, whether the page cache is passed by: with the DAX flag, or
 * with @direct.
 * Returns: 0; -ESTALE it was reclaimed.
 */
int dxf_icache_add_open(struct dxf_fs *fs, struct dxf_inode *inode,
			bool direct);
/* One less.  Returns: true if it was the last. */
bool dxf_icache_drop_open(struct dxf_fs *fs, struct dxf_inode *inode);
/*
 * Its blocks are to be taken although it is referred to: no open from now on.
 * Returns: false if it is open (or was reclaimed before).
 */
bool dxf_icache_reclaim(struct dxf_fs *fs, struct dxf_inode *inode);
/* Call @fn for every cached inode, pinned; no lock held during the call. */
void dxf_icache_for_each(struct dxf_fs *fs,
	void (*fn)(struct dxf_fs *fs, struct dxf_inode *inode, void *ctx),
	void *ctx);
/*
 * Write back or free an inode that is EVICTING, and take it out; what cannot be
 * freed now is LIVE again.
 * Locks: none may be held.
 */
void dxf_icache_evict(struct dxf_fs *fs, struct dxf_inode *inode);
/* @n that are EVICTING were freed: take them out.  Locks: none may be held. */
void dxf_icache_freed(struct dxf_fs *fs, struct dxf_inode **v, int n);
/*
 * The inode if it is LIVE or PARKED, NULL if it is absent; waits for the rest.
 * Locks: icache_lock, released while it waits.
 */
struct dxf_inode *dxf_icache_find_live(struct dxf_fs *fs, dxf_ino_t ino);

#endif
