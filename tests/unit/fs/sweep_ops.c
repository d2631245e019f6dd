/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sweep_ops.h"

#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

#include "tree_dump.h"

struct fsx x;
static uint8_t data[16 * BS];
static char long_target[300], big_value[3000];

/* ---- the tree ---- */

static void fill(const char *name, uint64_t first, uint64_t n, uint64_t step)
{
	dxf_ino_t ino = fsx_create(&x, DXF_ROOT_INO, name);

	for (uint64_t i = 0; i < n; i++)
		fsx_write(&x, ino, (first + i * step) * BS,
			  'a' + (int)(i % 26), BS - (i == n - 1) * 100);
}

static void set_xattr(const char *path, const char *value, size_t len)
{
	dxf_ino_t ino;

	ck_assert_int_eq(tree_find(&x, path, &ino), 0);
	ck_assert_int_eq(dxf_fs_setxattr(x.fs, ino, "user.x", value, len, 0,
					 false, &fsx_root), 0);
}

void sweep_populate(void)
{
	dxf_ino_t dir = fsx_mkdir(&x, DXF_ROOT_INO, "dir"), ino;
	struct dxf_attr a;
	char name[256];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)('A' + i % 26);
	/* Contiguous; in many extents, or through indirect blocks. */
	fill("plain", 0, 5, 1);
	fill("frag", 0, 15, 2);
	ck_assert_int_eq(dxf_fs_write(x.fs, fsx_lookup(&x, DXF_ROOT_INO,
			 "frag"), 1040 * BS, "end", 3, 0, &fsx_root), 3);
	fill("small", 0, 1, 1);
	ino = fsx_lookup(&x, DXF_ROOT_INO, "small");
	/* A directory of a few blocks. */
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "%0200d", i);
		ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, ino, dir, name,
					     &a), 0);
		dxf_fs_forget(x.fs, a.ino, 1);
	}
	fsx_mkdir(&x, dir, "sub");
	fsx_mkdir(&x, DXF_ROOT_INO, "empty");
	memset(long_target, 't', sizeof(long_target) - 1);
	ck_assert_int_eq(dxf_fs_symlink(x.fs, &fsx_root, DXF_ROOT_INO, "sym",
					long_target, &a), 0);
	dxf_fs_forget(x.fs, a.ino, 1);
	memset(big_value, 'v', sizeof(big_value));
	set_xattr("plain", big_value, sizeof(big_value));
	set_xattr("frag", "inode", 5);
}

/* ---- the operations: 0 or a count, -errno ---- */

#define FIND(ino, path)							\
	dxf_ino_t ino;							\
	int err_##ino = tree_find(&x, path, &ino);			\
	if (err_##ino)							\
		return err_##ino

static ssize_t given(int err, const struct dxf_attr *a)
{
	if (err == 0)
		dxf_fs_forget(x.fs, a->ino, 1);
	return err;
}

ssize_t op_create(void)
{
	struct dxf_attr a;

	return given(dxf_fs_mknod(x.fs, &fsx_root, DXF_ROOT_INO, "new",
				  S_IFREG | 0644, 0, &a), &a);
}

ssize_t op_create_in_dir(void)
{
	struct dxf_attr a;

	FIND(dir, "dir");
	return given(dxf_fs_mknod(x.fs, &fsx_root, dir, "new",
				  S_IFREG | 0644, 0, &a), &a);
}

ssize_t op_mkdir(void)
{
	struct dxf_attr a;

	FIND(dir, "dir");
	return given(dxf_fs_mknod(x.fs, &fsx_root, dir, "new",
				  S_IFDIR | 0755, 0, &a), &a);
}

ssize_t op_symlink(void)
{
	struct dxf_attr a;

	return given(dxf_fs_symlink(x.fs, &fsx_root, DXF_ROOT_INO, "new",
				    long_target, &a), &a);
}

ssize_t op_link(void)
{
	struct dxf_attr a;

	FIND(ino, "plain");
	return given(dxf_fs_link(x.fs, &fsx_root, ino, DXF_ROOT_INO, "new",
				 &a), &a);
}

ssize_t op_unlink_plain(void)
{
	return dxf_fs_unlink(x.fs, DXF_ROOT_INO, "plain");
}

ssize_t op_unlink_frag(void)
{
	return dxf_fs_unlink(x.fs, DXF_ROOT_INO, "frag");
}

ssize_t op_unlink_symlink(void)
{
	return dxf_fs_unlink(x.fs, DXF_ROOT_INO, "sym");
}

ssize_t op_rmdir(void)
{
	return dxf_fs_rmdir(x.fs, DXF_ROOT_INO, "empty");
}

ssize_t op_rename(void)
{
	FIND(dir, "dir");
	return dxf_fs_rename(x.fs, &fsx_root, DXF_AT(DXF_ROOT_INO, "plain"),
			     DXF_AT(dir, "moved"), 0);
}

ssize_t op_rename_over(void)
{
	return dxf_fs_rename(x.fs, &fsx_root, DXF_AT(DXF_ROOT_INO, "frag"),
			     DXF_AT(DXF_ROOT_INO, "plain"), 0);
}

ssize_t op_rename_dir(void)
{
	FIND(dir, "dir");
	return dxf_fs_rename(x.fs, &fsx_root, DXF_AT(dir, "sub"),
			     DXF_AT(DXF_ROOT_INO, "sub"), 0);
}

static ssize_t write_at(const char *path, uint64_t off, size_t len)
{
	FIND(ino, path);
	return dxf_fs_write(x.fs, ino, off, data, len, 0, &fsx_root);
}

ssize_t op_overwrite(void)
{
	return write_at("plain", BS, BS);
}

ssize_t op_overwrite_part(void)
{
	return write_at("plain", 2 * BS + 100, 500);
}

ssize_t op_overwrite_many(void)
{
	return write_at("plain", 10, 4 * BS);
}

ssize_t op_append(void)
{
	return write_at("plain", 5 * BS - 100, 3 * BS);
}

ssize_t op_fill_hole(void)
{
	return write_at("frag", 3 * BS, BS);
}

ssize_t op_fill_far_hole(void)
{
	return write_at("frag", 1041 * BS, 100);
}

static ssize_t resize(const char *path, uint64_t size)
{
	struct dxf_setattr sa = { .valid = DXF_SET_SIZE, .size = size };
	struct dxf_attr a;

	FIND(ino, path);
	return dxf_fs_setattr(x.fs, ino, &sa, &fsx_root, &a);
}

ssize_t op_shrink(void)
{
	return resize("plain", 2 * BS + 50);
}

ssize_t op_empty(void)
{
	return resize("frag", 0);
}

ssize_t op_grow(void)
{
	return resize("plain", 7 * BS);
}

static ssize_t alloc(const char *path, int mode, uint64_t off, uint64_t len)
{
	FIND(ino, path);
	return dxf_fs_fallocate(x.fs, ino, mode, off, len, false, &fsx_root);
}

ssize_t op_punch(void)
{
	return alloc("plain", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, BS,
		     2 * BS);
}

ssize_t op_punch_frag(void)
{
	return alloc("frag", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		     4 * BS, 20 * BS);
}

ssize_t op_zero(void)
{
	return alloc("plain", FALLOC_FL_ZERO_RANGE, BS + 1, 2 * BS);
}

ssize_t op_allocate(void)
{
	return alloc("plain", 0, 4 * BS, 6 * BS);
}

ssize_t op_set_xattr(void)
{
	FIND(ino, "plain");
	return dxf_fs_setxattr(x.fs, ino, "user.y", "yy", 2, 0, false,
			       &fsx_root);
}

ssize_t op_new_xattr_block(void)
{
	FIND(ino, "small");
	return dxf_fs_setxattr(x.fs, ino, "user.y", big_value, 2000, 0, false,
			       &fsx_root);
}

ssize_t op_remove_xattr(void)
{
	FIND(ino, "plain");
	return dxf_fs_removexattr(x.fs, ino, "user.x");
}

ssize_t op_chmod(void)
{
	struct dxf_setattr sa = { .valid = DXF_SET_MODE, .mode = 0600 };
	struct dxf_attr a;

	FIND(ino, "plain");
	return dxf_fs_setattr(x.fs, ino, &sa, &fsx_root, &a);
}

ssize_t op_copy(void)
{
	FIND(in, "plain");
	FIND(out, "frag");
	return dxf_fs_copy_range(x.fs, in, 0, out, 0, 3 * BS, 0, &fsx_root);
}

ssize_t op_exchange(void)
{
	return dxf_fs_rename(x.fs, &fsx_root, DXF_AT(DXF_ROOT_INO, "plain"),
			     DXF_AT(DXF_ROOT_INO, "frag"), RENAME_EXCHANGE);
}

ssize_t op_chattr(void)
{
	uint32_t flags;
	int err;

	FIND(ino, "plain");
	err = dxf_fs_getflags(x.fs, ino, &flags);
	return err ? err : dxf_fs_setflags(x.fs, ino, flags | FS_NODUMP_FL,
					   &fsx_root);
}

/* From data to data: what it finds is right, or it says that it cannot. */
ssize_t op_seek(void)
{
	uint64_t at = 0, hole;
	int err;

	FIND(ino, "frag");
	for (uint64_t i = 0; i < 15; i++) {
		err = dxf_fs_lseek(x.fs, ino, at, SEEK_DATA, &at);
		if (!err)
			err = dxf_fs_lseek(x.fs, ino, at, SEEK_HOLE, &hole);
		if (err)
			return err;
		ck_assert_uint_eq(at, i * 2 * BS);
		ck_assert_uint_eq(hole, at + BS);
		at = hole;
	}
	return 0;
}

ssize_t op_fsync(void)
{
	FIND(ino, "plain");
	return dxf_fs_fsync(x.fs, ino, false);
}

ssize_t op_tmpfile(void)
{
	struct dxf_attr a;
	int err = dxf_fs_tmpfile(x.fs, &fsx_root, DXF_ROOT_INO,
				 S_IFREG | 0600, &a);

	if (err)
		return err;
	dxf_fs_release(x.fs, a.ino);
	return given(0, &a);
}
