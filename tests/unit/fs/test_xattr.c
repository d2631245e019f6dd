/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Extended attributes: which are allowed where; ACLs and the mode. */
#include "fs_fixture.h"

#include <stdio.h>
#include <sys/xattr.h>

#define ROOT	DXF_ROOT_INO
#define ACCESS	"system.posix_acl_access"
#define DEFAULT	"system.posix_acl_default"

static struct fsx x;
static dxf_ino_t f, d, l;	/* a file, a directory, a symlink */

static void setup(int i)
{
	struct dxf_attr a;

	fsx_make(&x, &fsx_images[i]);
	fsx_mount(&x);
	f = fsx_create(&x, ROOT, "f");
	d = fsx_mkdir(&x, ROOT, "d");
	ck_assert_int_eq(dxf_fs_symlink(x.fs, &fsx_root, ROOT, "l", "t", &a), 0);
	l = a.ino;
	dxf_fs_forget(x.fs, l, 1);
}

static int set(dxf_ino_t ino, const char *name, const void *v, size_t len,
	       int flags)
{
	return dxf_fs_setxattr(x.fs, ino, name, v, len, flags, false,
			       &fsx_root);
}

static void has(dxf_ino_t ino, const char *name, const void *v, size_t len)
{
	char buf[4096];

	ck_assert_int_eq(dxf_fs_getxattr(x.fs, ino, name, NULL, 0),
			 (ssize_t)len);
	ck_assert_int_eq(dxf_fs_getxattr(x.fs, ino, name, buf, sizeof(buf)),
			 (ssize_t)len);
	ck_assert_mem_eq(buf, v, len);
}

START_TEST(test_xattr_set_get_list_remove)
{
	char buf[256];

	setup(_i);
	ck_assert_int_eq(set(f, "user.one", "1", 1, 0), 0);
	ck_assert_int_eq(set(f, "trusted.two", "22", 2, 0), 0);
	ck_assert_int_eq(set(f, "security.three", "333", 3, 0), 0);
	ck_assert_int_eq(set(f, "user.empty", "", 0, 0), 0);
	fsx_remount(&x);
	has(f, "user.one", "1", 1);
	has(f, "trusted.two", "22", 2);
	has(f, "security.three", "333", 3);
	has(f, "user.empty", "", 0);
	ck_assert_int_eq(dxf_fs_listxattr(x.fs, f, NULL, 0), 9 + 12 + 15 + 11);
	ck_assert_int_eq(dxf_fs_listxattr(x.fs, f, buf, sizeof(buf)),
			 9 + 12 + 15 + 11);
	ck_assert_int_eq(dxf_fs_listxattr(x.fs, f, buf, 5), -ERANGE);
	ck_assert_int_eq(dxf_fs_getxattr(x.fs, f, "trusted.two", buf, 1),
			 -ERANGE);
	ck_assert_int_eq(dxf_fs_removexattr(x.fs, f, "user.one"), 0);
	ck_assert_int_eq(dxf_fs_removexattr(x.fs, f, "user.one"), -ENODATA);
	ck_assert_int_eq(dxf_fs_getxattr(x.fs, f, "user.one", buf, 1),
			 -ENODATA);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_xattr_create_replace_flags)
{
	setup(_i);
	ck_assert_int_eq(set(f, "user.a", "1", 1, XATTR_REPLACE), -ENODATA);
	ck_assert_int_eq(set(f, "user.a", "1", 1, XATTR_CREATE), 0);
	ck_assert_int_eq(set(f, "user.a", "2", 1, XATTR_CREATE), -EEXIST);
	ck_assert_int_eq(set(f, "user.a", "3", 1, XATTR_REPLACE), 0);
	ck_assert_int_eq(set(f, "user.a", "3", 1, 4), -EINVAL);
	has(f, "user.a", "3", 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_xattr_namespaces)
{
	char buf[8], name[300];

	setup(_i);
	ck_assert_int_eq(set(l, "user.a", "1", 1, 0), -EPERM);
	ck_assert_int_eq(dxf_fs_getxattr(x.fs, l, "user.a", buf, 8), -ENODATA);
	ck_assert_int_eq(set(l, "trusted.a", "1", 1, 0), 0);
	has(l, "trusted.a", "1", 1);
	ck_assert_int_eq(set(d, "user.a", "1", 1, 0), 0);
	ck_assert_int_eq(set(f, "system.other", "1", 1, 0), -EOPNOTSUPP);
	ck_assert_int_eq(set(f, "nonsense.a", "1", 1, 0), -EOPNOTSUPP);
	ck_assert_int_eq(set(f, "user.", "1", 1, 0), -EINVAL);
	ck_assert_int_eq(set(f, "", "1", 1, 0), -ERANGE);
	memset(name, 'n', sizeof(name));
	memcpy(name, "user.", 5);
	name[256] = '\0';
	ck_assert_int_eq(set(f, name, "1", 1, 0), -ERANGE);
	name[255] = '\0';
	ck_assert_int_eq(set(f, name, "1", 1, 0), 0);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_xattr_on_symlink_keeps_target)
{
	char buf[128], v[300], target[200];
	struct dxf_attr a;

	setup(_i);
	memset(v, 'v', sizeof(v));
	memset(target, 't', sizeof(target));
	target[199] = '\0';
	/* With a block for attributes, both kinds of symlink. */
	ck_assert_int_eq(set(l, "trusted.a", v, sizeof(v), 0), 0);
	ck_assert_int_eq(dxf_fs_readlink(x.fs, l, buf, 128), 1);
	ck_assert_int_eq(dxf_fs_symlink(x.fs, &fsx_root, ROOT, "l2", target,
					&a), 0);
	ck_assert_int_eq(set(a.ino, "trusted.a", v, sizeof(v), 0), 0);
	ck_assert_int_eq(dxf_fs_readlink(x.fs, a.ino, target, 200), 199);
	fsx_remount(&x);
	ck_assert_int_eq(dxf_fs_readlink(x.fs, l, buf, 128), 1);
	ck_assert_int_eq(dxf_fs_readlink(x.fs, a.ino, target, 200), 199);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "l"), 0);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "l2"), 0);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_xattr_protected_file_eperm)
{
	uint32_t fl;

	setup(_i);
	ck_assert_int_eq(dxf_fs_getflags(x.fs, f, &fl), 0);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, f, fl | 0x10, &fsx_root), 0);
	ck_assert_int_eq(set(f, "user.a", "1", 1, 0), -EPERM);
	ck_assert_int_eq(dxf_fs_removexattr(x.fs, f, "user.a"), -EPERM);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, f, fl | 0x20, &fsx_root), 0);
	ck_assert_int_eq(set(f, "user.a", "1", 1, 0), -EPERM);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_xattr_changes_ctime)
{
	struct dxf_setattr sa = {
		.valid = DXF_SET_CTIME | DXF_SET_MTIME,
		.ctime = { 1000, 0 }, .mtime = { 1000, 0 },
	};
	struct dxf_attr a;

	setup(_i);
	ck_assert_int_eq(dxf_fs_setattr(x.fs, f, &sa, &fsx_root, &a), 0);
	ck_assert_int_eq(a.ctime.tv_sec, 1000);
	ck_assert_int_eq(set(f, "user.a", "1", 1, 0), 0);
	a = fsx_attr(&x, f);
	ck_assert_int_gt(a.ctime.tv_sec, 1000);
	ck_assert_int_eq(a.mtime.tv_sec, 1000);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_xattr_too_large_enospc_changes_nothing)
{
	static char v[65536];

	setup(_i);
	memset(v, 'v', sizeof(v));
	ck_assert_int_eq(set(f, "user.a", "1", 1, 0), 0);
	ck_assert_int_lt(set(f, "user.b", v, sizeof(v), 0), 0);
	has(f, "user.a", "1", 1);
	ck_assert_int_eq(dxf_fs_getxattr(x.fs, f, "user.b", NULL, 0), -ENODATA);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_xattr_block_is_freed_with_file)
{
	uint64_t blocks;
	char v[600];

	setup(_i);
	memset(v, 'v', sizeof(v));
	blocks = fsx_free_blocks(&x);
	ck_assert_int_eq(set(f, "user.a", v, sizeof(v), 0), 0);
	ck_assert_uint_eq(fsx_free_blocks(&x), blocks - 1);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "f"), 0);
	ck_assert_uint_eq(fsx_free_blocks(&x), blocks);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_xattr_user_off_is_hidden)
{
	char buf[64];

	setup(_i);
	ck_assert_int_eq(set(f, "user.a", "1", 1, 0), 0);
	ck_assert_int_eq(set(f, "trusted.a", "1", 1, 0), 0);
	x.opts.user_xattr = false;
	fsx_remount(&x);
	ck_assert_int_eq(set(f, "user.b", "1", 1, 0), -EOPNOTSUPP);
	ck_assert_int_eq(dxf_fs_getxattr(x.fs, f, "user.a", buf, 64),
			 -EOPNOTSUPP);
	ck_assert_int_eq(dxf_fs_listxattr(x.fs, f, buf, 64), 10);
	ck_assert_str_eq(buf, "trusted.a");
	fsx_finish(&x);
}
END_TEST

/* ---- ACLs ---- */

struct entry {
	uint16_t tag, perm;
	uint32_t id;
};
#define NONE	0xffffffffu
struct acl5 {
	uint32_t version;
	struct entry e[5];
};
struct acl3 {
	uint32_t version;
	struct entry e[3];
};

static const struct acl5 named = { 2, {
	{ 0x01, 6, NONE }, { 0x02, 7, 500 }, { 0x04, 5, NONE },
	{ 0x10, 5, NONE }, { 0x20, 1, NONE } } };
static const struct acl3 plain = { 2, {
	{ 0x01, 7, NONE }, { 0x04, 5, NONE }, { 0x20, 4, NONE } } };

START_TEST(test_acl_access_sets_mode)
{
	setup(_i);
	ck_assert_int_eq(set(f, ACCESS, &named, sizeof(named), 0), 0);
	ck_assert_uint_eq(fsx_attr(&x, f).mode, S_IFREG | 0651);
	fsx_remount(&x);
	has(f, ACCESS, &named, sizeof(named));
	ck_assert_int_eq(dxf_fs_removexattr(x.fs, f, ACCESS), 0);
	ck_assert_int_eq(dxf_fs_getxattr(x.fs, f, ACCESS, NULL, 0), -ENODATA);
	ck_assert_int_eq(dxf_fs_removexattr(x.fs, f, ACCESS), 0);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_acl_equivalent_is_not_stored)
{
	setup(_i);
	ck_assert_int_eq(set(f, ACCESS, &named, sizeof(named), 0), 0);
	ck_assert_int_eq(set(f, ACCESS, &plain, sizeof(plain), 0), 0);
	ck_assert_uint_eq(fsx_attr(&x, f).mode, S_IFREG | 0754);
	ck_assert_int_eq(dxf_fs_getxattr(x.fs, f, ACCESS, NULL, 0), -ENODATA);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_acl_malformed_einval)
{
	setup(_i);
	ck_assert_int_eq(set(f, ACCESS, &named, sizeof(named) - 3, 0), -EINVAL);
	ck_assert_int_eq(set(f, ACCESS, "xxxx", 4, 0), -EINVAL);
	ck_assert_int_eq(set(d, DEFAULT, &named, sizeof(named) - 8, 0),
			 -EINVAL);
	/* No entries: nothing to store. */
	ck_assert_int_eq(set(f, ACCESS, "\2\0\0\0", 4, 0), 0);
	ck_assert_int_eq(set(f, ACCESS, "", 0, 0), 0);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_acl_strips_setgid)
{
	struct dxf_setattr sa = { .valid = DXF_SET_MODE, .mode = 02770 };
	struct dxf_cred other = { .uid = 9, .gid = 9 };
	struct dxf_attr a;

	setup(_i);
	ck_assert_int_eq(dxf_fs_setattr(x.fs, f, &sa, &fsx_root, &a), 0);
	ck_assert_int_eq(set(f, ACCESS, &named, sizeof(named), 0), 0);
	ck_assert_uint_eq(fsx_attr(&x, f).mode, S_IFREG | 02651);
	ck_assert_int_eq(dxf_fs_setxattr(x.fs, f, ACCESS, &named,
					 sizeof(named), 0, true, &fsx_root), 0);
	ck_assert_uint_eq(fsx_attr(&x, f).mode, S_IFREG | 0651);
	ck_assert_int_eq(dxf_fs_setattr(x.fs, f, &sa, &fsx_root, &a), 0);
	ck_assert_int_eq(dxf_fs_setxattr(x.fs, f, ACCESS, &named,
					 sizeof(named), 0, false, &other), 0);
	ck_assert_uint_eq(fsx_attr(&x, f).mode, S_IFREG | 0651);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_acl_default_only_on_directories)
{
	setup(_i);
	ck_assert_int_eq(set(f, DEFAULT, &named, sizeof(named), 0), -EACCES);
	ck_assert_int_eq(dxf_fs_removexattr(x.fs, f, DEFAULT), 0);
	ck_assert_int_eq(set(l, ACCESS, &named, sizeof(named), 0),
			 -EOPNOTSUPP);
	ck_assert_int_eq(set(d, DEFAULT, &named, sizeof(named), 0), 0);
	has(d, DEFAULT, &named, sizeof(named));
	ck_assert_uint_eq(fsx_attr(&x, d).mode, S_IFDIR | 0755);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_acl_default_is_inherited)
{
	struct dxf_cred cred = { .umask = 077 };
	struct acl5 want = named;
	struct dxf_attr a;

	setup(_i);
	ck_assert_int_eq(set(d, DEFAULT, &named, sizeof(named), 0), 0);
	/* The umask does not count; the mode asked for masks the entries. */
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &cred, d, "f", S_IFREG | 0640, 0,
				      &a), 0);
	ck_assert_uint_eq(a.mode, S_IFREG | 0640);
	want.e[3].perm = 4;	/* the mask */
	want.e[4].perm = 0;
	has(a.ino, ACCESS, &want, sizeof(want));
	ck_assert_int_eq(dxf_fs_getxattr(x.fs, a.ino, DEFAULT, NULL, 0),
			 -ENODATA);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &cred, d, "d", S_IFDIR | 0777, 0,
				      &a), 0);
	ck_assert_uint_eq(a.mode, S_IFDIR | 0651);
	has(a.ino, DEFAULT, &named, sizeof(named));
	has(a.ino, ACCESS, &named, sizeof(named));
	ck_assert_int_eq(dxf_fs_symlink(x.fs, &cred, d, "l", "t", &a), 0);
	ck_assert_uint_eq(a.mode, S_IFLNK | 0777);
	ck_assert_int_eq(dxf_fs_tmpfile(x.fs, &cred, d, 0640, &a), 0);
	ck_assert_uint_eq(a.mode, S_IFREG | 0640);
	has(a.ino, ACCESS, &want, sizeof(want));
	dxf_fs_release(x.fs, a.ino);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_acl_default_plain_is_mode_alone)
{
	struct dxf_attr a;

	setup(_i);
	ck_assert_int_eq(set(d, DEFAULT, &plain, sizeof(plain), 0), 0);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, d, "f", S_IFREG | 0666,
				      0, &a), 0);
	ck_assert_uint_eq(a.mode, S_IFREG | 0644);
	ck_assert_int_eq(dxf_fs_getxattr(x.fs, a.ino, ACCESS, NULL, 0),
			 -ENODATA);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_acl_follows_chmod)
{
	struct dxf_setattr sa = { .valid = DXF_SET_MODE, .mode = 0704 };
	struct acl5 want = named;
	struct dxf_attr a;

	setup(_i);
	ck_assert_int_eq(set(f, ACCESS, &named, sizeof(named), 0), 0);
	ck_assert_int_eq(dxf_fs_setattr(x.fs, f, &sa, &fsx_root, &a), 0);
	want.e[0].perm = 7;
	want.e[3].perm = 0;
	want.e[4].perm = 4;
	has(f, ACCESS, &want, sizeof(want));
	fsx_finish(&x);
}
END_TEST

START_TEST(test_acl_off_is_not_supported)
{
	struct dxf_cred cred = { .umask = 077 };
	struct dxf_attr a;
	char buf[64];

	setup(_i);
	ck_assert_int_eq(set(d, DEFAULT, &named, sizeof(named), 0), 0);
	x.opts.acl = false;
	fsx_remount(&x);
	ck_assert_int_eq(set(f, ACCESS, &named, sizeof(named), 0),
			 -EOPNOTSUPP);
	ck_assert_int_eq(dxf_fs_getxattr(x.fs, d, DEFAULT, buf, 64),
			 -EOPNOTSUPP);
	ck_assert_int_eq(dxf_fs_listxattr(x.fs, d, buf, 64), 0);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &cred, d, "f", S_IFREG | 0666, 0,
				      &a), 0);
	ck_assert_uint_eq(a.mode, S_IFREG | 0600);
	fsx_finish(&x);
}
END_TEST

static void add(TCase *t)
{
	tcase_set_timeout(t, 120);
#define EACH(test)	tcase_add_loop_test(t, test, 0, fsx_nimages)
	EACH(test_xattr_set_get_list_remove);
	EACH(test_xattr_create_replace_flags);
	EACH(test_xattr_namespaces);
	EACH(test_xattr_on_symlink_keeps_target);
	EACH(test_xattr_protected_file_eperm);
	EACH(test_xattr_changes_ctime);
	EACH(test_xattr_too_large_enospc_changes_nothing);
	EACH(test_xattr_block_is_freed_with_file);
	EACH(test_xattr_user_off_is_hidden);
	EACH(test_acl_access_sets_mode);
	EACH(test_acl_equivalent_is_not_stored);
	EACH(test_acl_malformed_einval);
	EACH(test_acl_strips_setgid);
	EACH(test_acl_default_only_on_directories);
	EACH(test_acl_default_is_inherited);
	EACH(test_acl_default_plain_is_mode_alone);
	EACH(test_acl_follows_chmod);
	EACH(test_acl_off_is_not_supported);
}

int main(void)
{
	return run_tests("xattr", add);
}
