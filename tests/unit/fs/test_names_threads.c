/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads that work on the same few directories at once: every call returns
 * something sensible, none waits for ever, and what is left is a sound tree.
 */
#include "fs_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#define ROOT		DXF_ROOT_INO
#define NTHREADS	4
#define NDIRS		4
#define NNAMES		12

static struct fsx x;
static dxf_ino_t dirs[NDIRS];
static int nops = 6000;

struct worker {
	pthread_t thread;
	unsigned int seed;
	dxf_ino_t open;			/* a file that it has open, or 0 */
	uint64_t successes;
};

static int pick(struct worker *w, int n)
{
	return rand_r(&w->seed) % n;
}

/* A directory: one of the shared ones, or one that may be gone by now. */
static dxf_ino_t any_dir(struct worker *w)
{
	dxf_ino_t dir = dirs[pick(w, NDIRS)];
	struct dxf_attr a;
	char name[16];

	if (pick(w, 2))
		return dir;
	snprintf(name, sizeof(name), "n%d", pick(w, NNAMES));
	if (dxf_fs_lookup(x.fs, dir, name, &a) != 0)
		return dir;
	dxf_fs_forget(x.fs, a.ino, 1);
	return S_ISDIR(a.mode) ? a.ino : dir;
}

/* Everything that a race may end in. */
static void sensible(struct worker *w, const char *op, int err)
{
	static const int ok[] = { 0, -ENOENT, -EEXIST, -ENOTEMPTY, -EISDIR,
				  -ENOTDIR, -ESTALE, -EINVAL, -EPERM, -ENOSPC,
				  -EBUSY };

	w->successes += err == 0;
	for (size_t i = 0; i < DXF_ARRAY_SIZE(ok); i++) {
		if (err == ok[i])
			return;
	}
	ck_abort_msg("%s: error %d", op, err);
}

static void make(struct worker *w, dxf_ino_t dir, const char *name)
{
	static const mode_t types[] = { S_IFREG, S_IFREG, S_IFDIR, S_IFIFO };
	struct dxf_attr a;
	int err = dxf_fs_mknod(x.fs, &fsx_root, dir, name,
			       types[pick(w, 4)] | 0777, 0, &a);

	sensible(w, "create", err);
	if (err == 0)
		dxf_fs_forget(x.fs, a.ino, 1);
}

static void look(struct worker *w, dxf_ino_t dir, const char *name)
{
	struct dxf_attr a, b;
	int err = dxf_fs_lookup(x.fs, dir, name, &a);

	sensible(w, "lookup", err);
	if (err != 0)
		return;
	ck_assert_int_eq(dxf_fs_getattr(x.fs, a.ino, &b), 0);
	ck_assert_uint_eq(a.mode & S_IFMT, b.mode & S_IFMT);
	dxf_fs_forget(x.fs, a.ino, 1);
}

/* Write to a file by name, and keep it open for a while. */
static void use(struct worker *w, dxf_ino_t dir, const char *name)
{
	char buf[5000];
	struct dxf_attr a;

	if (w->open != 0) {
		ck_assert_int_ge(dxf_fs_read(x.fs, w->open, 0, buf, 100), 0);
		dxf_fs_release(x.fs, w->open);
		w->open = 0;
		return;
	}
	if (dxf_fs_lookup(x.fs, dir, name, &a) != 0)
		return;
	if (S_ISREG(a.mode) &&
	    dxf_fs_open_file(x.fs, a.ino, O_RDWR, false) == 0) {
		memset(buf, 'x', sizeof(buf));
		w->open = a.ino;
		sensible(w, "write", DXF_MIN((int)dxf_fs_write(x.fs, a.ino,
				(uint64_t)pick(w, 20000), buf, sizeof(buf), 0,
				&fsx_root), 0));
	}
	dxf_fs_forget(x.fs, a.ino, 1);
}

static void hardlink(struct worker *w, dxf_ino_t dir, const char *name)
{
	struct dxf_attr a, b;
	char to[16];
	int err;

	if (dxf_fs_lookup(x.fs, dir, name, &a) != 0)
		return;
	snprintf(to, sizeof(to), "n%d", pick(w, NNAMES));
	err = dxf_fs_link(x.fs, &fsx_root, a.ino, any_dir(w), to, &b);
	sensible(w, "link", err);
	dxf_fs_forget(x.fs, a.ino, err == 0 ? 2 : 1);
}

static void move(struct worker *w, dxf_ino_t dir, const char *name)
{
	static const unsigned int flags[] = { 0, 0, RENAME_NOREPLACE,
					      RENAME_EXCHANGE };
	char to[16];

	snprintf(to, sizeof(to), "n%d", pick(w, NNAMES));
	sensible(w, "rename", dxf_fs_rename(x.fs, &fsx_root, DXF_AT(dir, name),
					    DXF_AT(any_dir(w), to),
					    flags[pick(w, 4)]));
}

struct page {
	dxf_ino_t ino[64];
	int n;
};

static int take(void *ctx, const struct dxf_fs_dirent *de)
{
	struct page *p = ctx;

	if (p->n == (int)DXF_ARRAY_SIZE(p->ino))
		return 1;
	if (de->attr_valid)
		p->ino[p->n++] = de->ino;
	return 0;
}

static void list(struct worker *w, dxf_ino_t dir, const char *name)
{
	struct page p = { .n = 0 };

	sensible(w, "readdir", dxf_fs_readdir(x.fs, dir, 0, 50, take, &p));
	for (int i = 0; i < p.n; i++)
		dxf_fs_forget(x.fs, p.ino[i], 1);
}

static void remove_file(struct worker *w, dxf_ino_t dir, const char *name)
{
	sensible(w, "unlink", dxf_fs_unlink(x.fs, dir, name));
}

static void remove_dir(struct worker *w, dxf_ino_t dir, const char *name)
{
	sensible(w, "rmdir", dxf_fs_rmdir(x.fs, dir, name));
}

static void tmpfile_linked(struct worker *w, dxf_ino_t dir, const char *name)
{
	struct dxf_attr a, b;
	int err = dxf_fs_tmpfile(x.fs, &fsx_root, dir, 0600, &a);

	sensible(w, "tmpfile", err);
	if (err != 0)
		return;
	err = dxf_fs_link(x.fs, &fsx_root, a.ino, dir, name, &b);
	sensible(w, "link of a tmpfile", err);
	dxf_fs_release(x.fs, a.ino);
	dxf_fs_forget(x.fs, a.ino, err == 0 ? 2 : 1);
}

static void attributes(struct worker *w, dxf_ino_t dir, const char *name)
{
	struct dxf_setattr sa = { .valid = DXF_SET_MODE, .mode = 0700 };
	struct dxf_attr a, b;

	if (dxf_fs_lookup(x.fs, dir, name, &a) != 0)
		return;
	sensible(w, "chmod", dxf_fs_setattr(x.fs, a.ino, &sa, &fsx_root, &b));
	sensible(w, "setxattr", dxf_fs_setxattr(x.fs, a.ino, "trusted.x", name,
						2, 0, false, &fsx_root));
	dxf_fs_forget(x.fs, a.ino, 1);
}

static void *work(void *arg)
{
	static void (*const op[])(struct worker *w, dxf_ino_t dir,
				  const char *name) = {
		make, make, make, look, use, hardlink, move, move, move, list,
		remove_file, remove_file, remove_dir, tmpfile_linked,
		attributes,
	};
	struct worker *w = arg;
	char name[16];

	for (int i = 0; i < nops; i++) {
		snprintf(name, sizeof(name), "n%d", pick(w, NNAMES));
		op[pick(w, DXF_ARRAY_SIZE(op))](w, any_dir(w), name);
	}
	if (w->open != 0)
		dxf_fs_release(x.fs, w->open);
	return NULL;
}

START_TEST(test_threads_in_shared_directories_leave_sound_tree)
{
	struct worker w[NTHREADS] = { { .seed = 0 } };
	char name[16];

	fsx_make(&x, &fsx_images[_i % fsx_nimages]);
	fsx_mount(&x);
	for (int i = 0; i < NDIRS; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		dirs[i] = fsx_mkdir(&x, ROOT, name);
		fsx_hold(&x, dirs[i]);
	}
	for (int i = 0; i < NTHREADS; i++) {
		w[i].seed = (unsigned int)(_i * NTHREADS + i + 1);
		ck_assert_int_eq(pthread_create(&w[i].thread, NULL, work,
						&w[i]), 0);
	}
	for (int i = 0; i < NTHREADS; i++) {
		pthread_join(w[i].thread, NULL);
		ck_assert_uint_gt(w[i].successes, (uint64_t)nops / 10);
	}
	ck_assert_uint_eq(fsx_stats(&x).zombies, 0);
	ck_assert_uint_eq(fsx_stats(&x).inodes_open, 0);
	ck_assert_uint_eq(fsx_stats(&x).inodes_cached, NDIRS + 1);
	ck_assert_int_eq(x.messages, 0);
	fsx_finish(&x);
}
END_TEST

static void add(TCase *t)
{
	tcase_set_timeout(t, 280);
	tcase_add_loop_test(t,
		test_threads_in_shared_directories_leave_sound_tree, 0,
		2 * fsx_nimages);
}

int main(void)
{
	return run_tests("names-threads", add);
}
