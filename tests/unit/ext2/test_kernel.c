// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_kernel.c - directories and extended attributes shared with the kernel:
 * what one of the two writes the other reads, through a loop mount.
 *
 * Skipped (77) without root or loop mounts.
 */
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "dir_rig.h"
#include "xattr.h"

#define NAMES	5000

static struct rig r;
static char mnt[] = "/tmp/dxf-mnt-XXXXXX";

static const char *const configs[] = {
	"-t ext4 -b 4096 -O ^has_journal",
	"-t ext4 -b 1024 -O ^has_journal",
	"-t ext4 -b 1024 -O ^has_journal,^extent,^64bit",
	"-t ext4 -b 1024 -O ^has_journal,^metadata_csum",
	"-t ext2 -b 1024 -O ^dir_index",
	"-t ext2 -b 4096 -I 128",
};

#define NCONFIGS	(sizeof(configs) / sizeof(configs[0]))

static void mount_image(void)
{
	ck_assert_int_eq(rig_run("mount -o loop,user_xattr,acl %s %s", r.path,
				 mnt), 0);
}

static void umount_image(void)
{
	ck_assert_int_eq(rig_run("umount %s", mnt), 0);
}

static void path_of(uint32_t i, char path[400])
{
	char name[256];
	size_t len = rig_name(&r, i, name);

	snprintf(path, 400, "%s/d/%.*s", mnt, (int)len, name);
}

static void kernel_links(uint32_t from, uint32_t to)
{
	char path[400], file[64];

	snprintf(file, sizeof(file), "%s/file0", mnt);
	for (uint32_t i = from; i < to; i++) {
		path_of(i, path);
		ck_assert_int_eq(link(file, path), 0);
		r.model[i] = r.file[0];
		r.nlink[0]++;
	}
}

static void kernel_unlinks(uint32_t step)
{
	char path[400];

	for (uint32_t i = 0; i < NAMES; i += step) {
		if (!r.model[i])
			continue;
		path_of(i, path);
		ck_assert_int_eq(unlink(path), 0);
		for (int f = 0; f < RIG_FILES; f++)
			r.nlink[f] -= r.file[f] == r.model[i];
		r.model[i] = 0;
	}
}

/* The kernel sees the names of the model, and no others. */
static void kernel_verify(void)
{
	char path[400];
	struct dirent *de;
	struct stat st;
	int n = 0, want = 2;
	DIR *d;

	for (uint32_t i = 0; i < NAMES; i++) {
		path_of(i, path);
		if (!r.model[i]) {
			ck_assert_int_eq(stat(path, &st), -1);
			ck_assert_int_eq(errno, ENOENT);
			continue;
		}
		want++;
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_uint_eq(st.st_ino, r.model[i]);
	}
	snprintf(path, sizeof(path), "%s/d", mnt);
	d = opendir(path);
	ck_assert_ptr_nonnull(d);
	errno = 0;
	while ((de = readdir(d)))
		n++;
	ck_assert_int_eq(errno, 0);
	closedir(d);
	ck_assert_int_eq(n, want);
}

START_TEST(test_kernel_directories_go_back_and_forth)
{
	rig_open(&r, configs[_i], 64, NAMES);
	rig_check(&r);
	mount_image();
	kernel_links(0, NAMES - 500);
	umount_image();

	rig_reopen(&r);
	ck_assert_int_eq(!(r.dir.di.flags & EXT2_INDEX_FL),
			 !r.g->has_dir_index);
	rig_verify(&r);
	for (uint32_t i = 0; i < NAMES; i += 2)
		ck_assert_int_eq(rig_step(&r, i, true), 0);
	rig_verify(&r);
	rig_check(&r);

	mount_image();
	kernel_verify();
	kernel_unlinks(3);
	kernel_verify();
	umount_image();

	rig_reopen(&r);
	rig_verify(&r);
	ck_assert_int_eq(r.messages, 0);
	rig_check(&r);
	rig_reopen(&r);
	rig_drop(&r);
}
END_TEST

/* ---- extended attributes ---- */

static const char *const names[] = {
	"user.a", "user.longer_name", "trusted.t", "security.dxf", "user.b",
	"user.\xc3\xa4\xff", "trusted.another",
};

#define NXATTRS	(sizeof(names) / sizeof(names[0]))

static const uint8_t acl[] = {
	2, 0, 0, 0,
	1, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
	2, 0, 6, 0, 0xe8, 3, 0, 0,
	4, 0, 5, 0, 0xff, 0xff, 0xff, 0xff,
	8, 0, 1, 0, 7, 0, 0, 0,
	16, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
	32, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
};

static size_t value_of(int i, int generation, uint8_t value[200])
{
	size_t len = i * 23 + generation * 3;

	for (size_t k = 0; k < len; k++)
		value[k] = k * 5 + i + generation;
	return len;
}

static void our_set(struct dxf_node *n, const char *name, const void *value,
		    size_t len)
{
	struct dxf_dinode di = n->di;
	struct dxf_txn *t = rig_begin(&r);

	ck_assert_int_eq(dxf_xattr_set(n, &di, t, name, value, len, 0, 0), 0);
	ck_assert_int_eq(dxf_dinode_write(r.e2, t, n->ino, &di), 0);
	ck_assert_int_eq(dxf_txn_commit(t), 0);
	n->di = di;
}

static void open_node(struct dxf_node *n)
{
	dxf_node_init(n, r.e2, r.file[0]);
	ck_assert_int_eq(dxf_dinode_read(r.e2, n->ino, &n->di), 0);
}

START_TEST(test_kernel_xattrs_go_back_and_forth)
{
	uint8_t value[200], back[400];
	struct dxf_node n;
	char file[64];
	size_t len;

	rig_open(&r, configs[_i], 64, 1);
	open_node(&n);
	for (size_t i = 0; i < NXATTRS; i++) {
		len = value_of(i, 0, value);
		our_set(&n, names[i], value, len);
	}
	our_set(&n, "system.posix_acl_access", acl, sizeof(acl));
	dxf_node_fini(&n);
	rig_check(&r);

	mount_image();
	snprintf(file, sizeof(file), "%s/file0", mnt);
	for (size_t i = 0; i < NXATTRS; i++) {
		len = value_of(i, 0, value);
		ck_assert_int_eq(getxattr(file, names[i], back, sizeof(back)),
				 len);
		ck_assert_mem_eq(back, value, len);
		len = value_of(i, 1, value);
		ck_assert_int_eq(i % 2 ? setxattr(file, names[i], value, len,
						  0) :
				 removexattr(file, names[i]), 0);
	}
	ck_assert_int_eq(getxattr(file, "system.posix_acl_access", back,
				  sizeof(back)), sizeof(acl));
	ck_assert_mem_eq(back, acl, sizeof(acl));
	back[4 + 2] = 5;
	ck_assert_int_eq(setxattr(file, "system.posix_acl_access", back,
				  sizeof(acl), 0), 0);
	umount_image();

	rig_reopen(&r);
	open_node(&n);
	for (size_t i = 0; i < NXATTRS; i++) {
		ssize_t got = dxf_xattr_get(&n, &n.di, names[i], back,
					    sizeof(back));

		len = value_of(i, 1, value);
		ck_assert_int_eq(got, i % 2 ? (ssize_t)len : -ENODATA);
		if (got > 0)
			ck_assert_mem_eq(back, value, len);
	}
	ck_assert_int_eq(dxf_xattr_get(&n, &n.di, "system.posix_acl_access",
				       back, sizeof(back)), sizeof(acl));
	ck_assert_uint_eq(back[4 + 2], 5);
	ck_assert_int_eq(r.messages, 0);
	dxf_node_fini(&n);
	rig_check(&r);
	rig_reopen(&r);
	rig_drop(&r);
}
END_TEST

/* The kernel lets files with the same attributes share a block. */
START_TEST(test_kernel_shared_xattr_block_is_kept_right)
{
	uint8_t value[150] = { 7 }, back[200];
	char file[64];
	struct dxf_node n;

	rig_open(&r, "-t ext4 -b 1024 -I 128 -O ^has_journal", 16, 1);
	rig_check(&r);
	mount_image();
	for (int i = 0; i < 3; i++) {
		snprintf(file, sizeof(file), "%s/file%d", mnt, i);
		ck_assert_int_eq(setxattr(file, "user.same", value,
					  sizeof(value), 0), 0);
	}
	umount_image();

	rig_reopen(&r);
	open_node(&n);
	our_set(&n, "user.other", "x", 1);
	ck_assert_int_eq(dxf_xattr_get(&n, &n.di, "user.same", back,
				       sizeof(back)), sizeof(value));
	dxf_node_fini(&n);
	rig_check(&r);
	mount_image();
	for (int i = 0; i < 3; i++) {
		snprintf(file, sizeof(file), "%s/file%d", mnt, i);
		ck_assert_int_eq(getxattr(file, "user.same", back,
					  sizeof(back)), sizeof(value));
		ck_assert_int_eq(getxattr(file, "user.other", back,
					  sizeof(back)), i ? -1 : 1);
	}
	umount_image();
	rig_reopen(&r);
	rig_drop(&r);
}
END_TEST

static void umount_left(void)
{
	rig_run("umount %s 2>/dev/null", mnt);
}

/*
 * In a mount namespace of its own: else a program that is started meanwhile in
 * a new namespace keeps our mount alive, and umount does not write the image.
 */
static bool can_mount(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		!rig_run("f=$(mktemp /dev/shm/dxf-try-XXXXXX) && { mke2fs -q -F -t ext4 -O ^has_journal $f 2M && mount -o loop $f %s && umount %s; r=$?; rm -f $f; exit $r; } >/dev/null 2>&1",
			 mnt, mnt);
}

int main(void)
{
	Suite *s = suite_create("kernel");
	TCase *tc = tcase_create("kernel");
	SRunner *sr;
	int failed;

	if (!mkdtemp(mnt))
		return 1;
	if (!can_mount()) {
		printf("skipped: needs root and loop mounts\n");
		rmdir(mnt);
		return 77;
	}
	tcase_set_timeout(tc, 120);
	tcase_add_unchecked_fixture(tc, NULL, umount_left);
	tcase_add_loop_test(tc, test_kernel_directories_go_back_and_forth, 0,
			    NCONFIGS);
	tcase_add_loop_test(tc, test_kernel_xattrs_go_back_and_forth, 0,
			    NCONFIGS);
	tcase_add_test(tc, test_kernel_shared_xattr_block_is_kept_right);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	umount_left();
	rmdir(mnt);
	return failed ? 1 : 0;
}
