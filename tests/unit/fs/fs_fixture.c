/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fs_fixture.h"

#include "logfile_priv.h"

#include <stdio.h>
#include <sys/stat.h>

#include "image.h"
#include "log.h"
#include "persist.h"

const struct fsx_image fsx_images[] = {
	{ "ext2-1k", "-t ext2 -b 1024 -I 128", 16 },
	{ "ext2-4k", "-t ext2 -b 4096 -I 256", 32 },
	{ "ext4-csum", "-t ext4 -O ^has_journal,metadata_csum,64bit -b 4096 "
		       "-I 256", 32 },
};
const int fsx_nimages = DXF_ARRAY_SIZE(fsx_images);

const struct dxf_cred fsx_root = { .uid = 0, .gid = 0, .umask = 022 };

/* What was stored into free blocks since fsx_watch(). */
#define MAX_FILLED	4096
static struct { dxf_off_t start, end; } filled[MAX_FILLED];
static int nfilled;

/* ---- media ---- */

void fsx_snap(struct fsx *x, struct fsx_snap *s)
{
	s->size = dxf_region_size(x->region);
	s->bytes = image_snapshot(x->region);
	ck_assert_ptr_nonnull(s->bytes);
}

void fsx_restore(struct fsx *x, const struct fsx_snap *s)
{
	ck_assert_ptr_null(x->fs);
	ck_assert_int_eq(dxf_persist_copy(x->region, 0, s->bytes, s->size, 0),
			 0);
	dxf_persist_fence(x->region);
}

void fsx_snap_free(struct fsx_snap *s)
{
	free(s->bytes);
	s->bytes = NULL;
}

static void note_filled(void *ctx, const struct dxf_persist_event *ev)
{
	bool store = ev->op == DXF_PERSIST_OP_COPY ||
		     ev->op == DXF_PERSIST_OP_ZERO;

	if (!store || (ev->flags & DXF_PERSIST_TEMPORAL) != 0)
		return;
	ck_assert_int_lt(nfilled, MAX_FILLED);
	filled[nfilled].start = ev->off;
	filled[nfilled++].end = ev->off + ev->len;
}

void fsx_watch(struct fsx *x)
{
	nfilled = 0;
	dxf_persist_set_hook(x->region, note_filled, NULL);
}

static bool was_filled(dxf_off_t off)
{
	for (int i = 0; i < nfilled; i++) {
		if (off >= filled[i].start && off < filled[i].end)
			return true;
	}
	return false;
}

/* A transaction that failed may have been in the log's slot. */
static void note_log(struct fsx *x)
{
	struct dxf_log_raw raw;

	ck_assert_int_eq(dxf_log_find(x->region, &raw), 0);
	for (unsigned int i = 0; i < raw.place.nruns; i++) {
		ck_assert_int_lt(nfilled, MAX_FILLED);
		filled[nfilled].start = raw.place.run[i].off;
		filled[nfilled++].end = raw.place.run[i].off +
			raw.place.run[i].len;
	}
}

void fsx_same(struct fsx *x, const struct fsx_snap *s)
{
	struct fsx_snap now;

	dxf_persist_set_hook(x->region, NULL, NULL);
	note_log(x);
	fsx_snap(x, &now);
	ck_assert_uint_eq(now.size, s->size);
	for (uint64_t i = 0; i < s->size; i += 512) {
		if (memcmp(now.bytes + i, s->bytes + i, 512) == 0)
			continue;
		for (uint64_t j = i; j < i + 512; j++)
			ck_assert_msg(now.bytes[j] == s->bytes[j] ||
				      was_filled(j),
				      "byte %llu changed from %02x to %02x",
				      (unsigned long long)j, s->bytes[j],
				      now.bytes[j]);
	}
	fsx_snap_free(&now);
}

/* ---- mounting ---- */

static void count_message(void *ctx, enum dxf_log_level level,
			  const char *text)
{
	struct fsx *x = ctx;

	if (getenv("FSX_VERBOSE") != NULL)
		fprintf(stderr, "log %d: %s\n", (int)level, text);
	if (level <= DXF_LOG_WARN)
		__atomic_fetch_add(&x->messages, 1, __ATOMIC_RELAXED);
}

void fsx_make(struct fsx *x, const struct fsx_image *img)
{
	memset(x, 0, sizeof(*x));
	x->region = image_make((uint64_t)img->mib << 20, img->mke2fs, true);
	dxf_fs_default_opts(&x->opts);
	dxf_log_set_sink(count_message, x);
}

int fsx_try_mount(struct fsx *x, struct dxf_err *err)
{
	int e;

	ck_assert_ptr_null(x->fs);
	e = dxf_fs_open(&x->fs, x->region, &x->opts, err);
	if (e != 0)
		x->fs = NULL;
	return e;
}

void fsx_mount(struct fsx *x)
{
	struct dxf_err err = { "" };
	int e = fsx_try_mount(x, &err);

	ck_assert_msg(e == 0, "mount: %s (%d)", err.text, e);
}

int fsx_drop(struct fsx *x)
{
	int err = dxf_fs_close(x->fs);

	x->fs = NULL;
	return err;
}

void fsx_umount(struct fsx *x)
{
	ck_assert_int_eq(fsx_drop(x), 0);
}

void fsx_remount(struct fsx *x)
{
	fsx_umount(x);
	fsx_mount(x);
}

void fsx_check(struct fsx *x)
{
	ck_assert_ptr_null(x->fs);
	ck_assert(image_is_clean(x->region));
}

void fsx_remove(struct fsx *x)
{
	if (x->fs != NULL)
		fsx_drop(x);
	dxf_region_close(x->region);
	x->region = NULL;
	dxf_log_set_sink(NULL, NULL);
}

void fsx_finish(struct fsx *x)
{
	if (x->fs != NULL)
		fsx_umount(x);
	fsx_check(x);
	fsx_remove(x);
}

void fsx_debugfs(struct fsx *x, const char *request)
{
	char cmd[512];

	ck_assert_ptr_null(x->fs);
	snprintf(cmd, sizeof(cmd), "debugfs -w -R '%s' \"$IMG\" 2>&1",
		 request);
	ck_assert_int_eq(image_run(x->region, cmd, true, NULL, 0), 0);
}

/* ---- small steps ---- */

dxf_ino_t fsx_create(struct fsx *x, dxf_ino_t dir, const char *name)
{
	struct dxf_attr a;

	ck_assert_int_eq(dxf_fs_mknod(x->fs, &fsx_root, dir, name,
				      S_IFREG | 0666, 0, &a), 0);
	dxf_fs_forget(x->fs, a.ino, 1);
	return a.ino;
}

dxf_ino_t fsx_mkdir(struct fsx *x, dxf_ino_t dir, const char *name)
{
	struct dxf_attr a;

	ck_assert_int_eq(dxf_fs_mknod(x->fs, &fsx_root, dir, name,
				      S_IFDIR | 0777, 0, &a), 0);
	dxf_fs_forget(x->fs, a.ino, 1);
	return a.ino;
}

dxf_ino_t fsx_lookup(struct fsx *x, dxf_ino_t dir, const char *name)
{
	struct dxf_attr a;
	int err = dxf_fs_lookup(x->fs, dir, name, &a);

	if (err == -ENOENT)
		return 0;
	ck_assert_int_eq(err, 0);
	dxf_fs_forget(x->fs, a.ino, 1);
	return a.ino;
}

void fsx_hold(struct fsx *x, dxf_ino_t ino)
{
	struct dxf_attr a;

	ck_assert_int_eq(dxf_fs_lookup_ino(x->fs, ino, 0, &a), 0);
}

struct dxf_attr fsx_attr(struct fsx *x, dxf_ino_t ino)
{
	struct dxf_attr a;

	ck_assert_int_eq(dxf_fs_getattr(x->fs, ino, &a), 0);
	return a;
}

void fsx_write(struct fsx *x, dxf_ino_t ino, uint64_t off, int byte,
	       size_t len)
{
	void *buf = malloc(len);

	memset(buf, byte, len);
	ck_assert_int_eq(dxf_fs_write(x->fs, ino, off, buf, len, 0, &fsx_root),
			 (ssize_t)len);
	free(buf);
}

void fsx_settle(struct fsx *x)
{
	struct statvfs s;

	ck_assert_int_eq(dxf_fs_statfs(x->fs, &s), 0);
}

struct dxf_fs_stats fsx_stats(struct fsx *x)
{
	struct dxf_fs_stats s;

	fsx_settle(x);
	dxf_fs_get_stats(x->fs, &s);
	return s;
}

uint64_t fsx_free_blocks(struct fsx *x)
{
	struct statvfs s;

	ck_assert_int_eq(dxf_fs_statfs(x->fs, &s), 0);
	return s.f_bfree;
}

uint64_t fsx_free_inodes(struct fsx *x)
{
	struct statvfs s;

	ck_assert_int_eq(dxf_fs_statfs(x->fs, &s), 0);
	return s.f_ffree;
}
