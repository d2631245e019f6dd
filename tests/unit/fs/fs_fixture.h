/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fs_fixture.h - a filesystem on a fresh image, in memory that nothing but
 * persist can write to, and e2fsck's opinion of it.
 */
#ifndef DXF_FS_FIXTURE_H
#define DXF_FS_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs.h"
#include "runner.h"

struct fsx_image {
	const char *name;
	const char *mke2fs;		/* its options */
	unsigned int mib;
};

/* The kinds of filesystem that most tests go through. */
extern const struct fsx_image fsx_images[];
extern const int fsx_nimages;

struct fsx {
	struct dxf_fs_opts opts;
	struct dxf_region *region;	/* write-protected for all but persist */
	struct dxf_fs *fs;		/* NULL: not mounted */
	int messages;			/* warnings, errors since fsx_make() */
};

/* mke2fs and default options; not mounted yet. */
void fsx_make(struct fsx *x, const struct fsx_image *img);
void fsx_mount(struct fsx *x);
/* The same, returning what dxf_fs_open() does. */
int fsx_try_mount(struct fsx *x, struct dxf_err *err);
/* Unmount, which must succeed; nothing may be left in the cache. */
void fsx_umount(struct fsx *x);
/* Unmount whatever it returns. */
int fsx_drop(struct fsx *x);
void fsx_remount(struct fsx *x);
/*
 * e2fsck -fn of the unmounted image must print its Pass lines and summary, and
 * nothing else.
 */
void fsx_check(struct fsx *x);
/* umount, check, and give the image back. */
void fsx_finish(struct fsx *x);
/* Give it back, mounted or not. */
void fsx_remove(struct fsx *x);
/* debugfs -w -R @request on the unmounted image. */
void fsx_debugfs(struct fsx *x, const char *request);

/* ---- what is on media ---- */

struct fsx_snap {
	uint8_t *bytes;
	uint64_t size;
};
/* Copy the media. */
void fsx_snap(struct fsx *x, struct fsx_snap *s);
/* Put them back; not mounted. */
void fsx_restore(struct fsx *x, const struct fsx_snap *s);
void fsx_snap_free(struct fsx_snap *s);
/* Record from now on what is stored unlogged into free blocks. */
void fsx_watch(struct fsx *x);
/* Media are as in @s but for what was stored unlogged, and the log. */
void fsx_same(struct fsx *x, const struct fsx_snap *s);

/* ---- small steps ---- */

extern const struct dxf_cred fsx_root;

/* Make it, give the lookup back, return its number. */
dxf_ino_t fsx_create(struct fsx *x, dxf_ino_t dir, const char *name);
dxf_ino_t fsx_mkdir(struct fsx *x, dxf_ino_t dir, const char *name);
/* The number behind a name, 0 without; no lookup is kept. */
dxf_ino_t fsx_lookup(struct fsx *x, dxf_ino_t dir, const char *name);
/* Keep a lookup, so that it stays cached (and a directory its index). */
void fsx_hold(struct fsx *x, dxf_ino_t ino);
struct dxf_attr fsx_attr(struct fsx *x, dxf_ino_t ino);
/* @len bytes of @byte at @off. */
void fsx_write(struct fsx *x, dxf_ino_t ino, uint64_t off, int byte,
	       size_t len);
/* Free what was unlinked and let go; fsx_stats() does it first. */
void fsx_settle(struct fsx *x);
struct dxf_fs_stats fsx_stats(struct fsx *x);
uint64_t fsx_free_blocks(struct fsx *x);
uint64_t fsx_free_inodes(struct fsx *x);

#endif
