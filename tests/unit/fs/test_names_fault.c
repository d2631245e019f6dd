/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each operation on names and attributes with the Nth allocation, guarded
 * load, persist call, host allocation or libext2fs call failing, N rising
 * until a clean pass: when it returns an error, nothing has changed on media
 * nor in memory, and it works the second time.
 */
#include "fs_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "ext2.h"
#include "fault.h"
#include "persist.h"
#include "txn.h"

#define ROOT	DXF_ROOT_INO

static const struct fsx_image images[] = {
	{ "ext2-1k", "-t ext2 -b 1024 -I 128 -N 128", 2 },
	{ "ext4-csum-1k", "-t ext4 -O ^has_journal,metadata_csum,64bit -b 1024 "
			  "-I 256 -N 128", 2 },
	{ "ext4-csum-4k", "-t ext4 -O ^has_journal,metadata_csum,64bit -b 4096 "
			  "-I 256 -N 128", 4 },
};
#define NIMAGES	((int)DXF_ARRAY_SIZE(images))

static struct fsx x;
/* What prepare() made; the same numbers in every pass. */
static dxf_ino_t a, b, full, acl, file, g, sub, link_ino;
static char long_name[256], long_target[300], value[700];

struct entry {
	uint16_t tag, perm;
	uint32_t id;
};
static const struct {
	uint32_t version;
	struct entry e[5];
} named = { 2, {
	{ 0x01, 6, ~0u }, { 0x02, 7, 500 }, { 0x04, 5, ~0u },
	{ 0x10, 5, ~0u }, { 0x20, 1, ~0u } } };

/* ---- the operations: each returns what the call returns ---- */

/* Give back the lookup that came with success. */
static int done(int err, const struct dxf_attr *at)
{
	if (err == 0)
		dxf_fs_forget(x.fs, at->ino, 1);
	return err;
}

static int make(dxf_ino_t dir, const char *name, mode_t mode)
{
	struct dxf_attr at;

	return done(dxf_fs_mknod(x.fs, &fsx_root, dir, name, mode, 5, &at),
		    &at);
}

static int no_length(ssize_t n)
{
	return n < 0 ? (int)n : 0;
}

static int do_lookup(void)
{
	struct dxf_attr at;

	return done(dxf_fs_lookup(x.fs, a, "f", &at), &at);
}

static int do_create(void)
{
	return make(a, "new", S_IFREG | 0666);
}

static int do_create_grows_directory(void)
{
	return make(full, long_name, S_IFREG | 0666);
}

static int do_create_acl(void)
{
	return make(acl, "new", S_IFREG | 0666);
}

static int do_mkdir(void)
{
	return make(a, "new", S_IFDIR | 0777);
}

static int do_mkdir_acl(void)
{
	return make(acl, "new", S_IFDIR | 0777);
}

static int do_mkfifo(void)
{
	return make(b, "new", S_IFIFO | 0777);
}

static int do_symlink(void)
{
	struct dxf_attr at;

	return done(dxf_fs_symlink(x.fs, &fsx_root, a, "new", "t", &at), &at);
}

static int do_symlink_slow(void)
{
	struct dxf_attr at;

	return done(dxf_fs_symlink(x.fs, &fsx_root, a, "new", long_target,
				   &at), &at);
}

static int do_tmpfile(void)
{
	struct dxf_attr at;
	int err = dxf_fs_tmpfile(x.fs, &fsx_root, a, 0600, &at);

	if (err == 0)
		dxf_fs_release(x.fs, at.ino);
	return done(err, &at);
}

static int do_link(void)
{
	struct dxf_attr at;

	return done(dxf_fs_link(x.fs, &fsx_root, file, b, "new", &at), &at);
}

static int do_unlink(void)
{
	return dxf_fs_unlink(x.fs, a, "g");
}

/* The zombie's blocks are freed in it: that may fail and come later. */
static int do_unlink_last(void)
{
	return dxf_fs_unlink(x.fs, a, "f");
}

static int do_unlink_symlink(void)
{
	return dxf_fs_unlink(x.fs, a, "slow");
}

static int do_rmdir(void)
{
	return dxf_fs_rmdir(x.fs, a, "sub");
}

static int do_rename(void)
{
	return dxf_fs_rename(x.fs, &fsx_root, DXF_AT(a, "f"), DXF_AT(b, "new"),
			     0);
}

static int do_rename_grows(void)
{
	return dxf_fs_rename(x.fs, &fsx_root, DXF_AT(a, "f"),
			     DXF_AT(full, long_name), 0);
}

static int do_rename_over(void)
{
	return dxf_fs_rename(x.fs, &fsx_root, DXF_AT(a, "slow"), DXF_AT(a, "f"),
			     0);
}

static int do_rename_directory(void)
{
	return dxf_fs_rename(x.fs, &fsx_root, DXF_AT(a, "sub"),
			     DXF_AT(b, "new"), 0);
}

static int do_rename_directory_over(void)
{
	return dxf_fs_rename(x.fs, &fsx_root, DXF_AT(a, "sub"),
			     DXF_AT(b, "sub"), 0);
}

static int do_exchange(void)
{
	return dxf_fs_rename(x.fs, &fsx_root, DXF_AT(a, "sub"), DXF_AT(b, "h"),
			     RENAME_EXCHANGE);
}

static int do_readlink(void)
{
	char buf[300];

	return no_length(dxf_fs_readlink(x.fs, link_ino, buf, 300));
}

static int count(void *ctx, const struct dxf_fs_dirent *de)
{
	++*(int *)ctx;
	return 0;
}

static int do_readdir(void)
{
	int n = 0, err = dxf_fs_readdir(x.fs, a, 0, false, count, &n);

	ck_assert(err != 0 || n == 6);
	return err;
}

static int set(dxf_ino_t ino, const char *name, const void *v, size_t len)
{
	return dxf_fs_setxattr(x.fs, ino, name, v, len, 0, false, &fsx_root);
}

static int do_setxattr(void)
{
	return set(file, "user.small", "1", 1);
}

static int do_setxattr_block(void)
{
	return set(file, "user.large", value, sizeof(value));
}

static int do_setxattr_replace(void)
{
	return set(g, "user.large", value, sizeof(value) - 99);
}

static int do_set_acl(void)
{
	return set(file, "system.posix_acl_access", &named, sizeof(named));
}

static int do_removexattr(void)
{
	return dxf_fs_removexattr(x.fs, g, "user.large");
}

static int do_getxattr(void)
{
	char buf[1024];

	return no_length(dxf_fs_getxattr(x.fs, g, "user.large", buf, 1024));
}

static int do_listxattr(void)
{
	char buf[1024];

	return no_length(dxf_fs_listxattr(x.fs, g, buf, 1024));
}

static int do_setflags(void)
{
	uint32_t f;
	int err = dxf_fs_getflags(x.fs, file, &f);

	return err != 0 ? err :
	       dxf_fs_setflags(x.fs, file, f | 0x40, &fsx_root);
}

static int do_lookup_ino(void)
{
	struct dxf_attr at;

	return done(dxf_fs_lookup_ino(x.fs, file, 0, &at), &at);
}

static const struct op {
	const char *name;
	int (*fn)(void);
} ops[] = {
	{ "lookup", do_lookup },
	{ "create", do_create },
	{ "create, grows", do_create_grows_directory },
	{ "create, acl", do_create_acl },
	{ "mkdir", do_mkdir },
	{ "mkdir, acl", do_mkdir_acl },
	{ "mkfifo", do_mkfifo },
	{ "symlink", do_symlink },
	{ "symlink, slow", do_symlink_slow },
	{ "tmpfile", do_tmpfile },
	{ "link", do_link },
	{ "unlink", do_unlink },
	{ "unlink, last", do_unlink_last },
	{ "unlink, symlink", do_unlink_symlink },
	{ "rmdir", do_rmdir },
	{ "rename", do_rename },
	{ "rename, grows", do_rename_grows },
	{ "rename over", do_rename_over },
	{ "rename directory", do_rename_directory },
	{ "rename directory over", do_rename_directory_over },
	{ "exchange", do_exchange },
	{ "readlink", do_readlink },
	{ "readdir", do_readdir },
	{ "setxattr", do_setxattr },
	{ "setxattr, block", do_setxattr_block },
	{ "setxattr, replace", do_setxattr_replace },
	{ "set acl", do_set_acl },
	{ "removexattr", do_removexattr },
	{ "getxattr", do_getxattr },
	{ "listxattr", do_listxattr },
	{ "setflags", do_setflags },
	{ "lookup by number", do_lookup_ino },
};
#define NOPS	((int)DXF_ARRAY_SIZE(ops))

/* ---- before and after ---- */

static void fill_directory(dxf_ino_t dir)
{
	uint64_t size = fsx_attr(&x, dir).size;
	char name[256];

	memcpy(name, long_name, sizeof(name));
	/* Until the next one would need a block more. */
	for (int i = 0; i < 100; i++) {
		snprintf(name, 4, "%03d", i);
		name[3] = 'n';
		fsx_create(&x, dir, name);
		if (fsx_attr(&x, dir).size > size) {
			ck_assert_int_eq(dxf_fs_unlink(x.fs, dir, name), 0);
			break;
		}
	}
	for (int i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		fsx_create(&x, dir, name);
	}
}

static void prepare(void)
{
	struct dxf_attr at;

	memset(long_name, 'n', 255);
	memset(long_target, 't', 299);
	memset(value, 'v', sizeof(value));
	fsx_mount(&x);
	a = fsx_mkdir(&x, ROOT, "a");
	b = fsx_mkdir(&x, ROOT, "b");
	acl = fsx_mkdir(&x, ROOT, "acl");
	ck_assert_int_eq(set(acl, "system.posix_acl_default", &named,
			     sizeof(named)), 0);
	file = fsx_create(&x, a, "f");
	fsx_write(&x, file, 0, 'f', 20000);
	g = fsx_create(&x, a, "g");
	ck_assert_int_eq(done(dxf_fs_link(x.fs, &fsx_root, g, b, "g2",
					  &at), &at), 0);
	ck_assert_int_eq(set(g, "user.large", value, sizeof(value)), 0);
	ck_assert_int_eq(dxf_fs_symlink(x.fs, &fsx_root, a, "slow",
					long_target, &at), 0);
	link_ino = at.ino;
	dxf_fs_forget(x.fs, link_ino, 1);
	sub = fsx_mkdir(&x, a, "sub");
	fsx_mkdir(&x, b, "sub");
	fsx_create(&x, b, "h");
	full = fsx_mkdir(&x, ROOT, "full");
	fill_directory(full);
	fsx_umount(&x);
}

struct state {
	uint64_t cached, open, zombies;
	uint64_t blocks, inodes;
};

static void get_state(struct state *s)
{
	struct dxf_fs_stats st = fsx_stats(&x);

	s->cached = st.inodes_cached;
	s->open = st.inodes_open;
	s->zombies = st.zombies;
	s->blocks = fsx_free_blocks(&x);
	s->inodes = fsx_free_inodes(&x);
}

static bool is_dead(void)
{
	return dxf_txnmgr_is_ro(dxf_ext2_txnmgr(dxf_fs_ext2(x.fs)));
}

/* e2fsck takes most of the time: not after each. */
static void unmount(uint64_t nth, bool hit)
{
	fsx_umount(&x);
	if (!hit || nth % 4 == 1 || getenv("DXF_FAULT_ALL") != NULL)
		fsx_check(&x);
}

static void failed(const struct op *op, const struct fsx_snap *snap,
		   const struct state *before, int err)
{
	struct state after;

	ck_assert_msg(err == -EIO || err == -ENOMEM || err == -ENOSPC ||
		      err == -EROFS, "%s: %d", op->name, err);
	get_state(&after);
	ck_assert_msg(memcmp(before, &after, sizeof(after)) == 0,
		      "%s: something stays in memory", op->name);
	fsx_same(&x, snap);
}

/* Returns: the fault was reached. */
static bool one_pass(const struct op *op, enum dxf_fault_kind kind,
		     uint64_t nth)
{
	struct state before;
	struct fsx_snap snap;
	bool hit;
	int err;

	fsx_mount(&x);
	/* What the kernel would hold while it asks. */
	fsx_hold(&x, a);
	if (nth % 2) {
		fsx_hold(&x, b);
		fsx_hold(&x, full);
		fsx_lookup(&x, full, "none");
		fsx_lookup(&x, a, "none");
	}
	get_state(&before);
	fsx_snap(&x, &snap);
	fsx_watch(&x);
	dxf_fault_arm(kind, nth);
	err = op->fn();
	hit = dxf_fault_disarm();
	if (!hit)
		ck_assert_msg(err == 0, "%s: %d", op->name, err);
	if (err != 0)
		failed(op, &snap, &before, err);
	if (is_dead()) {
		fsx_drop(&x);
		if (err != 0)
			fsx_same(&x, &snap);
	} else {
		/* Once more, now without a fault. */
		dxf_persist_set_hook(x.region, NULL, NULL);
		if (err != 0)
			ck_assert_msg(op->fn() == 0, "%s: the second time",
				      op->name);
		unmount(nth, hit);
	}
	dxf_persist_set_hook(x.region, NULL, NULL);
	fsx_snap_free(&snap);
	return hit;
}

/* Loop index: image, kind, operation. */
START_TEST(test_names_fault_changes_nothing)
{
	enum dxf_fault_kind kind = _i / NIMAGES % DXF_FAULT_NKINDS;
	const struct op *op = &ops[_i / NIMAGES / DXF_FAULT_NKINDS];
	struct fsx_snap snap;
	bool hit = true;

	fsx_make(&x, &images[_i % NIMAGES]);
	x.opts.lazytime = true;
	prepare();
	fsx_snap(&x, &snap);
	for (uint64_t nth = 1; hit; nth++) {
		ck_assert_uint_lt(nth, 2000);
		fsx_restore(&x, &snap);
		hit = one_pass(op, kind, nth);
	}
	fsx_snap_free(&snap);
	fsx_remove(&x);
}
END_TEST

static void add(TCase *t)
{
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, test_names_fault_changes_nothing, 0,
			    NIMAGES * DXF_FAULT_NKINDS * NOPS);
}

int main(void)
{
	return run_tests("names-fault", add);
}
