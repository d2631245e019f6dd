// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * core_rig.c - a filesystem for the tests of superblock, allocators and inode
 * slots.
 */
#include "core_rig.h"

#include <stdio.h>

#include "hash.h"

const struct core_config core_configs[] = {
	{ "ext2 1k i128", "-t ext2 -b 1024 -I 128", 20 },
	{ "ext2 1k i256", "-t ext2 -b 1024 -I 256", 20 },
	{ "ext2 2k i128", "-t ext2 -b 2048 -I 128", 20 },
	{ "ext2 4k i128", "-t ext2 -b 4096 -I 128", 20 },
	{ "ext2 4k i256", "-t ext2 -b 4096 -I 256 -g 2048", 20 },
	{ "ext2 rev0", "-t ext2 -r 0 -b 1024 -g 2048", 16 },
	{ "ext2 plain", "-t ext2 -b 1024 -O none -g 1024 -N 2048", 16 },
	{ "ext2 journal", "-t ext3 -b 1024 -J size=1", 20 },
	{ "ext4", "-t ext4 -O ^has_journal,^metadata_csum,uninit_bg", 20 },
	{ "ext4 csum", "-t ext4 -O ^has_journal,metadata_csum", 20 },
	{ "ext4 csum 32", "-t ext4 -O ^has_journal,metadata_csum,^64bit "
	  "-b 1024", 20 },
	{ "ext4 csum many", "-t ext4 -b 1024 -g 1024 "
	  "-O ^has_journal,metadata_csum,metadata_csum_seed,^resize_inode "
	  "-G 8", 20 },
	{ "ext4 uninit 32", "-t ext4 -b 1024 -g 2048 "
	  "-O ^has_journal,^metadata_csum,uninit_bg,^64bit,^flex_bg", 20 },
	{ "ext4 no flex", "-t ext4 -b 1024 -g 2048 "
	  "-O ^has_journal,^flex_bg,metadata_csum", 20 },
	{ "meta_bg", "-t ext4 -b 1024 -g 512 "
	  "-O ^has_journal,meta_bg,^resize_inode,metadata_csum", 20 },
	{ "meta_bg 32", "-t ext2 -b 1024 -g 512 -O meta_bg,^resize_inode",
	  20 },
	{ "sparse_super2", "-t ext4 -b 1024 -g 1024 "
	  "-O ^has_journal,sparse_super2,^resize_inode", 20 },
	{ "large_dir", "-t ext4 -O ^has_journal,large_dir,metadata_csum "
	  "-I 512", 20 },
};
const int core_nconfigs = DXF_ARRAY_SIZE(core_configs);

static void count_message(void *ctx, enum dxf_log_level level,
			  const char *text)
{
	struct core *c = ctx;

	c->messages++;
	snprintf(c->last, sizeof(c->last), "%s", text);
}

int core_try_open(struct core *c, const struct dxf_ext2_opts *opts,
		  struct dxf_err *err)
{
	int ret;

	err->text[0] = '\0';
	ret = dxf_txnmgr_open(&c->mgr, c->region);
	if (ret == 0)
		ret = dxf_ext2_open(&c->e2, c->mgr, opts, err);
	if (ret < 0) {
		dxf_txnmgr_close(c->mgr);
		c->mgr = NULL;
		c->e2 = NULL;
		return ret;
	}
	c->g = dxf_ext2_geom(c->e2);
	dxf_ext2_counts(c->e2, &c->start);
	return 0;
}

static void open_rw(struct core *c)
{
	struct dxf_ext2_opts opts = { .errors = DXF_ERRORS_SUPER };
	struct dxf_err err;

	if (core_try_open(c, &opts, &err) != 0)
		ck_abort_msg("open: %s", err.text);
}

void core_open(struct core *c, const char *args, unsigned int mib)
{
	memset(c, 0, sizeof(*c));
	dxf_log_set_sink(count_message, c);
	c->region = image_make(mib * DXF_MIB, args, true);
	open_rw(c);
}

void core_open_config(struct core *c, int config)
{
	ck_assert_int_lt(config, core_nconfigs);
	core_open(c, core_configs[config].args, core_configs[config].mib);
}

static void shut(struct core *c)
{
	dxf_ext2_close(c->e2);
	dxf_txnmgr_close(c->mgr);
	c->e2 = NULL;
	c->mgr = NULL;
}

void core_reopen(struct core *c)
{
	shut(c);
	open_rw(c);
}

void core_close(struct core *c)
{
	shut(c);
	dxf_region_close(c->region);
	dxf_log_set_sink(NULL, NULL);
}

void core_close_clean(struct core *c)
{
	core_check_memory(c);
	ck_assert_int_eq(dxf_ext2_mark_clean(c->e2), 0);
	shut(c);
	ck_assert(image_is_clean(c->region));
	dxf_region_close(c->region);
	dxf_log_set_sink(NULL, NULL);
}

struct dxf_txn *core_begin(struct core *c)
{
	struct dxf_txn *t;

	ck_assert_int_eq(dxf_txn_begin(c->mgr, 0, &t), 0);
	return t;
}

void core_commit(struct dxf_txn *t)
{
	ck_assert_int_eq(dxf_txn_commit(t), 0);
}

void core_read_super(struct core *c, struct ext2_super_block *sb)
{
	ck_assert_int_eq(dxf_load(c->region, DXF_SUPER_OFF, sb, sizeof(*sb)),
			 0);
}

void core_write_super(struct core *c, struct ext2_super_block *sb)
{
	if (ext2fs_has_feature_metadata_csum(sb))
		sb->s_checksum = dxf_super_csum(sb);
	ck_assert_int_eq(dxf_persist_copy(c->region, DXF_SUPER_OFF, sb,
					  sizeof(*sb), 0), 0);
}

bool core_block_used(struct core *c, dxf_blk_t blk)
{
	uint32_t group = dxf_group_of_blk(c->e2, blk);
	uint32_t bit = (uint32_t)(blk - dxf_group_first(c->e2, group));
	const struct dxf_group *g = &c->e2->groups[group];
	uint8_t byte;

	if ((g->flags & EXT2_BG_BLOCK_UNINIT) != 0)
		return dxf_ext2_is_fixed_block(c->e2, blk, 1);
	CORE_CHECK(dxf_load(c->region,
			    dxf_blk_off(c->g, g->block_bitmap) + bit / 8,
			    &byte, 1) == 0);
	return byte >> bit % 8 & 1;
}

static uint32_t count_free(struct core *c, uint32_t group)
{
	uint32_t n = dxf_group_nblocks(c->e2, group), nfree = 0;
	const struct dxf_group *g = &c->e2->groups[group];
	static uint64_t map[512];

	if ((g->flags & EXT2_BG_BLOCK_UNINIT) != 0) {
		for (uint32_t i = 0; i < n; i++)
			nfree += !dxf_ext2_is_fixed_block(c->e2,
					dxf_group_first(c->e2, group) + i, 1);
		return nfree;
	}
	CORE_CHECK(dxf_load(c->region, dxf_blk_off(c->g, g->block_bitmap),
			    map, c->g->block_size) == 0);
	for (uint32_t i = 0; i < n; i++)
		nfree += !(map[i / 64] >> i % 64 & 1);
	return nfree;
}

static void check_group(struct core *c, uint32_t group)
{
	const struct dxf_group *g = &c->e2->groups[group];
	struct dxf_desc d;

	CORE_CHECK(dxf_desc_read(c->e2, group, &d) == 0);
	CORE_CHECK(dxf_desc_free_blocks(c->e2, &d) == g->free_blocks);
	CORE_CHECK(dxf_desc_free_inodes(c->e2, &d) == g->free_inodes);
	CORE_CHECK(dxf_desc_used_dirs(c->e2, &d) == g->used_dirs);
	CORE_CHECK(dxf_desc_itable_unused(c->e2, &d) ==
		   g->itable_unused);
	CORE_CHECK(dxf_desc_flags(c->e2, &d) == g->flags);
	if (c->e2->has_gdt_csum)
		CORE_CHECK(d.d.bg_checksum == dxf_desc_csum(c->e2, &d));
	CORE_CHECK(count_free(c, group) == g->free_blocks);
	CORE_CHECK(g->nresv == 0);
	CORE_CHECK(g->nquar == 0);
	CORE_CHECK(g->resv == NULL);
	CORE_CHECK(g->soft == NULL);
}

void core_check_memory(struct core *c)
{
	uint64_t blocks = 0, inodes = 0, dirs = 0;

	for (uint32_t i = 0; i < c->g->ngroups; i++) {
		check_group(c, i);
		blocks += c->e2->groups[i].free_blocks;
		inodes += c->e2->groups[i].free_inodes;
		dirs += c->e2->groups[i].used_dirs;
	}
	ck_assert_uint_eq(c->e2->free_blocks, blocks);
	ck_assert_uint_eq(c->e2->free_inodes, inodes);
	ck_assert_uint_eq(c->e2->used_dirs, dirs);
	ck_assert_uint_eq(c->e2->reserved, 0);
}

void core_assert_same(struct core *c, const void *snapshot)
{
	void *now = image_snapshot(c->region);

	ck_assert_int_eq(memcmp(now, snapshot, dxf_region_size(c->region)), 0);
	free(now);
}

uint32_t core_random(uint64_t *state)
{
	return (uint32_t)(dxf_hash_u64(++*state) >> 16);
}

int core_run(Suite *s)
{
	SRunner *sr = srunner_create(s);
	int failed;

	if (!image_tools_present()) {
		fprintf(stderr, "skipped: no e2fsprogs\n");
		srunner_free(sr);
		return 77;
	}
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
