/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an operation costs on DAX media: bytes stored, lines flushed, fences.
 * The table is printed; the fences are the promise, and that a create is cheap.
 */
#include <stdio.h>
#include <unistd.h>

#include "file_model.h"
#include "persist.h"

static struct fsx x;
static dxf_ino_t dir, other, file;
static struct dxf_attr at;
static uint8_t buf[4096];

static const struct fsx_image images[] = {
	{ "ext2", "-t ext2 -b 4096", 64 },
	{ "ext4, checksums",
	  "-t ext4 -O ^has_journal,metadata_csum -b 4096", 64 },
};

static int do_create(void)
{
	return dxf_fs_mknod(x.fs, &fsx_root, dir, "name", S_IFREG | 0644, 0,
			    &at);
}

static int do_mkdir(void)
{
	return dxf_fs_mknod(x.fs, &fsx_root, dir, "dir", S_IFDIR | 0755, 0,
			    &at);
}

static int do_append(void)
{
	int err = dxf_fs_write(x.fs, file, 8192, buf, 512, 0, &fsx_root) == 512 ?
		0 : -EIO;

	return err ? err : dxf_fs_fsync(x.fs, file, false);
}

static int do_rename(void)
{
	return dxf_fs_rename(x.fs, &fsx_root, DXF_AT(dir, "old"),
			     DXF_AT(dir, "new"), 0);
}

static int do_move(void)
{
	return dxf_fs_rename(x.fs, &fsx_root, DXF_AT(dir, "new"),
			     DXF_AT(other, "new"), 0);
}

static int do_unlink(void)
{
	return dxf_fs_unlink(x.fs, other, "new");
}

/* Of a file that was unlinked: it goes with others, or when space is asked for. */
static int do_free(void)
{
	struct statvfs s;

	return dxf_fs_statfs(x.fs, &s);
}

static int do_overwrite(void)
{
	return dxf_fs_write(x.fs, file, 4096, buf, 4096, 0, &fsx_root) == 4096 ?
		0 : -EIO;
}

static int do_chmod(void)
{
	struct dxf_setattr sa = { .valid = DXF_SET_MODE, .mode = 0600 };

	return dxf_fs_setattr(x.fs, file, &sa, &fsx_root, &at);
}

/* Fences: two a transaction, one more if it fills blocks. */
static const struct {
	const char *name;
	int (*fn)(void);
	unsigned int fences;
	uint64_t max_bytes;	/* 0: as many as it takes */
} ops[] = {
	{ "create", do_create, 2, 2047 },
	{ "mkdir", do_mkdir, 3, 0 },
	{ "append 512 B, fsync", do_append, 3, 0 },
	{ "rename in a directory", do_rename, 2, 2047 },
	{ "rename to another", do_move, 2, 2047 },
	{ "unlink of the last name", do_unlink, 2, 2047 },
	{ "freeing what was unlinked", do_free, 2, 2047 },
	{ "overwrite 4 KiB", do_overwrite, 1, 4096 },
	{ "chmod", do_chmod, 2, 2047 },
};

static void make_files(void)
{
	dir = fsx_mkdir(&x, DXF_ROOT_INO, "d");
	other = fsx_mkdir(&x, DXF_ROOT_INO, "e");
	file = fsx_create(&x, dir, "file");
	fsx_write(&x, file, 0, 'x', 8192);
	fsx_create(&x, dir, "old");
	ck_assert_int_eq(dxf_fs_lookup_ino(x.fs, file, 0, &at), 0);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, file, false), 0);
}

START_TEST(test_cost_of_each_operation)
{
	struct dxf_persist_stats a, b;

	fsx_make(&x, &images[_i]);
	fsx_mount(&x);
	make_files();
	printf("%-26s  bytes  lines  fences\n", images[_i].name);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(ops); i++) {
		uint64_t bytes, fences;

		dxf_persist_get_stats(x.region, &a);
		ck_assert_int_eq(ops[i].fn(), 0);
		dxf_persist_get_stats(x.region, &b);
		bytes = b.bytes_stored - a.bytes_stored;
		fences = b.calls[DXF_PERSIST_OP_FENCE] -
			a.calls[DXF_PERSIST_OP_FENCE];
		printf("%-26s  %5d  %5d  %6d\n", ops[i].name, (int)bytes,
		       (int)(b.lines_flushed - a.lines_flushed), (int)fences);
		ck_assert_msg(fences == ops[i].fences, "%s: %d fences",
			      ops[i].name, (int)fences);
		ck_assert_msg(ops[i].max_bytes == 0 ||
			      bytes <= ops[i].max_bytes, "%s: %d bytes",
			      ops[i].name, (int)bytes);
	}
	fsx_remove(&x);
}
END_TEST

/* ---- the size of the filesystem ---- */

static void shell(const char *fmt, const char *path)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), fmt, path);
	ck_assert_int_eq(system(cmd), 0);
}

/* All of the table on a file with that filesystem; fsync does the flushing. */
static struct dxf_persist_stats cost_on(const char *mke2fs)
{
	const struct dxf_region_opts o = { .ro = false };
	char path[] = "/dev/shm/dxf-cost-XXXXXX";
	struct dxf_persist_stats a, b;

	close(mkstemp(path));
	shell(mke2fs, path);
	dxf_fs_default_opts(&x.opts);
	x.opts.durability = DXF_DURABILITY_FSYNC;
	ck_assert_int_eq(dxf_region_open(&x.region, path, &o, NULL), 0);
	ck_assert_int_eq(dxf_fs_open(&x.fs, x.region, &x.opts, NULL), 0);
	make_files();
	dxf_persist_get_stats(x.region, &a);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(ops); i++)
		ck_assert_int_eq(ops[i].fn(), 0);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, file, false), 0);
	dxf_persist_get_stats(x.region, &b);
	ck_assert_int_eq(dxf_fs_close(x.fs), 0);
	dxf_region_close(x.region);
	unlink(path);
	b.bytes_stored -= a.bytes_stored;
	b.lines_flushed -= a.lines_flushed;
	b.calls[DXF_PERSIST_OP_FENCE] -= a.calls[DXF_PERSIST_OP_FENCE];
	return b;
}

START_TEST(test_cost_does_not_grow_with_the_filesystem)
{
#define MKE2FS	"mke2fs -q -F -t ext2 -b 4096 -O ^resize_inode " \
		"-N 65536 %s "
	struct dxf_persist_stats gib = cost_on(MKE2FS "1G");
	struct dxf_persist_stats tib = cost_on(MKE2FS "1T");

	printf("1 GiB, 1 TiB: %d, %d bytes; %d, %d lines; %d, %d fences\n",
	       (int)gib.bytes_stored, (int)tib.bytes_stored,
	       (int)gib.lines_flushed, (int)tib.lines_flushed,
	       (int)gib.calls[DXF_PERSIST_OP_FENCE],
	       (int)tib.calls[DXF_PERSIST_OP_FENCE]);
	ck_assert_uint_eq(gib.calls[DXF_PERSIST_OP_FENCE],
			  tib.calls[DXF_PERSIST_OP_FENCE]);
	/* A few words more or less, where counts and block numbers differ. */
	ck_assert_uint_lt(tib.bytes_stored, gib.bytes_stored + 1024);
	ck_assert_uint_lt(tib.lines_flushed, gib.lines_flushed + 16);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, test_cost_does_not_grow_with_the_filesystem);
	tcase_add_loop_test(tc, test_cost_of_each_operation, 0,
			    DXF_ARRAY_SIZE(images));
}

int main(void)
{
	return run_tests("cost", add);
}
