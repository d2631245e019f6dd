// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_acl.c - conversion, mode, chmod and inheritance of ACLs, by vectors.
 */
#include <check.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"
#include "fault.h"

#define ACL_OF(...) make_acl((struct dxf_acl_entry[]){ __VA_ARGS__ }, \
	sizeof((struct dxf_acl_entry[]){ __VA_ARGS__ }) / \
	sizeof(struct dxf_acl_entry))

static struct dxf_acl *make_acl(const struct dxf_acl_entry *e, size_t n)
{
	struct dxf_acl *acl = malloc(sizeof(*acl) + n * sizeof(*e));

	ck_assert_ptr_nonnull(acl);
	acl->count = n;
	memcpy(acl->e, e, n * sizeof(*e));
	return acl;
}

static struct dxf_acl *full_acl(void)
{
	return ACL_OF({ ACL_USER_OBJ, 7, 0 }, { ACL_USER, 6, 1000 },
		      { ACL_USER, 4, 5 }, { ACL_GROUP_OBJ, 5, 0 },
		      { ACL_GROUP, 1, 70000 }, { ACL_MASK, 3, 0 },
		      { ACL_OTHER, 2, 0 });
}

static void assert_same(const struct dxf_acl *x, const struct dxf_acl *y)
{
	ck_assert_uint_eq(x->count, y->count);
	for (size_t i = 0; i < x->count; i++) {
		ck_assert_uint_eq(x->e[i].tag, y->e[i].tag);
		ck_assert_uint_eq(x->e[i].perm, y->e[i].perm);
		if (x->e[i].tag == ACL_USER || x->e[i].tag == ACL_GROUP)
			ck_assert_uint_eq(x->e[i].id, y->e[i].id);
	}
}

START_TEST(test_acl_xattr_round_trip_keeps_entries)
{
	struct dxf_acl *acl = full_acl(), *back = NULL;
	uint8_t buf[4 + 7 * 8];

	ck_assert_int_eq(dxf_acl_to_xattr(acl, NULL, 0), sizeof(buf));
	ck_assert_int_eq(dxf_acl_to_xattr(acl, buf, sizeof(buf)), sizeof(buf));
	ck_assert_int_eq(dxf_acl_from_xattr(buf, sizeof(buf), &back), 0);
	assert_same(acl, back);
	free(acl);
	free(back);
}
END_TEST

START_TEST(test_acl_disk_round_trip_keeps_entries)
{
	struct dxf_acl *acl = full_acl(), *back = NULL;
	uint8_t buf[4 + 4 * 4 + 3 * 8];

	ck_assert_int_eq(dxf_acl_to_disk(acl, NULL, 0), sizeof(buf));
	ck_assert_int_eq(dxf_acl_to_disk(acl, buf, sizeof(buf)), sizeof(buf));
	ck_assert_int_eq(dxf_acl_from_disk(buf, sizeof(buf), &back), 0);
	assert_same(acl, back);
	free(acl);
	free(back);
}
END_TEST

START_TEST(test_acl_disk_form_is_ext4s)
{
	static const uint8_t want[] = {
		1, 0, 0, 0,		/* version */
		1, 0, 6, 0,		/* user object */
		2, 0, 7, 0, 0xe8, 3, 0, 0,	/* user 1000 */
		4, 0, 4, 0,		/* group object */
		0x10, 0, 7, 0,		/* mask */
		0x20, 0, 4, 0,		/* other */
	};
	struct dxf_acl *acl = NULL;
	uint8_t buf[64];

	ck_assert_int_eq(dxf_acl_from_disk(want, sizeof(want), &acl), 0);
	ck_assert_uint_eq(acl->count, 5);
	ck_assert_uint_eq(acl->e[1].id, 1000);
	ck_assert_int_eq(dxf_acl_to_disk(acl, buf, sizeof(buf)), sizeof(want));
	ck_assert_mem_eq(buf, want, sizeof(want));
	free(acl);
}
END_TEST

START_TEST(test_acl_small_buffer_is_erange)
{
	struct dxf_acl *acl = full_acl();
	uint8_t buf[128];

	ck_assert_int_eq(dxf_acl_to_xattr(acl, buf, 4 + 7 * 8 - 1), -ERANGE);
	ck_assert_int_eq(dxf_acl_to_disk(acl, buf, 43), -ERANGE);
	free(acl);
}
END_TEST

/* The lengths at which the disk form of full_acl() ends between two entries
 * are no ACL either: what is needed is missing. */
START_TEST(test_acl_truncated_disk_form_is_einval)
{
	struct dxf_acl *acl = full_acl(), *back = NULL;
	uint8_t buf[44];

	ck_assert_int_eq(dxf_acl_to_disk(acl, buf, sizeof(buf)), sizeof(buf));
	ck_assert_int_eq(dxf_acl_from_disk(buf, _i, &back), -EINVAL);
	ck_assert_ptr_null(back);
	free(acl);
}
END_TEST

START_TEST(test_acl_truncated_xattr_form_is_einval)
{
	struct dxf_acl *acl = full_acl(), *back = NULL;
	uint8_t buf[60];

	ck_assert_int_eq(dxf_acl_to_xattr(acl, buf, sizeof(buf)), sizeof(buf));
	ck_assert_int_eq(dxf_acl_from_xattr(buf, _i, &back), -EINVAL);
	ck_assert_ptr_null(back);
	free(acl);
}
END_TEST

#define BASE(u, g, o) { ACL_USER_OBJ, u, 0 }, { ACL_GROUP_OBJ, g, 0 }, \
	{ ACL_OTHER, o, 0 }

static const struct {
	struct dxf_acl_entry e[6];
	size_t n;
} invalid[] = {
	/* out of order */
	{ { { ACL_GROUP_OBJ, 4, 0 }, { ACL_USER_OBJ, 4, 0 },
	    { ACL_OTHER, 4, 0 } }, 3 },
	/* no other */
	{ { { ACL_USER_OBJ, 4, 0 }, { ACL_GROUP_OBJ, 4, 0 } }, 2 },
	/* a named entry without a mask */
	{ { { ACL_USER_OBJ, 4, 0 }, { ACL_USER, 4, 1 },
	    { ACL_GROUP_OBJ, 4, 0 }, { ACL_OTHER, 4, 0 } }, 4 },
	/* the undefined id */
	{ { { ACL_USER_OBJ, 4, 0 }, { ACL_USER, 4, ~0u },
	    { ACL_GROUP_OBJ, 4, 0 }, { ACL_MASK, 4, 0 },
	    { ACL_OTHER, 4, 0 } }, 5 },
	/* a permission that is none */
	{ { BASE(8, 0, 0) }, 3 },
	/* a tag that is none */
	{ { { ACL_USER_OBJ, 4, 0 }, { ACL_GROUP_OBJ, 4, 0 }, { 0x40, 4, 0 },
	    { ACL_OTHER, 4, 0 } }, 4 },
	/* twice */
	{ { { ACL_USER_OBJ, 4, 0 }, BASE(4, 4, 4) }, 4 },
	/* something behind the end */
	{ { BASE(4, 4, 4), { ACL_OTHER, 4, 0 } }, 4 },
	{ { { ACL_OTHER, 0, 0 } }, 0 },
};

START_TEST(test_acl_invalid_is_einval)
{
	struct dxf_acl *acl = make_acl(invalid[_i].e, invalid[_i].n);
	struct dxf_acl *back = NULL;
	uint8_t buf[128];
	ssize_t len;

	len = dxf_acl_to_xattr(acl, buf, sizeof(buf));
	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(dxf_acl_from_xattr(buf, len, &back), -EINVAL);
	len = dxf_acl_to_disk(acl, buf, sizeof(buf));
	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(dxf_acl_from_disk(buf, len, &back), -EINVAL);
	ck_assert_ptr_null(back);
	free(acl);
}
END_TEST

START_TEST(test_acl_mode_minimal_is_equivalent)
{
	struct dxf_acl *acl = ACL_OF(BASE(7, 5, 1));
	bool equiv = false;

	ck_assert_uint_eq(dxf_acl_mode(acl, S_IFREG | 04000, &equiv),
			  S_IFREG | 04751);
	ck_assert(equiv);
	free(acl);
}
END_TEST

START_TEST(test_acl_mode_mask_stands_for_group)
{
	struct dxf_acl *acl = full_acl();
	bool equiv = true;

	ck_assert_uint_eq(dxf_acl_mode(acl, 0777, &equiv), 0732);
	ck_assert(!equiv);
	free(acl);
}
END_TEST

START_TEST(test_acl_chmod_changes_mask_not_group)
{
	struct dxf_acl *acl = full_acl();

	dxf_acl_chmod(acl, 0640);
	ck_assert_uint_eq(acl->e[0].perm, 6);
	ck_assert_uint_eq(acl->e[3].perm, 5);
	ck_assert_uint_eq(acl->e[5].perm, 4);
	ck_assert_uint_eq(acl->e[6].perm, 0);
	free(acl);
}
END_TEST

START_TEST(test_acl_create_masks_both_ways)
{
	struct dxf_acl *acl = full_acl();
	mode_t mode = S_IFREG | 0666;

	ck_assert(dxf_acl_create(acl, &mode));
	ck_assert_uint_eq(mode, S_IFREG | 0622);
	ck_assert_uint_eq(acl->e[0].perm, 6);
	ck_assert_uint_eq(acl->e[1].perm, 6);
	ck_assert_uint_eq(acl->e[3].perm, 5);
	ck_assert_uint_eq(acl->e[5].perm, 2);
	ck_assert_uint_eq(acl->e[6].perm, 2);
	free(acl);
}
END_TEST

START_TEST(test_acl_create_minimal_need_not_be_stored)
{
	struct dxf_acl *acl = ACL_OF(BASE(7, 5, 4));
	mode_t mode = 0666;

	ck_assert(!dxf_acl_create(acl, &mode));
	ck_assert_uint_eq(mode, 0644);
	free(acl);
}
END_TEST

START_TEST(test_acl_no_memory_is_enomem)
{
	struct dxf_acl *acl = full_acl(), *back = NULL;
	uint8_t buf[64];
	ssize_t len;

	len = dxf_acl_to_xattr(acl, buf, sizeof(buf));
	dxf_fault_arm(DXF_FAULT_ALLOC, 1);
	ck_assert_int_eq(dxf_acl_from_xattr(buf, len, &back), -ENOMEM);
	ck_assert(dxf_fault_disarm());
	len = dxf_acl_to_disk(acl, buf, sizeof(buf));
	dxf_fault_arm(DXF_FAULT_ALLOC, 1);
	ck_assert_int_eq(dxf_acl_from_disk(buf, len, &back), -ENOMEM);
	ck_assert(dxf_fault_disarm());
	ck_assert_ptr_null(back);
	free(acl);
}
END_TEST

/* Whatever the bytes are: an error, or an ACL that goes back to the same. */
START_TEST(test_acl_random_disk_bytes_never_overread)
{
	unsigned int seed = 1;

	for (int round = 0; round < 20000; round++) {
		size_t size = 4 + rand_r(&seed) % 60;
		uint8_t *buf = malloc(size), back[64];
		struct dxf_acl *acl = NULL;

		ck_assert_ptr_nonnull(buf);
		memset(buf, 0, size);
		buf[0] = 1;
		for (size_t i = 4; i + 4 <= size; i += 4) {
			buf[i] = 1 << rand_r(&seed) % 7;
			buf[i + 2] = rand_r(&seed) % 9;
		}
		if (!dxf_acl_from_disk(buf, size, &acl)) {
			ck_assert_int_eq(dxf_acl_to_disk(acl, back,
							 sizeof(back)), size);
			ck_assert_mem_eq(buf, back, size);
		}
		free(acl);
		free(buf);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("acl");
	TCase *tc = tcase_create("vectors");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, test_acl_xattr_round_trip_keeps_entries);
	tcase_add_test(tc, test_acl_disk_round_trip_keeps_entries);
	tcase_add_test(tc, test_acl_disk_form_is_ext4s);
	tcase_add_test(tc, test_acl_small_buffer_is_erange);
	tcase_add_loop_test(tc, test_acl_truncated_disk_form_is_einval, 0, 44);
	tcase_add_loop_test(tc, test_acl_truncated_xattr_form_is_einval, 0, 60);
	tcase_add_loop_test(tc, test_acl_invalid_is_einval, 0,
			    sizeof(invalid) / sizeof(invalid[0]));
	tcase_add_test(tc, test_acl_mode_minimal_is_equivalent);
	tcase_add_test(tc, test_acl_mode_mask_stands_for_group);
	tcase_add_test(tc, test_acl_chmod_changes_mask_not_group);
	tcase_add_test(tc, test_acl_create_masks_both_ways);
	tcase_add_test(tc, test_acl_create_minimal_need_not_be_stored);
	tcase_add_test(tc, test_acl_no_memory_is_enomem);
	tcase_add_test(tc, test_acl_random_disk_bytes_never_overread);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
