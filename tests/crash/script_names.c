// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * script_names.c - the operations on names, and on attributes.
 */
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "script_priv.h"

static int make(struct script_fs *x, const char *path, mode_t mode)
{
	struct dxf_attr a;
	const char *name;
	dxf_ino_t dir;
	int e = script_parent(x, path, &dir, &name);

	if (e != 0)
		return e;
	e = dxf_fs_mknod(x->fs, &script_root, dir, name, mode, 0, &a);
	if (e == 0)
		script_forget(x, a.ino);
	script_forget(x, dir);
	return e;
}

static int do_creat(struct script_fs *x, char *const *a)
{
	return make(x, a[0], S_IFREG | 0666);
}

static int do_mkdir(struct script_fs *x, char *const *a)
{
	return make(x, a[0], S_IFDIR | 0777);
}

static int do_fifo(struct script_fs *x, char *const *a)
{
	return make(x, a[0], S_IFIFO | 0600);
}

static int do_many(struct script_fs *x, char *const *a)
{
	unsigned int n = (unsigned int)script_num(a[1]);
	unsigned int len = (unsigned int)script_num(a[2]);
	int e = 0;

	for (unsigned int i = 0; i < n && e == 0; i++) {
		char path[1024];

		snprintf(path, sizeof(path), "%s/%0*u", a[0], (int)len, i);
		e = do_creat(x, (char *const []){ path });
	}
	return e;
}

static int do_symlink(struct script_fs *x, char *const *a)
{
	size_t len = (size_t)script_num(a[1]);
	char target[1024];
	struct dxf_attr at;
	const char *name;
	dxf_ino_t dir;
	int e = script_parent(x, a[0], &dir, &name);

	if (e != 0)
		return e;
	memset(target, 'a' + (int)x->seq % 26, len);
	target[len] = '\0';
	e = dxf_fs_symlink(x->fs, &script_root, dir, name, target, &at);
	if (e == 0)
		script_forget(x, at.ino);
	script_forget(x, dir);
	return e;
}

static int link_to(struct script_fs *x, dxf_ino_t ino, const char *path)
{
	struct dxf_attr a;
	const char *name;
	dxf_ino_t dir;
	int e = script_parent(x, path, &dir, &name);

	if (e != 0)
		return e;
	e = dxf_fs_link(x->fs, &script_root, ino, dir, name, &a);
	if (e == 0)
		script_forget(x, ino);
	script_forget(x, dir);
	return e;
}

static int do_link(struct script_fs *x, char *const *a)
{
	struct dxf_attr at;
	int e = script_lookup(x, a[0], &at);

	if (e != 0)
		return e;
	e = link_to(x, at.ino, a[1]);
	script_forget(x, at.ino);
	return e;
}

static int do_hlink(struct script_fs *x, char *const *a)
{
	return link_to(x, x->handle[script_num(a[0])], a[1]);
}

static int remove_name(struct script_fs *x, const char *path, bool is_dir)
{
	const char *name;
	dxf_ino_t dir;
	int e = script_parent(x, path, &dir, &name);

	if (e != 0)
		return e;
	e = is_dir ? dxf_fs_rmdir(x->fs, dir, name) :
		     dxf_fs_unlink(x->fs, dir, name);
	script_forget(x, dir);
	return e;
}

static int do_unlink(struct script_fs *x, char *const *a)
{
	return remove_name(x, a[0], false);
}

static int do_rmdir(struct script_fs *x, char *const *a)
{
	return remove_name(x, a[0], true);
}

static int rename_to(struct script_fs *x, char *const *a, unsigned int flags)
{
	const char *from, *to;
	dxf_ino_t dir, newdir;
	int e = script_parent(x, a[0], &dir, &from);

	if (e != 0)
		return e;
	e = script_parent(x, a[1], &newdir, &to);
	if (e == 0) {
		e = dxf_fs_rename(x->fs, &script_root, DXF_AT(dir, from),
				  DXF_AT(newdir, to), flags);
		script_forget(x, newdir);
	}
	script_forget(x, dir);
	return e;
}

static int do_rename(struct script_fs *x, char *const *a)
{
	return rename_to(x, a, 0);
}

static int do_exchange(struct script_fs *x, char *const *a)
{
	return rename_to(x, a, RENAME_EXCHANGE);
}

static int do_noreplace(struct script_fs *x, char *const *a)
{
	return rename_to(x, a, RENAME_NOREPLACE);
}

/* ---- attributes ---- */

static int set(struct script_fs *x, const char *path,
	       const struct dxf_setattr *sa)
{
	struct dxf_attr a;
	int e = script_lookup(x, path, &a);
	dxf_ino_t ino = a.ino;

	if (e != 0)
		return e;
	e = dxf_fs_setattr(x->fs, ino, sa, &script_root, &a);
	script_forget(x, ino);
	return e;
}

static int do_chmod(struct script_fs *x, char *const *a)
{
	struct dxf_setattr sa = {
		.valid = DXF_SET_MODE,
		.mode = (mode_t)script_num(a[1]),
	};

	return set(x, a[0], &sa);
}

static int do_chown(struct script_fs *x, char *const *a)
{
	struct dxf_setattr sa = {
		.valid = DXF_SET_UID | DXF_SET_GID,
		.uid = (uid_t)script_num(a[1]),
		.gid = (gid_t)script_num(a[2]),
	};

	return set(x, a[0], &sa);
}

static int do_utimes(struct script_fs *x, char *const *a)
{
	time_t t = TREE_TIME + (time_t)script_num(a[1]);
	struct dxf_setattr sa = {
		.valid = DXF_SET_ATIME | DXF_SET_MTIME,
		.atime = { .tv_sec = t, .tv_nsec = 123456789 + t % 1000 },
		.mtime = { .tv_sec = t, .tv_nsec = 987654321 - t % 1000 },
	};

	return set(x, a[0], &sa);
}

static int do_setflags(struct script_fs *x, char *const *a)
{
	struct dxf_attr at;
	uint32_t flags;
	int e = script_lookup(x, a[0], &at);

	if (e != 0)
		return e;
	e = dxf_fs_getflags(x->fs, at.ino, &flags);
	if (e == 0)
		e = dxf_fs_setflags(x->fs, at.ino,
				    flags | (uint32_t)script_num(a[1]),
				    &script_root);
	script_forget(x, at.ino);
	return e;
}

static int set_xattr(struct script_fs *x, const char *path, const char *name,
		     const void *val, size_t len)
{
	struct dxf_attr at;
	int e = script_lookup(x, path, &at);

	if (e != 0)
		return e;
	e = dxf_fs_setxattr(x->fs, at.ino, name, val, len, 0, false,
			    &script_root);
	script_forget(x, at.ino);
	return e;
}

static int do_setx(struct script_fs *x, char *const *a)
{
	uint8_t val[4096];
	size_t len = (size_t)script_num(a[2]);

	if (len > sizeof(val))
		return -E2BIG;
	for (size_t i = 0; i < len; i++)
		val[i] = (uint8_t)(i * 7 + x->seq);
	return set_xattr(x, a[0], a[1], val, len);
}

/* u::rw-,u:1:r--,g::r--,m::r--,o::--- */
static int do_acl(struct script_fs *x, char *const *a)
{
	static const uint8_t acl[] = {
		2, 0, 0, 0,
		1, 0, 6, 0, 255, 255, 255, 255,
		2, 0, 4, 0, 1, 0, 0, 0,
		4, 0, 4, 0, 255, 255, 255, 255,
		16, 0, 4, 0, 255, 255, 255, 255,
		32, 0, 0, 0, 255, 255, 255, 255,
	};

	return set_xattr(x, a[0], "system.posix_acl_access", acl, sizeof(acl));
}

static int do_rmx(struct script_fs *x, char *const *a)
{
	struct dxf_attr at;
	int e = script_lookup(x, a[0], &at);

	if (e != 0)
		return e;
	e = dxf_fs_removexattr(x->fs, at.ino, a[1]);
	script_forget(x, at.ino);
	return e;
}

const struct script_op script_name_ops[] = {
	{ "creat", 1, do_creat, TREE_ATOMIC },
	{ "mkdir", 1, do_mkdir, TREE_ATOMIC },
	{ "fifo", 1, do_fifo, TREE_ATOMIC },
	{ "many", 3, do_many, TREE_ATOMIC },
	{ "symlink", 2, do_symlink, TREE_ATOMIC },
	{ "link", 2, do_link, TREE_ATOMIC },
	{ "hlink", 2, do_hlink, TREE_ATOMIC },
	{ "unlink", 1, do_unlink, TREE_ATOMIC },
	{ "rmdir", 1, do_rmdir, TREE_ATOMIC },
	{ "rename", 2, do_rename, TREE_ATOMIC },
	{ "exchange", 2, do_exchange, TREE_ATOMIC },
	{ "noreplace", 2, do_noreplace, TREE_ATOMIC },
	{ "chmod", 2, do_chmod, TREE_ATOMIC },
	{ "chown", 3, do_chown, TREE_ATOMIC },
	{ "utimes", 2, do_utimes, TREE_ATOMIC },
	{ "setflags", 2, do_setflags, TREE_ATOMIC },
	{ "setx", 3, do_setx, TREE_ATOMIC },
	{ "acl", 1, do_acl, TREE_ATOMIC },
	{ "rmx", 2, do_rmx, TREE_ATOMIC },
};
const size_t script_nname_ops = DXF_ARRAY_SIZE(script_name_ops);
