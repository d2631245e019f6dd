// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * features.c - which features are handled, and how to get rid of the others.
 *
 * Owns the table; must not know how a feature is handled.  The format's rule
 * for what the table does not name: an unknown compat feature may be ignored,
 * an unknown ro_compat one allows reading, an unknown incompat one nothing.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "open.h"

enum set { COMPAT, INCOMPAT, RO_COMPAT, NSETS };
enum verdict { RW, RO, NO };

/* How a feature goes away, besides `tune2fs -O ^name`. */
#define TUNE2FS		NULL
#define REMAKE		""

static const struct feature {
	enum set set;
	uint32_t bit;
	enum verdict verdict;
	const char *name;
	const char *way;	/* TUNE2FS, REMAKE, or the command */
} table[] = {
	{ COMPAT, EXT2_FEATURE_COMPAT_DIR_PREALLOC, RW, "dir_prealloc" },
	{ COMPAT, EXT2_FEATURE_COMPAT_IMAGIC_INODES, RO, "imagic_inodes",
	  REMAKE },
	{ COMPAT, EXT3_FEATURE_COMPAT_HAS_JOURNAL, RW, "has_journal" },
	{ COMPAT, EXT2_FEATURE_COMPAT_EXT_ATTR, RW, "ext_attr" },
	{ COMPAT, EXT2_FEATURE_COMPAT_RESIZE_INODE, RW, "resize_inode" },
	{ COMPAT, EXT2_FEATURE_COMPAT_DIR_INDEX, RW, "dir_index" },
	{ COMPAT, EXT2_FEATURE_COMPAT_LAZY_BG, RO, "lazy_bg", REMAKE },
	{ COMPAT, EXT2_FEATURE_COMPAT_EXCLUDE_BITMAP, RO, "snapshot_bitmap",
	  REMAKE },
	{ COMPAT, EXT4_FEATURE_COMPAT_SPARSE_SUPER2, RW, "sparse_super2" },
	{ COMPAT, EXT4_FEATURE_COMPAT_FAST_COMMIT, RW, "fast_commit" },
	{ COMPAT, EXT4_FEATURE_COMPAT_STABLE_INODES, RW, "stable_inodes" },
	{ COMPAT, EXT4_FEATURE_COMPAT_ORPHAN_FILE, RW, "orphan_file" },

	{ INCOMPAT, EXT2_FEATURE_INCOMPAT_COMPRESSION, NO, "compression",
	  REMAKE },
	{ INCOMPAT, EXT2_FEATURE_INCOMPAT_FILETYPE, RW, "filetype" },
	{ INCOMPAT, EXT3_FEATURE_INCOMPAT_RECOVER, NO, "needs_recovery",
	  "e2fsck -f" },
	{ INCOMPAT, EXT3_FEATURE_INCOMPAT_JOURNAL_DEV, NO, "journal_dev",
	  REMAKE },
	{ INCOMPAT, EXT2_FEATURE_INCOMPAT_META_BG, RW, "meta_bg" },
	{ INCOMPAT, EXT3_FEATURE_INCOMPAT_EXTENTS, RW, "extents" },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_64BIT, RW, "64bit" },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_MMP, NO, "mmp", TUNE2FS },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_FLEX_BG, RW, "flex_bg" },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_EA_INODE, NO, "ea_inode", REMAKE },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_DIRDATA, NO, "dirdata", REMAKE },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_CSUM_SEED, RW,
	  "metadata_csum_seed" },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_LARGEDIR, RW, "large_dir" },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_INLINE_DATA, NO, "inline_data",
	  REMAKE },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_ENCRYPT, NO, "encrypt", REMAKE },
	{ INCOMPAT, EXT4_FEATURE_INCOMPAT_CASEFOLD, NO, "casefold", TUNE2FS },

	{ RO_COMPAT, EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER, RW,
	  "sparse_super" },
	{ RO_COMPAT, EXT2_FEATURE_RO_COMPAT_LARGE_FILE, RW, "large_file" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_HUGE_FILE, RW, "huge_file" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_GDT_CSUM, RW, "uninit_bg" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_DIR_NLINK, RW, "dir_nlink" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE, RW, "extra_isize" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_METADATA_CSUM, RW,
	  "metadata_csum" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_HAS_SNAPSHOT, RO, "snapshot",
	  REMAKE },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_QUOTA, RO, "quota", TUNE2FS },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_PROJECT, RO, "project", TUNE2FS },
	/* The bitmaps count clusters: nothing here would understand them. */
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_BIGALLOC, NO, "bigalloc", REMAKE },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_REPLICA, RO, "replica", REMAKE },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_READONLY, RO, "read-only",
	  TUNE2FS },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS, RO,
	  "shared_blocks", "e2fsck -f -E unshare_blocks" },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_VERITY, RO, "verity", REMAKE },
	{ RO_COMPAT, EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT, RO,
	  "orphan_present", "e2fsck -f" },
};

struct report {
	const char *path;
	size_t len;
	char text[800];
};

/* Append; what does not fit is cut off, the sentence stays readable. */
static void __attribute__((format(printf, 2, 3)))
add(struct report *r, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(r->text + r->len, sizeof(r->text) - r->len, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	r->len = DXF_MIN(r->len + (size_t)n, sizeof(r->text) - 1);
}

static void add_feature(struct report *r, const struct feature *f)
{
	add(r, "%s%s", r->len != 0 ? ", " : "", f->name);
	if (f->way == TUNE2FS)
		add(r, " (`tune2fs -O ^%s %s` removes it)", f->name, r->path);
	else if (strcmp(f->way, REMAKE) == 0)
		add(r, " (only `mke2fs -O ^%s`, a new filesystem, is without it)",
		    f->name);
	else
		add(r, " (`%s %s` removes it)", f->way, r->path);
}

static const struct feature *lookup(enum set set, uint32_t bit)
{
	for (size_t i = 0; i < DXF_ARRAY_SIZE(table); i++)
		if (table[i].set == set && table[i].bit == bit)
			return &table[i];
	return NULL;
}

static enum verdict judge(enum set set, uint32_t bit, const struct feature *f)
{
	static const enum verdict unknown[NSETS] = { RW, NO, RO };

	return f != NULL ? f->verdict : unknown[set];
}

/* Report the features of the filesystem that have @verdict. */
static void collect(struct report *r, const uint32_t words[NSETS],
		    enum verdict verdict)
{
	static const char *const names[NSETS] = {
		"compat", "incompat", "ro_compat"
	};

	for (int set = 0; set < NSETS; set++) {
		for (uint32_t left = words[set]; left != 0; left &= left - 1) {
			uint32_t bit = left & -left;
			const struct feature *f = lookup(set, bit);

			if (judge(set, bit, f) != verdict)
				continue;
			if (f != NULL)
				add_feature(r, f);
			else
				add(r, "%sunknown %s feature 0x%x (a newer `e2fsck` may know it)",
				    r->len != 0 ? ", " : "", names[set], bit);
		}
	}
}

int dxf_features_check(const struct ext2_super_block *sb, bool ro,
		       const char *path, struct dxf_err *err)
{
	const uint32_t words[NSETS] = {
		sb->s_feature_compat, sb->s_feature_incompat,
		sb->s_feature_ro_compat
	};
	struct report r = { .path = path[0] != '\0' ? path : "IMAGE" };

	if (words[INCOMPAT] & EXT3_FEATURE_INCOMPAT_RECOVER)
		return dxf_err_set(err, EOPNOTSUPP,
			"%s has a journal that must be replayed first (needs_recovery): run `e2fsck -f %s`",
			r.path, r.path);
	collect(&r, words, NO);
	if (r.len != 0)
		return dxf_err_set(err, EOPNOTSUPP,
			"the filesystem has features that are not handled: %s",
			r.text);
	if ((words[COMPAT] & EXT3_FEATURE_COMPAT_HAS_JOURNAL) != 0 &&
	    sb->s_journal_inum == 0)
		return dxf_err_set(err, EOPNOTSUPP,
			"the filesystem has an external journal, which is not handled (`tune2fs -O ^has_journal %s` removes it)",
			r.path);
	if (ro)
		return 0;
	collect(&r, words, RO);
	if (r.len != 0)
		return dxf_err_set(err, EROFS,
			"the filesystem has features that allow only `-o ro`: %s",
			r.text);
	return 0;
}
