// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * script_files.c - the operations on bytes.
 *
 * Invariant: at one offset two writes of a script never store the same byte,
 * and no byte is 0, so that every byte that was stored tells which write it is
 * of.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "hash.h"
#include "lab.h"
#include "must.h"
#include "persist.h"
#include "script_priv.h"

static uint8_t byte_of(unsigned int seq, uint64_t off)
{
	return (uint8_t)(1 + ((dxf_hash_u64(off / 8) >> 8) + off * 13 +
			      (uint64_t)seq * 31) % 255);
}

static int write_ino(struct script_fs *x, dxf_ino_t ino, uint64_t off,
		     size_t len)
{
	uint8_t *buf = malloc(len + 1);
	ssize_t n;

	must(buf != NULL);
	for (size_t i = 0; i < len; i++)
		buf[i] = byte_of(x->seq, off + i);
	n = dxf_fs_write(x->fs, ino, off, buf, len, 0, &script_root);
	free(buf);
	if (n < 0)
		return (int)n;
	return n == (ssize_t)len ? 0 : -ENOSPC;
}

static int do_write(struct script_fs *x, char *const *a)
{
	struct dxf_attr at;
	int e = script_lookup(x, a[0], &at);

	if (e != 0)
		return e;
	e = write_ino(x, at.ino, script_num(a[1]), (size_t)script_num(a[2]));
	script_forget(x, at.ino);
	return e;
}

/* Where the byte at @off of a file lies. */
static dxf_off_t media_of(struct script_fs *x, dxf_ino_t ino, uint64_t off)
{
	struct iovec iov;
	struct dxf_fs_read rd = { .iov = &iov, .max_iov = 1, .noatime = true };
	ssize_t n = dxf_fs_read_begin(x->fs, ino, off, 1, &rd);
	dxf_off_t at;

	must(n == 1);
	(void)n;
	at = (dxf_off_t)((const uint8_t *)iov.iov_base -
			 lab_bytes(x->region));
	dxf_fs_read_end(x->fs, &rd);
	return at;
}

/* The range is on bad media, which a store in place does not mend. */
static int do_rescue(struct script_fs *x, char *const *a)
{
	uint64_t off = script_num(a[1]), len = script_num(a[2]);
	struct dxf_attr at;
	int e = script_lookup(x, a[0], &at);

	if (e != 0)
		return e;
	dxf_region_add_bad(x->region, media_of(x, at.ino, off), len);
	dxf_fault_arm(DXF_FAULT_PERSIST, 1);
	e = write_ino(x, at.ino, off, (size_t)len);
	if (!dxf_fault_disarm() && e == 0)
		e = -EINVAL;
	script_forget(x, at.ino);
	return e;
}

static int do_append(struct script_fs *x, char *const *a)
{
	struct dxf_attr at;
	int e = script_lookup(x, a[0], &at);

	if (e != 0)
		return e;
	e = write_ino(x, at.ino, at.size, (size_t)script_num(a[1]));
	script_forget(x, at.ino);
	return e;
}

static int do_fill(struct script_fs *x, char *const *a)
{
	uint64_t left = script_num(a[1]);
	struct dxf_attr at;
	struct statvfs s;
	int e = script_lookup(x, a[0], &at);

	if (e != 0)
		return e;
	for (;;) {
		e = dxf_fs_statfs(x->fs, &s);
		if (e != 0 || s.f_bfree <= left)
			break;
		e = write_ino(x, at.ino, at.size, s.f_bsize);
		at.size += s.f_bsize;
		if (e != 0)
			break;
	}
	script_forget(x, at.ino);
	return e;
}

/*
 * What a crash between a truncation and its zeroing of the last block leaves:
 * bytes behind the end of file that are not 0.
 */
static int do_litter(struct script_fs *x, char *const *a)
{
	uint8_t junk[4096];
	struct dxf_attr at;
	dxf_off_t off;
	size_t len;
	int e = script_lookup(x, a[0], &at);

	if (e != 0)
		return e;
	must(at.size > 0);
	off = media_of(x, at.ino, at.size - 1) + 1;
	script_forget(x, at.ino);
	len = (size_t)(dxf_align_up(at.size, at.blksize) - at.size);
	memset(junk, 0xee, sizeof(junk));
	e = dxf_persist_copy(x->region, off, junk, len, 0);
	dxf_persist_fence(x->region);
	return e;
}

static int do_trunc(struct script_fs *x, char *const *a)
{
	struct dxf_setattr sa = {
		.valid = DXF_SET_SIZE, .size = script_num(a[1]),
	};
	struct dxf_attr at;
	int e = script_lookup(x, a[0], &at);
	dxf_ino_t ino = at.ino;

	if (e != 0)
		return e;
	e = dxf_fs_setattr(x->fs, ino, &sa, &script_root, &at);
	script_forget(x, ino);
	return e;
}

static int allocate(struct script_fs *x, char *const *a, int mode)
{
	struct dxf_attr at;
	int e = script_lookup(x, a[0], &at);

	if (e != 0)
		return e;
	e = dxf_fs_fallocate(x->fs, at.ino, mode, script_num(a[1]),
			     script_num(a[2]), false, &script_root);
	script_forget(x, at.ino);
	return e;
}

static int do_falloc(struct script_fs *x, char *const *a)
{
	return allocate(x, a, 0);
}

static int do_keep(struct script_fs *x, char *const *a)
{
	return allocate(x, a, FALLOC_FL_KEEP_SIZE);
}

static int do_punch(struct script_fs *x, char *const *a)
{
	return allocate(x, a, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
}

static int do_zero(struct script_fs *x, char *const *a)
{
	return allocate(x, a, FALLOC_FL_ZERO_RANGE);
}

static int do_copy(struct script_fs *x, char *const *a)
{
	size_t len = (size_t)script_num(a[4]);
	struct dxf_attr in, out;
	ssize_t n;
	int e = script_lookup(x, a[0], &in);

	if (e != 0)
		return e;
	e = script_lookup(x, a[2], &out);
	if (e == 0) {
		n = dxf_fs_copy_range(x->fs, in.ino, script_num(a[1]), out.ino,
				      script_num(a[3]), len, 0, &script_root);
		e = n == (ssize_t)len ? 0 : n < 0 ? (int)n : -ENOSPC;
		script_forget(x, out.ino);
	}
	script_forget(x, in.ino);
	return e;
}

static int do_fsync(struct script_fs *x, char *const *a)
{
	struct dxf_attr at;
	int e = script_lookup(x, a[0], &at);

	if (e != 0)
		return e;
	e = dxf_fs_fsync(x->fs, at.ino, false);
	script_forget(x, at.ino);
	return e;
}

static int do_sync(struct script_fs *x, char *const *a)
{
	return dxf_fs_sync(x->fs);
}

/* What was unlinked is free before space is counted, and used again. */
static int do_df(struct script_fs *x, char *const *a)
{
	struct statvfs s;

	return dxf_fs_statfs(x->fs, &s);
}

/* Marked clean until the next change; not while unlinked files are open. */
static int do_quiet(struct script_fs *x, char *const *a)
{
	int e = dxf_fs_quiesce(x->fs);

	return e == -EBUSY ? 0 : e;
}

/* ---- handles ---- */

void script_close_handle(struct script_fs *x, int h)
{
	if (x->handle[h] == 0)
		return;
	dxf_fs_release(x->fs, x->handle[h]);
	script_forget(x, x->handle[h]);
	x->handle[h] = 0;
}

static unsigned int handle(const char *s)
{
	uint64_t h = script_num(s);

	must(h < SCRIPT_HANDLES);
	return (unsigned int)h;
}

static int do_open(struct script_fs *x, char *const *a)
{
	struct dxf_attr at;
	int e = script_lookup(x, a[0], &at);

	if (e == 0)
		e = dxf_fs_open_file(x->fs, at.ino, O_RDWR, false);
	if (e == 0)
		x->handle[handle(a[1])] = at.ino;
	return e;
}

static int do_close(struct script_fs *x, char *const *a)
{
	script_close_handle(x, (int)handle(a[0]));
	return 0;
}

static int do_tmpfile(struct script_fs *x, char *const *a)
{
	struct dxf_attr dir, at;
	int e = script_lookup(x, a[0], &dir);

	if (e != 0)
		return e;
	e = dxf_fs_tmpfile(x->fs, &script_root, dir.ino, S_IFREG | 0600, &at);
	if (e == 0)
		x->handle[handle(a[1])] = at.ino;
	script_forget(x, dir.ino);
	return e;
}

static int do_hwrite(struct script_fs *x, char *const *a)
{
	return write_ino(x, x->handle[handle(a[0])], script_num(a[1]),
			 (size_t)script_num(a[2]));
}

static int do_htrunc(struct script_fs *x, char *const *a)
{
	struct dxf_setattr sa = {
		.valid = DXF_SET_SIZE, .size = script_num(a[1]),
	};
	struct dxf_attr at;

	return dxf_fs_setattr(x->fs, x->handle[handle(a[0])], &sa,
			      &script_root, &at);
}

const struct script_op script_file_ops[] = {
	{ "write", 3, do_write, TREE_WRITE },
	{ "writeb", 3, do_write, TREE_BLOCKS },
	{ "rescue", 3, do_rescue, TREE_WRITE },
	{ "append", 2, do_append, TREE_WRITE },
	{ "fill", 2, do_fill, TREE_BLOCKS },
	{ "litter", 1, do_litter, TREE_ATOMIC },
	{ "trunc", 2, do_trunc, TREE_ATOMIC },
	{ "falloc", 3, do_falloc, TREE_BLOCKS },
	{ "keep", 3, do_keep, TREE_BLOCKS },
	{ "punch", 3, do_punch, TREE_BLOCKS },
	{ "zero", 3, do_zero, TREE_BLOCKS },
	{ "copy", 5, do_copy, TREE_BLOCKS },
	{ "fsync", 1, do_fsync, TREE_ATOMIC },
	{ "sync", 0, do_sync, TREE_ATOMIC },
	{ "df", 0, do_df, TREE_ATOMIC },
	{ "quiet", 0, do_quiet, TREE_ATOMIC },
	{ "open", 2, do_open, TREE_ATOMIC },
	{ "close", 1, do_close, TREE_ATOMIC },
	{ "tmpfile", 2, do_tmpfile, TREE_ATOMIC },
	{ "hwrite", 3, do_hwrite, TREE_ATOMIC },
	{ "htrunc", 2, do_htrunc, TREE_ATOMIC },
};
const size_t script_nfile_ops = DXF_ARRAY_SIZE(script_file_ops);
