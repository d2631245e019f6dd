// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * open.c - opening: one check after the other, each on what those before it
 * found sane.
 *
 *	magic, features		what the other fields mean
 *	geometry		our own bounds, believing nothing
 *	checksum, state
 *	libext2fs		its own validation; where descriptors are
 *	descriptors, overlaps
 */
#include "open.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "detect.h"
#include "groups.h"
#include "libext2fs.h"
#include "log.h"
#include "super.h"

static int read_super(struct dxf_ext2 *e2, struct ext2_super_block *sb,
		      struct dxf_err *err)
{
	int ret;

	if (dxf_region_size(e2->region) < DXF_SUPER_OFF + sizeof(*sb))
		return dxf_err_set(err, EINVAL,
			"the image is too small for a filesystem; `mke2fs -t ext2 %s` makes one",
			dxf_super_path(e2));
	ret = dxf_super_read(e2->txnmgr, sb);
	if (ret < 0)
		return dxf_err_set(err, -ret,
				   "the superblock cannot be read: %s",
				   strerror(-ret));
	if (sb->s_magic != EXT2_SUPER_MAGIC)
		return dxf_ext2_explain(e2->region, dxf_super_path(e2), err);
	return 0;
}

static int check_super_csum(struct dxf_ext2 *e2,
			    const struct ext2_super_block *sb,
			    struct dxf_err *err)
{
	if (!e2->geom.has_csum)
		return 0;
	if (sb->s_checksum_type != EXT2_CRC32C_CHKSUM)
		return dxf_err_set(err, EUCLEAN,
			"checksums of type %u are not handled",
			sb->s_checksum_type);
	if (!dxf_csum_fits(sb->s_checksum, dxf_super_csum(sb)))
		return dxf_err_set(err, EUCLEAN,
			"the superblock's checksum is wrong; run `e2fsck -f %s` first",
			dxf_super_path(e2));
	return 0;
}

/* May it be mounted read-write in the state it was left in? */
static int check_state(struct dxf_ext2 *e2, const struct ext2_super_block *sb,
		       struct dxf_err *err)
{
	bool valid = (sb->s_state & EXT2_VALID_FS) != 0 || e2->opts.recovered;
	bool errors = (sb->s_state & EXT2_ERROR_FS) != 0;

	e2->was_clean = valid && !errors;
	if (e2->opts.ro)
		return 0;
	if (dxf_region_is_ro(e2->region))
		return dxf_err_set(err, EROFS,
			"the image is open for reading only; `-o ro` mounts it");
	if (e2->was_clean || e2->opts.force)
		return 0;
	return dxf_err_set(err, EROFS,
		"the filesystem %s: run `e2fsck -f %s`, or mount it with `-o ro`, or take the risk with `-o force`",
		errors ? "has errors recorded" : "was not cleanly unmounted",
		dxf_super_path(e2));
}

static void set_errors_policy(struct dxf_ext2 *e2,
			      const struct ext2_super_block *sb)
{
	/*
	 * mke2fs writes "continue" unless told otherwise, so it says nothing
	 * about what the owner wants.
	 */
	if (e2->opts.errors == DXF_ERRORS_SUPER)
		e2->opts.errors = sb->s_errors == EXT2_ERRORS_PANIC ?
			DXF_ERRORS_PANIC : DXF_ERRORS_RO;
}

/* Where huge pages begin, whatever of the device is in the window. */
static void set_huge(struct dxf_ext2 *e2)
{
	uint64_t offset = dxf_region_offset(e2->region);
	uint32_t n = (uint32_t)(DXF_HUGE / e2->geom.block_size);

	if (offset % e2->geom.block_size != 0)
		return;
	e2->huge_blocks = n;
	e2->huge_first = (uint32_t)(-(offset / e2->geom.block_size) % n);
}

static void set_constants(struct dxf_ext2 *e2,
			  const struct ext2_super_block *sb)
{
	struct ext2_super_block *s = (struct ext2_super_block *)sb;
	uint32_t room = e2->geom.inode_size - EXT2_GOOD_OLD_INODE_SIZE;
	uint32_t extra = sizeof(struct ext2_inode_large) -
		EXT2_GOOD_OLD_INODE_SIZE;
	struct dxf_hash_key random;

	e2->desc_size = dxf_geom_desc_size(sb);
	e2->has_gdt_csum = e2->geom.has_csum ||
		ext2fs_has_feature_gdt_csum(s);
	e2->csum_seed = ext2fs_has_feature_csum_seed(s) ?
		sb->s_checksum_seed :
		dxf_crc32c(~0u, sb->s_uuid, sizeof(sb->s_uuid));
	if (e2->geom.has_extra_isize) {
		extra = DXF_MAX(extra, (uint32_t)sb->s_want_extra_isize);
		extra = DXF_MAX(extra, (uint32_t)sb->s_min_extra_isize);
	}
	e2->want_extra_isize = DXF_MIN(extra, room) & ~3u;
	set_errors_policy(e2, sb);
	set_huge(e2);
	dxf_hash_key_init(&e2->hash_key);
	dxf_hash_key_init(&random);
	e2->generations = random.k0;
}

static int check_super(struct dxf_ext2 *e2, struct dxf_err *err)
{
	struct ext2_super_block sb;
	int ret;

	ret = read_super(e2, &sb, err);
	if (ret == 0)
		ret = dxf_features_check(&sb, e2->opts.ro, dxf_super_path(e2),
					 err);
	if (ret == 0)
		ret = dxf_geom_read(&e2->geom, &sb,
				    dxf_region_size(e2->region), err);
	if (ret == 0)
		ret = check_super_csum(e2, &sb, err);
	if (ret == 0)
		ret = check_state(e2, &sb, err);
	if (ret == 0)
		set_constants(e2, &sb);
	return ret;
}

static int alloc_memory(struct dxf_ext2 *e2, struct dxf_err *err)
{
	e2->scratch = dxf_calloc(1, e2->geom.block_size);
	if (e2->scratch == NULL || dxf_acc_init(e2) < 0 ||
	    dxf_errlog_init(e2) < 0 || dxf_dirindex_open(e2) < 0 ||
	    dxf_dirkept_open(e2) < 0 || dxf_dirpark_open(e2) < 0)
		return dxf_err_set(err, ENOMEM, "out of memory");
	return 0;
}

static struct dxf_ext2 *new_ext2(struct dxf_txnmgr *m,
				 const struct dxf_ext2_opts *opts)
{
	struct dxf_ext2 *e2 = dxf_calloc(1, sizeof(*e2));

	if (e2 == NULL)
		return NULL;
	e2->txnmgr = m;
	e2->region = dxf_txnmgr_region(m);
	e2->opts = *opts;
	dxf_mutex_init(&e2->alloc_lock, DXF_RANK_ALLOC);
	dxf_mutex_init(&e2->err_lock, DXF_RANK_LEAF);
	dxf_mutex_init(&e2->index_lock, DXF_RANK_LEAF);
	return e2;
}

int dxf_ext2_open(struct dxf_ext2 **out, struct dxf_txnmgr *m,
		  const struct dxf_ext2_opts *opts, struct dxf_err *err)
{
	struct dxf_ext2 *e2 = new_ext2(m, opts);
	int ret;

	if (e2 == NULL)
		return dxf_err_set(err, ENOMEM, "out of memory");
	ret = check_super(e2, err);
	if (ret == 0)
		ret = alloc_memory(e2, err);
	if (ret == 0)
		ret = dxf_libext2fs_open(e2, err);
	if (ret == 0)
		ret = dxf_groups_load(e2, err);
	if (ret == 0)
		ret = dxf_fixed_build(e2, err);
	dxf_libext2fs_close(e2);
	if (ret < 0) {
		dxf_ext2_close(e2);
		return ret;
	}
	if (!e2->was_clean && !opts->ro)
		dxf_log_warn("%s: mounted with force: it was not cleanly unmounted",
			     dxf_super_path(e2));
	*out = e2;
	return 0;
}

static void free_groups(struct dxf_ext2 *e2)
{
	for (uint32_t i = 0; e2->groups != NULL && i < e2->geom.ngroups; i++) {
		free(e2->groups[i].resv);
		free(e2->groups[i].soft);
	}
	free(e2->groups);
	free(e2->desc_loc);
	free(e2->fixed);
}

void dxf_ext2_close(struct dxf_ext2 *e2)
{
	if (e2 == NULL)
		return;
	free_groups(e2);
	free(e2->scratch);
	while (e2->nspare > 0)
		free(e2->spare_map[--e2->nspare]);
	dxf_acc_fini(e2);
	dxf_errlog_fini(e2);
	dxf_dirpark_close(e2);
	dxf_dirindex_close(e2);
	dxf_dirkept_close(e2);
	dxf_mutex_destroy(&e2->index_lock);
	dxf_mutex_destroy(&e2->err_lock);
	dxf_mutex_destroy(&e2->alloc_lock);
	free(e2);
}

const struct dxf_geom *dxf_ext2_geom(const struct dxf_ext2 *e2)
{
	return &e2->geom;
}

struct dxf_txnmgr *dxf_ext2_txnmgr(const struct dxf_ext2 *e2)
{
	return e2->txnmgr;
}

struct dxf_region *dxf_ext2_region(const struct dxf_ext2 *e2)
{
	return e2->region;
}
