// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_features.c - which features open how, and what the message says.
 */
#include "core_rig.h"

#include <stdio.h>

enum set { COMPAT, INCOMPAT, RO_COMPAT };

static const struct {
	enum set set;
	uint32_t bit;
	int rw, ro;		/* results of opening */
	const char *says;	/* in the message of the refusal */
} cases[] = {
	{ COMPAT, EXT2_FEATURE_COMPAT_DIR_PREALLOC, 0, 0, "" },
	{ COMPAT, EXT2_FEATURE_COMPAT_IMAGIC_INODES, -EROFS, 0,
	  "imagic_inodes" },
	{ COMPAT, EXT4_FEATURE_COMPAT_STABLE_INODES, 0, 0, "" },
	{ COMPAT, EXT4_FEATURE_COMPAT_ORPHAN_FILE, 0, 0, "" },
	{ COMPAT, EXT2_FEATURE_COMPAT_EXCLUDE_BITMAP, -EROFS, 0,
	  "snapshot_bitmap" },
	{ COMPAT, 0x00800000, 0, 0, "" },
	{ INCOMPAT, EXT2_FEATURE_INCOMPAT_COMPRESSION, -EOPNOTSUPP,
	  -EOPNOTSUPP, "compression (only `mke2fs -O ^compression`" },
	{ INCOMPAT, EXT3_FEATURE_INCOMPAT_RECOVER, -EOPNOTSUPP, -EOPNOTSUPP,
	  "(needs_recovery): run `e2fsck -f " },
	{ INCOMPAT, EXT3_FEATURE_INCOMPAT_JOURNAL_DEV, -EOPNOTSUPP,
	  -EOPNOTSUPP, "journal_dev" },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_MMP, -EOPNOTSUPP, -EOPNOTSUPP,
	  "mmp (`tune2fs -O ^mmp " },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_EA_INODE, -EOPNOTSUPP, -EOPNOTSUPP,
	  "ea_inode" },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_DIRDATA, -EOPNOTSUPP, -EOPNOTSUPP,
	  "dirdata" },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_INLINE_DATA, -EOPNOTSUPP,
	  -EOPNOTSUPP, "inline_data" },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_ENCRYPT, -EOPNOTSUPP, -EOPNOTSUPP,
	  "encrypt" },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_CASEFOLD, -EOPNOTSUPP, -EOPNOTSUPP,
	  "casefold (`tune2fs -O ^casefold " },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_LARGEDIR, 0, 0, "" },
	{ INCOMPAT, 0x80000000, -EOPNOTSUPP, -EOPNOTSUPP,
	  "unknown incompat feature 0x80000000" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_HUGE_FILE, 0, 0, "" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_DIR_NLINK, 0, 0, "" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE, 0, 0, "" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_HAS_SNAPSHOT, -EROFS, 0,
	  "snapshot" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_QUOTA, -EROFS, 0,
	  "quota (`tune2fs -O ^quota " },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_PROJECT, -EROFS, 0, "project" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_BIGALLOC, -EOPNOTSUPP,
	  -EOPNOTSUPP, "bigalloc" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_READONLY, -EROFS, 0,
	  "read-only (`tune2fs -O ^read-only " },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS, -EROFS, 0,
	  "shared_blocks (`e2fsck -f -E unshare_blocks " },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_VERITY, -EROFS, 0, "verity" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT, -EROFS, 0,
	  "orphan_present" },
	{ RO_COMPAT, 0x40000000, -EROFS, 0,
	  "unknown ro_compat feature 0x40000000" },
};

/* Open as told; the message of a refusal must say @says. */
static void expect(struct core *c, bool ro, int want, const char *says)
{
	struct dxf_ext2_opts opts = { .ro = ro };
	struct dxf_err err;
	int ret;

	ret = core_try_open(c, &opts, &err);
	ck_assert_msg(ret == want, "%s: %d, not %d (%s)", says, ret, want,
		      err.text);
	if (ret == 0) {
		dxf_ext2_close(c->e2);
		dxf_txnmgr_close(c->mgr);
		return;
	}
	ck_assert_msg(strstr(err.text, says) != NULL, "\"%s\" lacks \"%s\"",
		      err.text, says);
}

static void make(struct core *c, const char *args)
{
	memset(c, 0, sizeof(*c));
	c->region = image_make(16 * DXF_MIB, args, true);
}

START_TEST(test_features_bit_opens_as_its_class_allows)
{
	struct ext2_super_block sb;
	struct core c;

	make(&c, "-t ext2 -b 1024");
	core_read_super(&c, &sb);
	switch (cases[_i].set) {
	case COMPAT:
		sb.s_feature_compat |= cases[_i].bit;
		break;
	case INCOMPAT:
		sb.s_feature_incompat |= cases[_i].bit;
		break;
	case RO_COMPAT:
		sb.s_feature_ro_compat |= cases[_i].bit;
		break;
	}
	core_write_super(&c, &sb);
	expect(&c, false, cases[_i].rw, cases[_i].says);
	expect(&c, true, cases[_i].ro, cases[_i].says);
	dxf_region_close(c.region);
}
END_TEST

/* What mke2fs itself makes with the feature. */
static const struct {
	const char *args;
	int rw, ro;
	const char *says;
} made[] = {
	{ "-t ext4 -O inline_data", -EOPNOTSUPP, -EOPNOTSUPP, "inline_data" },
	{ "-t ext4 -O encrypt", -EOPNOTSUPP, -EOPNOTSUPP, "encrypt" },
	{ "-t ext4 -O casefold", -EOPNOTSUPP, -EOPNOTSUPP, "casefold" },
	{ "-t ext4 -O bigalloc", -EOPNOTSUPP, -EOPNOTSUPP, "bigalloc" },
	{ "-t ext4 -O mmp", -EOPNOTSUPP, -EOPNOTSUPP, "mmp" },
	{ "-t ext4 -O ea_inode", -EOPNOTSUPP, -EOPNOTSUPP, "ea_inode" },
	{ "-O journal_dev -b 1024", -EOPNOTSUPP, -EOPNOTSUPP, "journal_dev" },
	{ "-t ext4 -O quota", -EROFS, 0, "quota" },
	{ "-t ext4 -O project,quota", -EROFS, 0, "project" },
	{ "-t ext4 -O verity", -EROFS, 0, "verity" },
	{ "-t ext4", 0, 0, "" },
	{ "-t ext3", 0, 0, "" },
	{ "-t ext4 -O ^has_journal", 0, 0, "" },
	{ "-t ext4 -O fast_commit", 0, 0, "" },
	{ "-t ext4 -O orphan_file", 0, 0, "" },
	{ "-t ext2 -O meta_bg,^resize_inode", 0, 0, "" },
	{ "-t ext2 -O sparse_super2,^resize_inode", 0, 0, "" },
	{ "-t ext2 -b 1024 -r 0", 0, 0, "" },
	{ "-t ext2 -o hurd", -EINVAL, -EINVAL, "Hurd" },
	{ "-t ext2 -b 8192", -EINVAL, -EINVAL, "4 KiB" },
};

START_TEST(test_features_as_mke2fs_makes_them)
{
	struct core c;

	make(&c, made[_i].args);
	expect(&c, false, made[_i].rw, made[_i].says);
	expect(&c, true, made[_i].ro, made[_i].says);
	dxf_region_close(c.region);
}
END_TEST

START_TEST(test_features_all_refused_are_named)
{
	struct ext2_super_block sb;
	struct core c;

	make(&c, "-t ext2 -b 1024");
	core_read_super(&c, &sb);
	sb.s_feature_incompat |= EXT4_FEATURE_INCOMPAT_ENCRYPT |
		EXT4_FEATURE_INCOMPAT_INLINE_DATA;
	core_write_super(&c, &sb);
	expect(&c, false, -EOPNOTSUPP, "encrypt");
	expect(&c, false, -EOPNOTSUPP, "inline_data");
	dxf_region_close(c.region);
}
END_TEST

START_TEST(test_features_external_journal_is_refused)
{
	struct ext2_super_block sb;
	struct core c;

	make(&c, "-t ext2 -b 1024");
	core_read_super(&c, &sb);
	sb.s_feature_compat |= EXT3_FEATURE_COMPAT_HAS_JOURNAL;
	sb.s_journal_dev = 0x801;
	core_write_super(&c, &sb);
	expect(&c, true, -EOPNOTSUPP, "`tune2fs -O ^has_journal ");
	dxf_region_close(c.region);
}
END_TEST

/* The commands that the messages name do what they say. */
START_TEST(test_features_tune2fs_makes_it_mountable)
{
	static const char *const commands[][2] = {
		{ "-t ext4 -O mmp", "tune2fs -O ^mmp $IMG" },
		{ "-t ext4 -O casefold", "tune2fs -O ^casefold $IMG" },
		{ "-t ext4 -O quota", "tune2fs -O ^quota $IMG" },
		{ "-t ext4 -O project,quota",
		  "tune2fs -O ^project,^quota $IMG" },
	};
	struct core c;
	char out[512];

	make(&c, commands[_i][0]);
	ck_assert_msg(image_run(c.region, commands[_i][1], true, out,
				sizeof(out)) == 0, "%s", out);
	expect(&c, false, 0, "");
	dxf_region_close(c.region);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("features");
	TCase *tc = tcase_create("features");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_features_bit_opens_as_its_class_allows, 0,
			    DXF_ARRAY_SIZE(cases));
	tcase_add_loop_test(tc, test_features_as_mke2fs_makes_them, 0,
			    DXF_ARRAY_SIZE(made));
	tcase_add_test(tc, test_features_all_refused_are_named);
	tcase_add_test(tc, test_features_external_journal_is_refused);
	tcase_add_loop_test(tc, test_features_tune2fs_makes_it_mountable, 0,
			    4);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return core_run(suite());
}
