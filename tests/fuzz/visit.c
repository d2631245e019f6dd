// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * visit.c - mount an image, walk it, read, change and unmount it, with bounds
 * on all of it: a hostile image may have a billion names.
 */
#include "fuzz.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"
#include "log.h"
#include "persist.h"

enum {
	MAX_SEEN = 64,		/* inodes that are looked at */
	MAX_NAMES = 24,		/* of a directory */
	CHANGES = 24,
	BUF = 20000,
};

struct seen {
	dxf_ino_t ino, parent;
	char name[256];
};

struct visit {
	struct dxf_fs *fs;
	struct fuzz_rng rng;
	struct seen seen[MAX_SEEN];
	unsigned int nseen;
	unsigned int left;	/* of MAX_NAMES */
	dxf_ino_t given[MAX_NAMES];	/* lookups, by readdirplus */
	unsigned int ngiven;
	uint8_t buf[BUF];
};

static const struct dxf_cred root;

static void quiet(void *ctx, enum dxf_log_level level, const char *text)
{
}

void fuzz_be_quiet(void)
{
	dxf_log_set_sink(quiet, NULL);
}

/* ---- looking ---- */

static int note_entry(void *ctx, const struct dxf_fs_dirent *de)
{
	struct visit *v = ctx;
	struct seen *s = &v->seen[v->nseen];

	if (v->nseen == MAX_SEEN || v->left-- == 0)
		return 1;
	assert(de->name_len > 0 && de->name_len <= 255);
	if (de->name[0] == '.')
		return 0;
	memcpy(s->name, de->name, de->name_len);
	s->name[de->name_len] = '\0';
	s->parent = v->seen[0].parent;
	s->ino = de->ino;
	v->nseen++;
	return 0;
}

static int note_plus(void *ctx, const struct dxf_fs_dirent *de)
{
	struct visit *v = ctx;

	if (v->left-- == 0)
		return 1;
	if (de->attr_valid)
		v->given[v->ngiven++] = de->attr.ino;
	return 0;
}

static void look_into(struct visit *v, dxf_ino_t dir)
{
	struct dxf_attr a;

	v->seen[0].parent = dir;	/* for note_entry() */
	v->left = MAX_NAMES;
	dxf_fs_readdir(v->fs, dir, 0, false, note_entry, v);
	v->left = MAX_NAMES;
	v->ngiven = 0;
	dxf_fs_readdir(v->fs, dir, fuzz_below(&v->rng, 20000), 40, note_plus,
		       v);
	while (v->ngiven > 0)
		dxf_fs_forget(v->fs, v->given[--v->ngiven], 1);
	if (dxf_fs_lookup(v->fs, dir, "no such name", &a) == 0)
		dxf_fs_forget(v->fs, a.ino, 1);
	if (dxf_fs_lookup(v->fs, dir, "..", &a) == 0)
		dxf_fs_forget(v->fs, a.ino, 1);
}

static void look_at_xattrs(struct visit *v, dxf_ino_t ino)
{
	char names[2000];
	ssize_t n = dxf_fs_listxattr(v->fs, ino, names, sizeof(names));

	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
		assert(memchr(names + at, '\0', (size_t)(n - at)) != NULL);
		dxf_fs_getxattr(v->fs, ino, names + at, NULL, 0);
		dxf_fs_getxattr(v->fs, ino, names + at, v->buf, BUF);
	}
	dxf_fs_getxattr(v->fs, ino, "system.posix_acl_access", v->buf, BUF);
}

static void read_iov(struct visit *v, dxf_ino_t ino, uint64_t off)
{
	struct iovec iov[8];
	struct dxf_fs_read r = { .iov = iov, .max_iov = 8 };
	ssize_t n = dxf_fs_read_begin(v->fs, ino, off, BUF, &r);
	uint8_t sum = 0;

	if (n < 0)
		return;
	for (int i = 0; i < r.niov; i++)
		for (size_t j = 0; j < iov[i].iov_len; j += 64)
			sum ^= ((const uint8_t *)iov[i].iov_base)[j];
	v->buf[0] = sum;
	dxf_fs_read_end(v->fs, &r);
}

static uint64_t pick_off(struct visit *v, uint64_t size)
{
	switch (fuzz_below(&v->rng, 5)) {
	case 0:
		return fuzz_below(&v->rng, size + 1);
	case 1:
		return size - DXF_MIN(size, (uint64_t)100);
	case 2:
		return (uint64_t)1 << fuzz_below(&v->rng, 45);
	default:
		return fuzz_below(&v->rng, 900000);
	}
}

static void look_at(struct visit *v, dxf_ino_t ino)
{
	struct dxf_attr a;
	uint64_t off;

	if (dxf_fs_lookup_ino(v->fs, ino, 0, &a) != 0)
		return;
	look_at_xattrs(v, ino);
	if (S_ISDIR(a.mode)) {
		look_into(v, ino);
	} else if (S_ISLNK(a.mode)) {
		dxf_fs_readlink(v->fs, ino, (char *)v->buf, 4096);
	} else if (S_ISREG(a.mode)) {
		dxf_fs_read(v->fs, ino, 0, v->buf, BUF);
		for (int i = 0; i < 4; i++) {
			off = pick_off(v, a.size);
			dxf_fs_read(v->fs, ino, off, v->buf, BUF);
			read_iov(v, ino, off);
			dxf_fs_lseek(v->fs, ino, off, SEEK_DATA, &off);
			dxf_fs_lseek(v->fs, ino, off, SEEK_HOLE, &off);
		}
	}
	dxf_fs_forget(v->fs, ino, 1);
}

static void walk(struct visit *v)
{
	v->nseen = 1;
	v->seen[0] = (struct seen){ .ino = DXF_ROOT_INO };
	for (unsigned int i = 0; i < v->nseen; i++)
		look_at(v, v->seen[i].ino);
	/* Numbers that no name may lead to. */
	for (unsigned int i = 0; i < 4; i++)
		look_at(v, (dxf_ino_t)fuzz_below(&v->rng, 300));
}

/* ---- changing ---- */

static struct seen *pick(struct visit *v)
{
	return &v->seen[fuzz_below(&v->rng, v->nseen)];
}

static void change_data(struct visit *v, dxf_ino_t ino)
{
	static const int modes[] = {
		0, FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE,
	};
	struct dxf_setattr sa = { .valid = DXF_SET_SIZE };
	uint64_t off = pick_off(v, 100000);
	size_t len = (size_t)fuzz_below(&v->rng, BUF);
	struct dxf_attr a;

	switch (fuzz_below(&v->rng, 5)) {
	case 0:
		dxf_fs_write(v->fs, ino, off, v->buf, len, DXF_WRITE_KILL_PRIV,
			     &root);
		break;
	case 1:
		dxf_fs_fallocate(v->fs, ino, modes[fuzz_below(&v->rng, 4)],
				 off, 1 + len * fuzz_below(&v->rng, 30), false,
				 &root);
		break;
	case 2:
		sa.size = fuzz_below(&v->rng, 2) ? 0 : off;
		dxf_fs_setattr(v->fs, ino, &sa, &root, &a);
		break;
	case 3:
		dxf_fs_copy_range(v->fs, pick(v)->ino, 0, ino, off, len, 0,
				  &root);
		break;
	default:
		dxf_fs_fsync(v->fs, ino, false);
	}
}

static void change_attrs(struct visit *v, dxf_ino_t ino)
{
	struct dxf_setattr sa = {
		.valid = DXF_SET_MODE | DXF_SET_UID | DXF_SET_MTIME_NOW,
		.mode = (mode_t)fuzz_below(&v->rng, 07777),
		.uid = (uid_t)fuzz_below(&v->rng, 5),
	};
	struct dxf_attr a;
	uint32_t flags;

	switch (fuzz_below(&v->rng, 4)) {
	case 0:
		dxf_fs_setattr(v->fs, ino, &sa, &root, &a);
		break;
	case 1:
		dxf_fs_setxattr(v->fs, ino, "user.new", v->buf,
				fuzz_below(&v->rng, 1200), 0, false, &root);
		break;
	case 2:
		dxf_fs_removexattr(v->fs, ino, "user.large");
		break;
	default:
		if (dxf_fs_getflags(v->fs, ino, &flags) == 0)
			dxf_fs_setflags(v->fs, ino, flags ^ FS_NOATIME_FL,
					&root);
	}
}

static void make_name(struct visit *v, char *name, size_t size)
{
	snprintf(name, size, "%0*u", 1 + (int)fuzz_below(&v->rng, 200),
		 (unsigned int)fuzz_below(&v->rng, 1000));
}

static void add_name(struct visit *v, dxf_ino_t dir)
{
	static const mode_t modes[] = { S_IFREG, S_IFDIR, S_IFIFO, S_IFREG };
	struct dxf_attr a;
	char name[256];
	int err;

	make_name(v, name, sizeof(name));
	switch (fuzz_below(&v->rng, 4)) {
	case 0:
		err = dxf_fs_link(v->fs, &root, pick(v)->ino, dir, name, &a);
		break;
	case 1:
		err = dxf_fs_symlink(v->fs, &root, dir, name, name, &a);
		break;
	default:
		err = dxf_fs_mknod(v->fs, &root, dir, name,
				   modes[fuzz_below(&v->rng, 4)] | 0755, 0, &a);
	}
	if (err != 0)
		return;
	if (S_ISREG(a.mode))
		dxf_fs_write(v->fs, a.ino, 0, v->buf, 3000, 0, &root);
	dxf_fs_forget(v->fs, a.ino, 1);
}

static void move_name(struct visit *v, const struct seen *s)
{
	const struct seen *to = pick(v);
	char name[256];

	make_name(v, name, sizeof(name));
	if (fuzz_below(&v->rng, 2))
		dxf_fs_rename(v->fs, &root, DXF_AT(s->parent, s->name),
			      DXF_AT(to->parent, to->name),
			      fuzz_below(&v->rng, 2) ? RENAME_EXCHANGE : 0);
	else
		dxf_fs_rename(v->fs, &root, DXF_AT(s->parent, s->name),
			      DXF_AT(to->ino, name), 0);
}

static void change(struct visit *v)
{
	struct seen *s = pick(v);

	switch (fuzz_below(&v->rng, 8)) {
	case 0:
		dxf_fs_unlink(v->fs, s->parent, s->name);
		break;
	case 1:
		dxf_fs_rmdir(v->fs, s->parent, s->name);
		break;
	case 2:
	case 3:
		add_name(v, fuzz_below(&v->rng, 2) ? s->parent : s->ino);
		break;
	case 4:
		move_name(v, s);
		break;
	case 5:
		change_attrs(v, s->ino);
		break;
	default:
		change_data(v, s->ino);
	}
}

/* ---- around it ---- */

/* Some stay cached and some open over the changes. */
static void hold(struct visit *v, dxf_ino_t held[4])
{
	struct dxf_attr a;

	for (int i = 0; i < 4; i++) {
		held[i] = pick(v)->ino;
		if (dxf_fs_lookup_ino(v->fs, held[i], 0, &a) != 0) {
			held[i] = 0;
		} else if (dxf_fs_open_file(v->fs, held[i], O_RDWR,
					    false) != 0) {
			dxf_fs_forget(v->fs, held[i], 1);
			held[i] = 0;
		}
	}
}

static void let_go(struct visit *v, const dxf_ino_t held[4])
{
	for (int i = 0; i < 4; i++) {
		if (held[i] == 0)
			continue;
		dxf_fs_release(v->fs, held[i]);
		dxf_fs_forget(v->fs, held[i], 1);
	}
}

/* Somebody else's hand, which no lock keeps away. */
static void damage_live(struct dxf_region *r, const struct fuzz_base *b,
			struct fuzz_rng *rng)
{
	uint8_t *bytes = malloc(b->size), now[64];

	if (bytes == NULL)
		abort();
	memcpy(bytes, b->bytes, b->size);
	fuzz_damage(b, rng, bytes);
	for (uint64_t off = 0; off < b->size; off += 64) {
		if (memcmp(bytes + off, b->bytes + off, 64) == 0 ||
		    dxf_load(r, off, now, 64) != 0)
			continue;
		for (int i = 0; i < 64; i++)
			now[i] ^= bytes[off + i] ^ b->bytes[off + i];
		dxf_persist_copy(r, off, now, 64, DXF_PERSIST_TEMPORAL);
	}
	free(bytes);
}

int fuzz_visit(struct dxf_region *r, const struct fuzz_visit *how)
{
	static _Thread_local struct visit v;
	struct statvfs st;
	struct dxf_fs_opts opts;
	struct dxf_err why;
	dxf_ino_t held[4];
	int err;

	dxf_fs_default_opts(&opts);
	opts.ro = how->ro;
	opts.force = how->force;
	opts.nolog = how->nolog;
	/* Not the superblock's choice, which may be to abort. */
	opts.errors = how->continues ? DXF_ERRORS_CONTINUE : DXF_ERRORS_RO;
	v.rng = how->rng;
	err = dxf_fs_open(&v.fs, r, &opts, &why);
	if (err != 0)
		return err;
	dxf_fs_statfs(v.fs, &st);
	walk(&v);
	if (how->live != NULL)
		damage_live(r, how->live, &v.rng);
	hold(&v, held);
	for (int i = 0; i < CHANGES; i++)
		change(&v);
	let_go(&v, held);
	walk(&v);
	dxf_fs_sync(v.fs);
	dxf_fs_close(v.fs);
	return 0;
}
