/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daxfuse-selftest - copy trees into an image without FUSE and compare them.
 *
 * Drives lib/fs in process: open the image, copy each tree in, close it, open
 * it again read-only, compare every byte, mode, owner, time and xattr.  For
 * places without /dev/fuse.  Top-level folders named "build*" and ".git" are
 * left out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "alloc.h"
#include "cleanup.h"
#include "fs.h"

#define CHUNK	(1u << 20)

struct walk {
	struct dxf_fs *fs;
	struct dxf_cred cred;
	char path[PATH_MAX];	/* of the source, grows and shrinks */
	size_t root_len;
	uint8_t *buf, *buf2;
	unsigned long count;
	/* copy or compare one object; returns its inode in *@ino */
	int (*visit)(struct walk *w, const struct stat *st, dxf_ino_t parent,
		     const char *name, dxf_ino_t *ino);
	/* what has to wait until the children are done */
	int (*leave)(struct walk *w, const struct stat *st, dxf_ino_t ino);
};

static int complain(const struct walk *w, int err, const char *what)
{
	fprintf(stderr, "daxfuse-selftest: %s: %s%s%s\n", w->path, what,
		err != 0 ? ": " : "", err != 0 ? strerror(err) : "");
	return -1;
}

/* ---- copying ---- */

static int copy_data(struct walk *w, dxf_ino_t ino)
{
	DXF_CLEANUP_CLOSE int fd = open(w->path, O_RDONLY | O_NOFOLLOW);
	uint64_t off = 0;
	ssize_t n;

	if (fd < 0)
		return complain(w, errno, "open");
	while ((n = read(fd, w->buf, CHUNK)) > 0) {
		ssize_t done = dxf_fs_write(w->fs, ino, off, w->buf, (size_t)n,
					    0, &w->cred);

		if (done != n)
			return complain(w, done < 0 ? (int)-done : ENOSPC,
					"writing the copy");
		off += (uint64_t)n;
	}
	return n < 0 ? complain(w, errno, "read") : 0;
}

/* Call @fn for each xattr of the source that ext2 can hold. */
static int each_xattr(struct walk *w, dxf_ino_t ino,
		      int (*fn)(struct walk *w, dxf_ino_t ino,
				const char *name, size_t len))
{
	char names[4096];
	ssize_t total = llistxattr(w->path, names, sizeof(names));

	for (ssize_t at = 0; at < total;
	     at += (ssize_t)strlen(names + at) + 1) {
		ssize_t len = lgetxattr(w->path, names + at, w->buf, CHUNK);

		if (len >= 0 && fn(w, ino, names + at, (size_t)len) < 0)
			return -1;
	}
	return 0;
}

static int copy_xattr(struct walk *w, dxf_ino_t ino, const char *name,
		      size_t len)
{
	int err = dxf_fs_setxattr(w->fs, ino, name, w->buf, len, 0, false,
				  &w->cred);

	return err < 0 ? complain(w, -err, name) : 0;
}

static int copy_object(struct walk *w, const struct stat *st,
		       dxf_ino_t parent, const char *name, dxf_ino_t *ino)
{
	struct dxf_attr attr;
	char target[PATH_MAX];
	ssize_t n;
	int err;

	if (S_ISLNK(st->st_mode)) {
		n = readlink(w->path, target, sizeof(target) - 1);
		if (n < 0)
			return complain(w, errno, "readlink");
		target[n] = '\0';
		err = dxf_fs_symlink(w->fs, &w->cred, parent, name, target,
				     &attr);
	} else {
		err = dxf_fs_mknod(w->fs, &w->cred, parent, name, st->st_mode,
				   st->st_rdev, &attr);
	}
	if (err < 0)
		return complain(w, -err, "making the copy");
	*ino = attr.ino;
	return S_ISREG(st->st_mode) ? copy_data(w, attr.ino) : 0;
}

static int copy_attrs(struct walk *w, const struct stat *st, dxf_ino_t ino)
{
	struct dxf_setattr sa = {
		.valid = DXF_SET_UID | DXF_SET_GID | DXF_SET_ATIME |
			 DXF_SET_MTIME,
		.mode = st->st_mode & 07777,
		.uid = st->st_uid, .gid = st->st_gid,
		.atime = st->st_atim, .mtime = st->st_mtim,
	};
	struct dxf_attr attr;
	int err = dxf_fs_setattr(w->fs, ino, &sa, &w->cred, &attr);

	if (err == 0 && !S_ISLNK(st->st_mode)) {
		/* Behind the owner, which strips setuid. */
		sa.valid = DXF_SET_MODE;
		err = dxf_fs_setattr(w->fs, ino, &sa, &w->cred, &attr);
	}
	if (err < 0)
		return complain(w, -err, "setting attributes");
	if (each_xattr(w, ino, copy_xattr) < 0)
		return -1;
	dxf_fs_forget(w->fs, ino, 1);
	return 0;
}

/* ---- comparing ---- */

static int compare_data(struct walk *w, const struct stat *st, dxf_ino_t ino)
{
	DXF_CLEANUP_CLOSE int fd = open(w->path, O_RDONLY | O_NOFOLLOW);
	uint64_t off = 0;
	ssize_t n;

	if (fd < 0)
		return complain(w, errno, "open");
	while ((n = read(fd, w->buf, CHUNK)) > 0) {
		ssize_t got = dxf_fs_read(w->fs, ino, off, w->buf2, (size_t)n);

		if (got != n || memcmp(w->buf, w->buf2, (size_t)n) != 0)
			return complain(w, 0, "the copy's bytes differ");
		off += (uint64_t)n;
	}
	return off == (uint64_t)st->st_size ? 0 :
		complain(w, 0, "the copy's size differs");
}

static int compare_xattr(struct walk *w, dxf_ino_t ino, const char *name,
			 size_t len)
{
	ssize_t got = dxf_fs_getxattr(w->fs, ino, name, w->buf2, CHUNK);

	if (got != (ssize_t)len || memcmp(w->buf, w->buf2, len) != 0)
		return complain(w, 0, name);
	return 0;
}

static int compare_target(struct walk *w, dxf_ino_t ino)
{
	ssize_t n = readlink(w->path, (char *)w->buf, PATH_MAX);
	ssize_t got = dxf_fs_readlink(w->fs, ino, (char *)w->buf2, PATH_MAX);

	return n == got && n >= 0 && memcmp(w->buf, w->buf2, (size_t)n) == 0 ?
		0 : complain(w, 0, "the copy's target differs");
}

static int compare_object(struct walk *w, const struct stat *st,
			  dxf_ino_t parent, const char *name, dxf_ino_t *ino)
{
	struct dxf_attr a;
	int err = dxf_fs_lookup(w->fs, parent, name, &a);

	if (err < 0)
		return complain(w, -err, "looking up the copy");
	*ino = a.ino;
	if (a.mode != st->st_mode || a.uid != st->st_uid ||
	    a.gid != st->st_gid || a.mtime.tv_sec != st->st_mtim.tv_sec ||
	    a.mtime.tv_nsec != st->st_mtim.tv_nsec)
		return complain(w, 0, "the copy's mode, owner or time differs");
	if (S_ISREG(st->st_mode))
		return compare_data(w, st, a.ino);
	return S_ISLNK(st->st_mode) ? compare_target(w, a.ino) : 0;
}

static int compare_leave(struct walk *w, const struct stat *st, dxf_ino_t ino)
{
	int err = each_xattr(w, ino, compare_xattr);

	dxf_fs_forget(w->fs, ino, 1);
	return err;
}

static bool is_left_out(const char *name)
{
	return strncmp(name, "build", 5) == 0 || strcmp(name, ".git") == 0;
}

/* ---- walking ---- */

static int walk(struct walk *w, dxf_ino_t parent, const char *name);

static int walk_children(struct walk *w, dxf_ino_t ino)
{
	size_t len = strlen(w->path);
	DIR *dir = opendir(w->path);
	struct dirent *de;
	int err = 0;

	if (dir == NULL)
		return complain(w, errno, "opendir");
	while (err == 0 && (de = readdir(dir)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 ||
		    strcmp(de->d_name, "..") == 0 ||
		    (len == w->root_len && is_left_out(de->d_name)))
			continue;
		if (len + strlen(de->d_name) + 2 > sizeof(w->path)) {
			err = complain(w, ENAMETOOLONG, de->d_name);
			break;
		}
		w->path[len] = '/';
		strcpy(w->path + len + 1, de->d_name);
		err = walk(w, ino, w->path + len + 1);
		w->path[len] = '\0';
	}
	closedir(dir);
	return err;
}

static int walk(struct walk *w, dxf_ino_t parent, const char *name)
{
	DXF_CLEANUP_FREE char *own_name = dxf_strdup(name);
	struct stat st;
	dxf_ino_t ino;

	if (own_name == NULL || lstat(w->path, &st) < 0)
		return complain(w, errno, "lstat");
	w->count++;
	if (w->visit(w, &st, parent, own_name, &ino) < 0)
		return -1;
	if (S_ISDIR(st.st_mode) && walk_children(w, ino) < 0)
		return -1;
	return w->leave(w, &st, ino);
}

static int walk_tree(struct walk *w, const char *tree)
{
	char name[PATH_MAX];

	if (strlen(tree) >= sizeof(w->path))
		return -1;
	strcpy(w->path, tree);
	strcpy(name, tree);
	w->root_len = strlen(tree);
	w->count = 0;
	return walk(w, DXF_ROOT_INO, basename(name));
}

/* Mount @image and walk all trees. */
static int pass(const char *image, char **trees, struct walk *w, bool ro)
{
	struct dxf_region_opts ropts = { .ro = ro };
	struct dxf_fs_opts opts;
	struct dxf_region *r;
	struct dxf_err err;
	int ret = 0;

	dxf_fs_default_opts(&opts);
	opts.ro = ro;
	if (dxf_region_open(&r, image, &ropts, &err) < 0) {
		fprintf(stderr, "daxfuse-selftest: %s\n", err.text);
		return -1;
	}
	if (dxf_fs_open(&w->fs, r, &opts, &err) < 0) {
		fprintf(stderr, "daxfuse-selftest: %s\n", err.text);
		dxf_region_close(r);
		return -1;
	}
	for (; *trees != NULL && ret == 0; trees++) {
		ret = walk_tree(w, *trees);
		if (ret == 0)
			printf("    %s: %lu files and directories %s\n", *trees,
			       w->count, ro ? "equal" : "copied");
	}
	if (dxf_fs_close(w->fs) < 0 && ret == 0)
		ret = complain(w, 0, "closing the image");
	dxf_region_close(r);
	return ret;
}

int main(int argc, char **argv)
{
	DXF_CLEANUP_FREE uint8_t *bufs = dxf_malloc(2 * CHUNK);
	struct walk w = { .buf = bufs, .buf2 = bufs + CHUNK };

	if (argc < 3 || bufs == NULL) {
		fprintf(stderr, "usage: daxfuse-selftest IMAGE TREE...\n");
		return 1;
	}
	w.visit = copy_object;
	w.leave = copy_attrs;
	if (pass(argv[1], argv + 2, &w, false) < 0)
		return 1;
	w.visit = compare_object;
	w.leave = compare_leave;
	return pass(argv[1], argv + 2, &w, true) < 0;
}
