// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_acl_kernel.c - ACLs as the kernel's: what it accepts, and what chmod,
 * creation and the mode make of them, on a filesystem in memory of its own.
 *
 * Skipped (77) where that filesystem has no ACLs.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "acl.h"

#define ACCESS	"system.posix_acl_access"
#define DEFAULT	"system.posix_acl_default"
#define ROUNDS	3000

static char dir[] = "/dev/shm/dxf-acl-XXXXXX";
static char file[64], sub[64], inner[80];
static unsigned int seed;

static uint32_t rnd(uint32_t n)
{
	return rand_r(&seed) % n;
}

static size_t put(uint8_t *p, uint16_t tag, uint32_t id)
{
	uint16_t perm = rnd(8);

	/* ACLs are little endian, and so are we. */
	memcpy(p, &tag, 2);
	memcpy(p + 2, &perm, 2);
	memcpy(p + 4, &id, 4);
	return 8;
}

/* An ACL in the xattr form, valid. */
static size_t random_acl(uint8_t *buf)
{
	bool named = rnd(2);
	size_t len = 4;

	memcpy(buf, "\2\0\0\0", 4);
	len += put(buf + len, ACL_USER_OBJ, ~0u);
	for (uint32_t n = named ? rnd(4) : 0; n; n--)
		len += put(buf + len, ACL_USER, getuid());
	len += put(buf + len, ACL_GROUP_OBJ, ~0u);
	for (uint32_t n = named ? rnd(4) : 0; n; n--)
		len += put(buf + len, ACL_GROUP, getgid());
	if (named || rnd(2))
		len += put(buf + len, ACL_MASK, ~0u);
	return len + put(buf + len, ACL_OTHER, ~0u);
}

/* Spoil it a little. */
static size_t mutate(uint8_t *buf, size_t len)
{
	uint8_t *e = buf + 4 + rnd((len - 4) / 8) * 8;

	switch (rnd(5)) {
	case 0:
		e[0] = 1 << rnd(8);
		break;
	case 1:
		e[2] = rnd(16);
		break;
	case 2:
		memset(e + 4, 0xff, 4);
		break;
	case 3:
		memmove(e, e + 8, buf + len - e - 8);
		return len - 8;
	default:
		return len - rnd(8);
	}
	return len;
}

static void fresh_file(mode_t mode)
{
	int fd;

	unlink(file);
	fd = open(file, O_CREAT | O_EXCL | O_RDWR, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_mode;
}

/* The access ACL of @path is @acl, or it has none. */
static void assert_has(const char *path, const struct dxf_acl *acl)
{
	uint8_t want[512], have[512];
	ssize_t len = getxattr(path, ACCESS, have, sizeof(have));

	if (!acl) {
		ck_assert_int_eq(len, -1);
		ck_assert_int_eq(errno, ENODATA);
		return;
	}
	ck_assert_int_eq(len, dxf_acl_to_xattr(acl, want, sizeof(want)));
	ck_assert_mem_eq(have, want, len);
}

START_TEST(test_acl_kernel_accepts_what_we_accept)
{
	uint8_t buf[512];
	int accepted = 0;

	for (int i = 0; i < ROUNDS; i++) {
		size_t len = random_acl(buf);
		struct dxf_acl *acl = NULL;
		int ours, theirs;

		if (rnd(4))
			len = mutate(buf, len);
		/* No entry at all means "remove" to setxattr(2). */
		if (len <= 4)
			continue;
		ours = dxf_acl_from_xattr(buf, len, &acl);
		fresh_file(0600);
		theirs = setxattr(file, ACCESS, buf, len, 0);
		ck_assert_msg(!ours == !theirs, "round %d: %d, %d (%s)", i,
			      ours, theirs, strerror(errno));
		accepted += !ours;
		free(acl);
	}
	ck_assert_int_gt(accepted, ROUNDS / 8);
	ck_assert_int_lt(accepted, ROUNDS);
}
END_TEST

START_TEST(test_acl_kernel_mode_is_ours)
{
	uint8_t buf[512];

	for (int i = 0; i < ROUNDS; i++) {
		size_t len = random_acl(buf);
		struct dxf_acl *acl = NULL;
		mode_t mode;
		bool equiv;

		fresh_file(0640);
		ck_assert_int_eq(dxf_acl_from_xattr(buf, len, &acl), 0);
		mode = dxf_acl_mode(acl, mode_of(file), &equiv);
		ck_assert_int_eq(setxattr(file, ACCESS, buf, len, 0), 0);
		ck_assert_uint_eq(mode_of(file), mode);
		assert_has(file, equiv ? NULL : acl);
		free(acl);
	}
}
END_TEST

START_TEST(test_acl_kernel_chmod_is_ours)
{
	uint8_t buf[512];

	for (int i = 0; i < ROUNDS; i++) {
		size_t len = random_acl(buf);
		struct dxf_acl *acl = NULL;
		mode_t mode = rnd(01000);
		bool equiv;

		fresh_file(0600);
		ck_assert_int_eq(dxf_acl_from_xattr(buf, len, &acl), 0);
		dxf_acl_mode(acl, 0, &equiv);
		ck_assert_int_eq(setxattr(file, ACCESS, buf, len, 0), 0);
		ck_assert_int_eq(chmod(file, mode), 0);
		dxf_acl_chmod(acl, mode);
		assert_has(file, equiv ? NULL : acl);
		free(acl);
	}
}
END_TEST

START_TEST(test_acl_kernel_creation_is_ours)
{
	uint8_t buf[512];

	ck_assert_int_eq(mkdir(sub, 0700), 0);
	for (int i = 0; i < ROUNDS; i++) {
		size_t len = random_acl(buf);
		struct dxf_acl *acl = NULL;
		mode_t mode = S_IFREG | rnd(01000);
		bool store;
		int fd;

		ck_assert_int_eq(dxf_acl_from_xattr(buf, len, &acl), 0);
		ck_assert_int_eq(setxattr(sub, DEFAULT, buf, len, 0), 0);
		fd = open(inner, O_CREAT | O_EXCL | O_WRONLY, mode & 0777);
		ck_assert_int_ge(fd, 0);
		close(fd);
		store = dxf_acl_create(acl, &mode);
		ck_assert_uint_eq(mode_of(inner), mode);
		assert_has(inner, store ? acl : NULL);
		ck_assert_int_eq(unlink(inner), 0);
		free(acl);
	}
}
END_TEST

static void setup(void)
{
	seed = 4711;
}

static void remove_all(void)
{
	unlink(inner);
	rmdir(sub);
	unlink(file);
	rmdir(dir);
}

static bool has_acls(void)
{
	static const char empty[4] = { 2 };

	if (!mkdtemp(dir))
		return false;
	snprintf(file, sizeof(file), "%s/file", dir);
	snprintf(sub, sizeof(sub), "%s/sub", dir);
	snprintf(inner, sizeof(inner), "%s/inner", sub);
	return !setxattr(dir, ACCESS, empty, sizeof(empty), 0) ||
		errno != EOPNOTSUPP;
}

int main(void)
{
	Suite *s = suite_create("acl-kernel");
	TCase *tc = tcase_create("kernel");
	SRunner *sr;
	int failed;

	if (!has_acls()) {
		printf("skipped: no ACLs in /dev/shm\n");
		remove_all();
		return 77;
	}
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_acl_kernel_accepts_what_we_accept);
	tcase_add_test(tc, test_acl_kernel_mode_is_ours);
	tcase_add_test(tc, test_acl_kernel_chmod_is_ours);
	tcase_add_test(tc, test_acl_kernel_creation_is_ours);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	remove_all();
	return failed ? 1 : 0;
}
