// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * base.c - small filesystems with something of everything in them: indirect
 * blocks and deep extent trees, an htree, xattrs in inodes and in blocks, ACLs,
 * links of all kinds, an orphan, a log with and without a session.
 *
 * File data are bytes of one value, so that the lines worth damaging are known.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ext2fs/ext2_fs.h>

#include "image.h"
#include "load.h"

#define DATA	0xd7

struct kind {
	const char *name;
	const char *mke2fs;
	uint64_t size;
	bool crashed;		/* as it is while it is mounted */
	bool htree;		/* e2fsck -D */
};

static const struct kind kinds[] = {
	{ "ext2-1k", "-t ext2 -b 1024 -I 128 -N 256 -g 2048", 4 * DXF_MIB },
	{ "ext2-1k-crashed", "-t ext2 -b 1024 -I 256 -N 256 -g 2048",
	  4 * DXF_MIB, .crashed = true },
	{ "ext4-1k", "-t ext4 -O ^has_journal,^metadata_csum,uninit_bg "
	  "-b 1024 -I 256 -N 256 -g 2048", 4 * DXF_MIB },
	{ "csum-1k", "-t ext4 -O ^has_journal,metadata_csum,64bit -b 1024 "
	  "-I 256 -N 256 -g 2048", 4 * DXF_MIB, .htree = true },
	{ "csum-1k-crashed", "-t ext4 -O ^has_journal,metadata_csum,64bit "
	  "-b 1024 -I 256 -N 256 -g 2048", 4 * DXF_MIB, .crashed = true },
	{ "csum-4k", "-t ext4 -O ^has_journal,metadata_csum -b 4096 -I 256 "
	  "-N 256", 4 * DXF_MIB },
};

static struct fuzz_base bases[DXF_ARRAY_SIZE(kinds)];
static const struct dxf_cred root;

unsigned int fuzz_nbases(void)
{
	return DXF_ARRAY_SIZE(kinds);
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz: cannot make an image: %s\n", what);
	abort();
}

/* ---- contents ---- */

static dxf_ino_t make(struct dxf_fs *fs, dxf_ino_t dir, const char *name,
		      mode_t mode)
{
	struct dxf_attr a;

	must(dxf_fs_mknod(fs, &root, dir, name, mode, 0x0103, &a) == 0, name);
	dxf_fs_forget(fs, a.ino, 1);
	return a.ino;
}

static void put(struct dxf_fs *fs, dxf_ino_t ino, uint64_t off, size_t len)
{
	static uint8_t buf[16384];

	memset(buf, DATA, sizeof(buf));
	must(dxf_fs_write(fs, ino, off, buf, len, 0, &root) == (ssize_t)len,
	     "write");
}

/* Files whose maps have all levels that fit. */
static void add_files(struct dxf_fs *fs, uint32_t bs)
{
	const uint64_t p = bs / 4;
	dxf_ino_t f = make(fs, DXF_ROOT_INO, "holes", S_IFREG | 0644);

	for (uint64_t i = 0; i < 400; i++)
		put(fs, f, i * 2 * bs, 1);
	f = make(fs, DXF_ROOT_INO, "deep", S_IFREG | 0644);
	put(fs, f, 0, 5000);
	put(fs, f, (12 + p + 3) * bs, bs);
	put(fs, f, (12 + p + p * p + 5) * bs, bs);
	f = make(fs, DXF_ROOT_INO, "plain", S_IFREG | 04755);
	put(fs, f, 0, 9000);
	f = make(fs, DXF_ROOT_INO, "unwritten", S_IFREG | 0600);
	must(dxf_fs_fallocate(fs, f, 0, 0, 30 * bs, false, &root) == 0,
	     "fallocate");
	put(fs, f, 7 * bs, bs);
}

static void set(struct dxf_fs *fs, dxf_ino_t ino, const char *name,
		size_t len)
{
	static const char value[700] = "value";

	must(dxf_fs_setxattr(fs, ino, name, value, len, 0, false,
			     &root) == 0, name);
}

static void add_xattrs(struct dxf_fs *fs)
{
	static const uint8_t acl[] = {
		2, 0, 0, 0,
		1, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
		2, 0, 6, 0, 0xe8, 3, 0, 0,
		4, 0, 5, 0, 0xff, 0xff, 0xff, 0xff,
		0x10, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
		0x20, 0, 5, 0, 0xff, 0xff, 0xff, 0xff,
	};
	dxf_ino_t f = make(fs, DXF_ROOT_INO, "xattrs", S_IFREG | 0644), d;

	set(fs, f, "user.small", 10);
	set(fs, f, "user.large", 500);
	set(fs, f, "security.capability", 20);
	d = make(fs, DXF_ROOT_INO, "acl", S_IFDIR | 0755);
	must(dxf_fs_setxattr(fs, d, "system.posix_acl_default", acl,
			     sizeof(acl), 0, false, &root) == 0, "acl");
	make(fs, d, "inherits", S_IFREG | 0644);
}

static void add_names(struct dxf_fs *fs)
{
	dxf_ino_t d = make(fs, DXF_ROOT_INO, "dir", S_IFDIR | 0755);
	dxf_ino_t big = make(fs, DXF_ROOT_INO, "big", S_IFDIR | 0755), f;
	static char target[400];
	struct dxf_attr a;
	char name[64];

	make(fs, make(fs, d, "sub", S_IFDIR | 0755), "file", S_IFREG);
	make(fs, d, "fifo", S_IFIFO);
	make(fs, d, "dev", S_IFCHR);
	f = make(fs, big, "first", S_IFREG | 0644);
	for (int i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "name-%038d", i);
		must(dxf_fs_link(fs, &root, f, big, name, &a) == 0, name);
		dxf_fs_forget(fs, f, 1);
	}
	memset(target, 't', sizeof(target) - 1);
	must(dxf_fs_symlink(fs, &root, d, "slow", target, &a) == 0, "slow");
	dxf_fs_forget(fs, a.ino, 1);
	must(dxf_fs_symlink(fs, &root, d, "fast", "dir/sub", &a) == 0, "fast");
	dxf_fs_forget(fs, a.ino, 1);
}

/* Open, and without a name: on the orphan list as long as it is. */
static dxf_ino_t add_orphan(struct dxf_fs *fs)
{
	dxf_ino_t f = make(fs, DXF_ROOT_INO, "orphan", S_IFREG | 0644);

	put(fs, f, 0, 9000);
	must(dxf_fs_open_file(fs, f, O_RDWR, false) == 0, "open");
	must(dxf_fs_unlink(fs, DXF_ROOT_INO, "orphan") == 0, "unlink");
	return f;
}

/* ---- images ---- */

static void add_line(struct fuzz_base *b, enum fuzz_class c, uint64_t off)
{
	b->lines[c].line[b->lines[c].n++] = (uint32_t)(off / 64);
}

static bool is_one_value(const uint8_t *p, uint8_t value)
{
	for (int i = 0; i < 64; i++)
		if (p[i] != value)
			return false;
	return true;
}

static uint64_t block(const uint8_t *sb, size_t blk)
{
	uint32_t log = ((const struct ext2_super_block *)sb)->s_log_block_size;

	return (uint64_t)blk << (10 + log);
}

/* Is @off in the inode table of some group? */
static bool in_itable(const struct fuzz_base *b, uint64_t off)
{
	const uint8_t *raw = b->bytes + 1024;
	const struct ext2_super_block *sb =
		(const struct ext2_super_block *)raw;
	uint32_t dsize = sb->s_feature_incompat &
		EXT4_FEATURE_INCOMPAT_64BIT ? sb->s_desc_size : 32;
	uint32_t groups = sb->s_inodes_count / sb->s_inodes_per_group;
	const uint8_t *desc = b->bytes + block(raw, sb->s_first_data_block + 1);
	uint32_t isize = sb->s_rev_level ? sb->s_inode_size : 128;

	for (uint32_t g = 0; g < groups; g++, desc += dsize) {
		uint32_t table;
		uint64_t start;

		memcpy(&table, desc + 8, sizeof(table));
		start = block(raw, table);
		if (off >= start &&
		    off < start + (uint64_t)sb->s_inodes_per_group * isize)
			return true;
	}
	return false;
}

static bool in_log(const struct fuzz_base *b, uint64_t off)
{
	static const char magic[] = "DAXFLOG1", slot[] = "DXFSLOT1";
	const uint8_t *start = b->bytes + off / b->block_size * b->block_size;

	/* The head and the first lines of the slot. */
	for (uint64_t at = 0; at < b->block_size; at += 512)
		if (memcmp(start + at, magic, 8) == 0 ||
		    memcmp(start + at, slot, 8) == 0)
			return true;
	return false;
}

static enum fuzz_class class_of(const struct fuzz_base *b, uint64_t off)
{
	uint64_t desc = b->block_size == 1024 ? 2048 : b->block_size;

	if (off >= 1024 && off < 2048)
		return FUZZ_SUPER;
	if (off >= desc && off < desc + b->block_size)
		return FUZZ_DESC;
	if (in_itable(b, off))
		return FUZZ_ITABLE;
	return in_log(b, off) ? FUZZ_LOG : FUZZ_OTHER;
}

static void find_lines(struct fuzz_base *b)
{
	for (int c = 0; c < FUZZ_NCLASSES; c++) {
		b->lines[c].line = malloc(b->size / 64 * sizeof(uint32_t));
		must(b->lines[c].line != NULL, "memory");
	}
	for (uint64_t off = 0; off < b->size; off += 64) {
		if (!is_one_value(b->bytes + off, 0) &&
		    !is_one_value(b->bytes + off, DATA))
			add_line(b, class_of(b, off), off);
	}
	for (int c = 0; c < FUZZ_NCLASSES; c++)
		must(b->lines[c].n > 0, "a class without lines");
}

static struct dxf_fs *mount_it(struct dxf_region *r)
{
	struct dxf_fs_opts opts;
	struct dxf_err err;
	struct dxf_fs *fs;

	dxf_fs_default_opts(&opts);
	must(dxf_fs_open(&fs, r, &opts, &err) == 0, "mount");
	return fs;
}

static void populate(struct dxf_region *r, const struct kind *k,
		     struct fuzz_base *b)
{
	struct dxf_fs *fs = mount_it(r);
	dxf_ino_t orphan;

	b->block_size = dxf_ext2_geom(dxf_fs_ext2(fs))->block_size;
	add_names(fs);
	add_xattrs(fs);
	add_files(fs, b->block_size);
	orphan = add_orphan(fs);
	if (k->crashed)
		b->bytes = image_snapshot(r);
	dxf_fs_release(fs, orphan);
	must(dxf_fs_close(fs) == 0, "unmount");
}

static void make_base(const struct kind *k, struct fuzz_base *b)
{
	struct dxf_region *r = image_make(k->size, k->mke2fs, false);

	b->name = k->name;
	b->size = k->size;
	populate(r, k, b);
	if (k->htree)
		must(image_run(r, "e2fsck -fyD $IMG", true, NULL, 0) <= 1,
		     "e2fsck -D");
	if (!k->crashed)
		b->bytes = image_snapshot(r);
	dxf_region_close(r);
	find_lines(b);
}

const struct fuzz_base *fuzz_base(unsigned int i)
{
	must(i < DXF_ARRAY_SIZE(kinds), "no such base");
	if (bases[i].bytes == NULL)
		make_base(&kinds[i], &bases[i]);
	return &bases[i];
}
