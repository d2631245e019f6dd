/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * null_data.c - a few big files in memory: reads and writes and nothing else.
 *
 * Owns the files, made at their names' first creation and never moved, so that
 * no lock is needed: names are made and removed by one client at a time.
 *
 * Invariant: bytes between a file's size and its capacity are never shown.
 */
#include "null.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define NFILES	2
#define ROOT	1

static struct file {
	char name[64];		/* "": free */
	char *bytes;
	_Atomic size_t size;
} files[NFILES];

int null_data_setup(void)
{
	int i;

	assert(null_conf.size > 0);
	for (i = 0; i < NFILES; i++) {
		files[i].bytes = mmap(NULL, null_conf.size,
				      PROT_READ | PROT_WRITE, MAP_PRIVATE |
				      MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (files[i].bytes == MAP_FAILED)
			return -ENOMEM;
	}
	return 0;
}

static struct file *file_of(fuse_ino_t ino)
{
	assert(ino > ROOT && ino <= ROOT + NFILES);
	return &files[ino - ROOT - 1];
}

static fuse_ino_t node_of(const struct file *f)
{
	return (fuse_ino_t)(f - files) + ROOT + 1;
}

static struct file *find(const char *name)
{
	int i;

	for (i = 0; i < NFILES; i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}

static void fill_stat(fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_blksize = 4096;
	if (ino == ROOT) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return;
	}
	st->st_mode = S_IFREG | 0644;
	st->st_nlink = 1;
	st->st_size = (off_t)file_of(ino)->size;
	st->st_blocks = (st->st_size + 511) / 512;
}

static void fill_entry(const struct file *f, struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	e->ino = node_of(f);
	e->attr_timeout = DXF_TIMEOUT;
	e->entry_timeout = DXF_TIMEOUT;
	fill_stat(e->ino, &e->attr);
}

static void data_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = { .entry_timeout = DXF_TIMEOUT };
	struct file *f = find(name);

	if (f != NULL)
		fill_entry(f, &e);
	fuse_reply_entry(req, &e);
}

static void data_getattr(fuse_req_t req, fuse_ino_t ino,
			 struct fuse_file_info *fi)
{
	struct stat st;

	fill_stat(ino, &st);
	fuse_reply_attr(req, &st, DXF_TIMEOUT);
}

static void data_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
			 int to_set, struct fuse_file_info *fi)
{
	struct stat st;
	size_t size = (size_t)attr->st_size;
	struct file *f;

	if (ino != ROOT && (to_set & FUSE_SET_ATTR_SIZE)) {
		f = file_of(ino);
		if (size > null_conf.size) {
			fuse_reply_err(req, EFBIG);
			return;
		}
		if (size > f->size)
			memset(f->bytes + f->size, 0, size - f->size);
		f->size = size;
		null_durable(NULL_ATTR);
	}
	fill_stat(ino, &st);
	fuse_reply_attr(req, &st, DXF_TIMEOUT);
}

static void data_create(fuse_req_t req, fuse_ino_t parent, const char *name,
			mode_t mode, struct fuse_file_info *fi)
{
	struct fuse_entry_param e;
	struct file *f = find("");

	if (f == NULL || strlen(name) >= sizeof(f->name)) {
		fuse_reply_err(req, ENOSPC);
		return;
	}
	strcpy(f->name, name);
	f->size = 0;
	fill_entry(f, &e);
	null_fill_open(fi);
	fuse_reply_create(req, &e, fi);
}

static void data_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct file *f = find(name);

	if (f != NULL)
		f->name[0] = '\0';
	fuse_reply_err(req, f != NULL ? 0 : ENOENT);
}

static void data_open(fuse_req_t req, fuse_ino_t ino,
		      struct fuse_file_info *fi)
{
	null_fill_open(fi);
	fuse_reply_open(req, fi);
}

static void data_opendir(fuse_req_t req, fuse_ino_t ino,
			 struct fuse_file_info *fi)
{
	null_fill_opendir(fi);
	fuse_reply_open(req, fi);
}

static void data_readdir(fuse_req_t req, fuse_ino_t ino, size_t size,
			 off_t off, struct fuse_file_info *fi)
{
	fuse_reply_buf(req, NULL, 0);
}

static void data_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      struct fuse_file_info *fi)
{
	const struct file *f = file_of(ino);
	size_t end = f->size, at = (size_t)off;

	if (at >= end)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, f->bytes + at, DXF_MIN(size, end - at));
}

static void data_write(fuse_req_t req, fuse_ino_t ino, const char *buf,
		       size_t size, off_t off, struct fuse_file_info *fi)
{
	struct file *f = file_of(ino);
	size_t at = (size_t)off, end = f->size;

	if (at > null_conf.size || size > null_conf.size - at) {
		fuse_reply_err(req, ENOSPC);
		return;
	}
	if (!null_conf.drop)
		memcpy(f->bytes + at, buf, size);
	null_durable_write(buf, at, size, end);
	while (at + size > end &&
	       !atomic_compare_exchange_weak(&f->size, &end, at + size))
		;
	fuse_reply_write(req, size);
}

static void data_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off,
			   off_t len, struct fuse_file_info *fi)
{
	fuse_reply_err(req, EOPNOTSUPP);
}

const struct fuse_lowlevel_ops null_data_ops = {
	.init = null_init,
	.lookup = data_lookup,
	.getattr = data_getattr,
	.setattr = data_setattr,
	.create = data_create,
	.unlink = data_unlink,
	.open = data_open,
	.read = data_read,
	.write = data_write,
	.flush = null_flush,
	.release = null_flush,
	.fsync = null_fsync,
	.opendir = data_opendir,
	.readdir = data_readdir,
	.releasedir = null_flush,
	.fsyncdir = null_fsync,
	.statfs = null_statfs,
	.getxattr = null_getxattr,
	.listxattr = null_listxattr,
	.fallocate = data_fallocate,
};
