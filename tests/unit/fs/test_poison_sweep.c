/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A poisoned block at each place of a small filesystem, under every operation:
 * never a crash, never a wrong byte, no other error than those of media; what
 * failed changed nothing, what succeeded is there, and when the block is good
 * again e2fsck agrees.
 */
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

#include "file_model.h"
#include "image.h"
#include "poison.h"
#include "tree_dump.h"

#define BS	4096u

static const struct fsx_image images[] = {
	{ "ext2", "-t ext2 -b 4096 -I 256 -N 48", 2 },
	{ "ext4-csum", "-t ext4 -O ^has_journal,metadata_csum,64bit,"
		       "^resize_inode -b 4096 -I 256 -N 48", 2 },
};

static struct fsx x;
static struct tree before, after, now;
static uint8_t data[16 * BS];
static char long_target[300], big_value[3000];

/* ---- the tree ---- */

static void fill(const char *name, uint64_t first, uint64_t n, uint64_t step)
{
	dxf_ino_t ino = fsx_create(&x, DXF_ROOT_INO, name);

	for (uint64_t i = 0; i < n; i++)
		fsx_write(&x, ino, (first + i * step) * BS,
			  'a' + (int)(i % 26), BS - (i == n - 1) * 100);
}

static void set_xattr(const char *path, const char *value, size_t len)
{
	dxf_ino_t ino;

	ck_assert_int_eq(tree_find(&x, path, &ino), 0);
	ck_assert_int_eq(dxf_fs_setxattr(x.fs, ino, "user.x", value, len, 0,
					 false, &fsx_root), 0);
}

static void populate(void)
{
	dxf_ino_t dir = fsx_mkdir(&x, DXF_ROOT_INO, "dir");
	struct dxf_attr a;
	char name[256];

	/* Contiguous; in many extents, or through indirect blocks. */
	fill("plain", 0, 5, 1);
	fill("frag", 0, 15, 2);
	ck_assert_int_eq(dxf_fs_write(x.fs, fsx_lookup(&x, DXF_ROOT_INO,
			 "frag"), 1040 * BS, "end", 3, 0, &fsx_root), 3);
	fill("small", 0, 1, 1);
	/* A directory of a few blocks. */
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "%0200d", i);
		ck_assert_int_eq(dxf_fs_link(x.fs, fsx_lookup(&x,
			DXF_ROOT_INO, "small"), dir, name, &a), 0);
		dxf_fs_forget(x.fs, a.ino, 1);
	}
	fsx_mkdir(&x, dir, "sub");
	fsx_mkdir(&x, DXF_ROOT_INO, "empty");
	memset(long_target, 't', sizeof(long_target) - 1);
	ck_assert_int_eq(dxf_fs_symlink(x.fs, &fsx_root, DXF_ROOT_INO, "sym",
					long_target, &a), 0);
	dxf_fs_forget(x.fs, a.ino, 1);
	memset(big_value, 'v', sizeof(big_value));
	set_xattr("plain", big_value, sizeof(big_value));
	set_xattr("frag", "inode", 5);
}

/* ---- the operations: 0 or a count, -errno ---- */

#define FIND(ino, path)							\
	dxf_ino_t ino;							\
	int err_##ino = tree_find(&x, path, &ino);			\
	if (err_##ino)							\
		return err_##ino

static ssize_t given(int err, const struct dxf_attr *a)
{
	if (err == 0)
		dxf_fs_forget(x.fs, a->ino, 1);
	return err;
}

static ssize_t op_create(void)
{
	struct dxf_attr a;

	return given(dxf_fs_mknod(x.fs, &fsx_root, DXF_ROOT_INO, "new",
				  S_IFREG | 0644, 0, &a), &a);
}

static ssize_t op_create_in_dir(void)
{
	struct dxf_attr a;

	FIND(dir, "dir");
	return given(dxf_fs_mknod(x.fs, &fsx_root, dir, "new",
				  S_IFREG | 0644, 0, &a), &a);
}

static ssize_t op_mkdir(void)
{
	struct dxf_attr a;

	FIND(dir, "dir");
	return given(dxf_fs_mknod(x.fs, &fsx_root, dir, "new",
				  S_IFDIR | 0755, 0, &a), &a);
}

static ssize_t op_symlink(void)
{
	struct dxf_attr a;

	return given(dxf_fs_symlink(x.fs, &fsx_root, DXF_ROOT_INO, "new",
				    long_target, &a), &a);
}

static ssize_t op_link(void)
{
	struct dxf_attr a;

	FIND(ino, "plain");
	return given(dxf_fs_link(x.fs, ino, DXF_ROOT_INO, "new", &a), &a);
}

static ssize_t op_unlink_plain(void)
{
	return dxf_fs_unlink(x.fs, DXF_ROOT_INO, "plain");
}

static ssize_t op_unlink_frag(void)
{
	return dxf_fs_unlink(x.fs, DXF_ROOT_INO, "frag");
}

static ssize_t op_unlink_symlink(void)
{
	return dxf_fs_unlink(x.fs, DXF_ROOT_INO, "sym");
}

static ssize_t op_rmdir(void)
{
	return dxf_fs_rmdir(x.fs, DXF_ROOT_INO, "empty");
}

static ssize_t op_rename(void)
{
	FIND(dir, "dir");
	return dxf_fs_rename(x.fs, DXF_ROOT_INO, "plain", dir, "moved", 0);
}

static ssize_t op_rename_over(void)
{
	return dxf_fs_rename(x.fs, DXF_ROOT_INO, "frag", DXF_ROOT_INO,
			     "plain", 0);
}

static ssize_t op_rename_dir(void)
{
	FIND(dir, "dir");
	return dxf_fs_rename(x.fs, dir, "sub", DXF_ROOT_INO, "sub", 0);
}

static ssize_t write_at(const char *path, uint64_t off, size_t len)
{
	FIND(ino, path);
	return dxf_fs_write(x.fs, ino, off, data, len, 0, &fsx_root);
}

static ssize_t op_overwrite(void)
{
	return write_at("plain", BS, BS);
}

static ssize_t op_overwrite_part(void)
{
	return write_at("plain", 2 * BS + 100, 500);
}

static ssize_t op_overwrite_many(void)
{
	return write_at("plain", 10, 4 * BS);
}

static ssize_t op_append(void)
{
	return write_at("plain", 5 * BS - 100, 3 * BS);
}

static ssize_t op_fill_hole(void)
{
	return write_at("frag", 3 * BS, BS);
}

static ssize_t op_fill_far_hole(void)
{
	return write_at("frag", 1041 * BS, 100);
}

static ssize_t resize(const char *path, uint64_t size)
{
	struct dxf_setattr sa = { .valid = DXF_SET_SIZE, .size = size };
	struct dxf_attr a;

	FIND(ino, path);
	return dxf_fs_setattr(x.fs, ino, &sa, &fsx_root, &a);
}

static ssize_t op_shrink(void)
{
	return resize("plain", 2 * BS + 50);
}

static ssize_t op_empty(void)
{
	return resize("frag", 0);
}

static ssize_t op_grow(void)
{
	return resize("plain", 7 * BS);
}

static ssize_t alloc(const char *path, int mode, uint64_t off, uint64_t len)
{
	FIND(ino, path);
	return dxf_fs_fallocate(x.fs, ino, mode, off, len, false, &fsx_root);
}

static ssize_t op_punch(void)
{
	return alloc("plain", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, BS,
		     2 * BS);
}

static ssize_t op_punch_frag(void)
{
	return alloc("frag", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		     4 * BS, 20 * BS);
}

static ssize_t op_zero(void)
{
	return alloc("plain", FALLOC_FL_ZERO_RANGE, BS + 1, 2 * BS);
}

static ssize_t op_allocate(void)
{
	return alloc("plain", 0, 4 * BS, 6 * BS);
}

static ssize_t op_set_xattr(void)
{
	FIND(ino, "plain");
	return dxf_fs_setxattr(x.fs, ino, "user.y", "yy", 2, 0, false,
			       &fsx_root);
}

static ssize_t op_new_xattr_block(void)
{
	FIND(ino, "small");
	return dxf_fs_setxattr(x.fs, ino, "user.y", big_value, 2000, 0, false,
			       &fsx_root);
}

static ssize_t op_remove_xattr(void)
{
	FIND(ino, "plain");
	return dxf_fs_removexattr(x.fs, ino, "user.x");
}

static ssize_t op_chmod(void)
{
	struct dxf_setattr sa = { .valid = DXF_SET_MODE, .mode = 0600 };
	struct dxf_attr a;

	FIND(ino, "plain");
	return dxf_fs_setattr(x.fs, ino, &sa, &fsx_root, &a);
}

static ssize_t op_copy(void)
{
	FIND(in, "plain");
	FIND(out, "frag");
	return dxf_fs_copy_range(x.fs, in, 0, out, 0, 3 * BS, 0, &fsx_root);
}

static ssize_t op_exchange(void)
{
	return dxf_fs_rename(x.fs, DXF_ROOT_INO, "plain", DXF_ROOT_INO,
			     "frag", RENAME_EXCHANGE);
}

static ssize_t op_chattr(void)
{
	uint32_t flags;
	int err;

	FIND(ino, "plain");
	err = dxf_fs_getflags(x.fs, ino, &flags);
	return err ? err : dxf_fs_setflags(x.fs, ino, flags | FS_NODUMP_FL,
					   &fsx_root);
}

/* From data to data: what it finds is right, or it says that it cannot. */
static ssize_t op_seek(void)
{
	uint64_t at = 0, hole;
	int err;

	FIND(ino, "frag");
	for (uint64_t i = 0; i < 15; i++) {
		err = dxf_fs_lseek(x.fs, ino, at, SEEK_DATA, &at);
		if (!err)
			err = dxf_fs_lseek(x.fs, ino, at, SEEK_HOLE, &hole);
		if (err)
			return err;
		ck_assert_uint_eq(at, i * 2 * BS);
		ck_assert_uint_eq(hole, at + BS);
		at = hole;
	}
	return 0;
}

static ssize_t op_fsync(void)
{
	FIND(ino, "plain");
	return dxf_fs_fsync(x.fs, ino, false);
}

static ssize_t op_tmpfile(void)
{
	struct dxf_attr a;
	int err = dxf_fs_tmpfile(x.fs, &fsx_root, DXF_ROOT_INO,
				 S_IFREG | 0600, &a);

	if (err)
		return err;
	dxf_fs_release(x.fs, a.ino);
	return given(0, &a);
}

/*
 * All that can be read is read: with no error it is what was there, and what
 * comes in spite of one is too.
 */
static ssize_t op_read_all(void)
{
	tree_dump(&x, &now, true);
	tree_must_be_part(&now, &before);
	return 0;
}

static const struct op {
	const char *name;
	ssize_t (*fn)(void);
	bool data;		/* may be done in part */
} ops[] = {
#define OP(name)	{ #name, op_##name, false }
#define DATA(name)	{ #name, op_##name, true }
	OP(read_all), OP(create), OP(create_in_dir), OP(mkdir), OP(symlink),
	OP(link), OP(unlink_plain), OP(unlink_frag), OP(unlink_symlink),
	OP(rmdir), OP(rename), OP(rename_over), OP(rename_dir),
	DATA(overwrite), DATA(overwrite_part), DATA(overwrite_many),
	DATA(append), DATA(fill_hole), DATA(fill_far_hole), OP(shrink),
	OP(empty), OP(grow), DATA(punch), DATA(punch_frag), DATA(zero),
	DATA(allocate), OP(set_xattr), OP(new_xattr_block), OP(remove_xattr),
	OP(chmod), DATA(copy), OP(exchange), OP(chattr), OP(seek), OP(fsync),
	OP(tmpfile),
};

/* ---- the places ---- */

/* Blocks with anything in them, and a few that are free. */
static int find_places(const struct fsx_snap *s, dxf_off_t *out, int max)
{
	int n = 0, nfree = 0;

	for (dxf_off_t off = 0; off < s->size; off += BS) {
		const uint8_t *p = s->bytes + off;
		bool zero = p[0] == 0 && memcmp(p, p + 1, BS - 1) == 0;

		if (zero && ++nfree % 16 != 1)
			continue;
		ck_assert_int_lt(n, max);
		out[n++] = off;
	}
	return n;
}

/* ---- one try ---- */

static bool thorough(int n)
{
	return getenv("DXF_FAULT_ALL") != NULL || n % 6 == 0;
}

/* What is left is settled by the next mount; then e2fsck has a look. */
static void settle(bool check)
{
	x.opts.force = true;
	fsx_mount(&x);
	while (fsx_stats(&x).zombies != 0)
		usleep(1000);
	tree_dump(&x, &now, false);
	(void)fsx_drop(&x);
	x.opts.force = false;
	if (check)
		fsx_check(&x);
}

static bool is_media_error(ssize_t n)
{
	return n == -EIO ||
	       (n == -EROFS && dxf_txnmgr_is_ro(dxf_ext2_txnmgr(
						dxf_fs_ext2(x.fs))));
}

static int nmet;	/* tries in which the block was touched */

static void try_op(const struct op *op, dxf_off_t at, ssize_t whole, bool check)
{
	bool done;
	ssize_t n;

	fsx_mount(&x);
	poison_add(x.region, at);
	n = op->fn();
	done = n == whole;
	nmet += poison_hits() != 0;
	if (n < 0)
		ck_assert_msg(is_media_error(n), "%s, block %llu: %zd",
			      op->name, (unsigned long long)(at / BS), n);
	else if (!done)
		ck_assert_msg(op->data, "%s, block %llu: %zd of %zd", op->name,
			      (unsigned long long)(at / BS), n, whole);
	poison_heal(x.region);
	(void)fsx_drop(&x);
	settle(check);
	if (done)
		tree_must_equal(&now, &after, op->name, at / BS);
	else if (op->data)
		tree_must_lie_between(&now, &before, &after, op->name, at / BS);
	else
		tree_must_equal(&now, &before, op->name, at / BS);
}

/* What the operation does on good media. */
static ssize_t learn(const struct op *op, const struct fsx_snap *s)
{
	ssize_t n;

	fsx_restore(&x, s);
	fsx_mount(&x);
	n = op->fn();
	ck_assert_msg(n >= 0, "%s: %zd", op->name, n);
	tree_dump(&x, &after, false);
	fsx_umount(&x);
	return n;
}

static void begin(const struct fsx_image *image, struct fsx_snap *s)
{
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)('A' + i % 26);
	fsx_make(&x, image);
	fsx_mount(&x);
	populate();
	tree_dump(&x, &before, false);
	fsx_umount(&x);
	fsx_check(&x);
	fsx_snap(&x, s);
}

static void end(struct fsx_snap *s)
{
	tree_free(&before);
	tree_free(&after);
	tree_free(&now);
	fsx_snap_free(s);
	fsx_remove(&x);
}

/* Loop index: image, operation. */
START_TEST(test_poison_under_an_operation)
{
	const struct op *op = &ops[_i / 2];
	dxf_off_t place[256];
	struct fsx_snap s;
	ssize_t whole;
	int n;

	begin(&images[_i % 2], &s);
	whole = learn(op, &s);
	n = find_places(&s, place, 256);
	ck_assert_int_gt(n, 40);
	for (int i = 0; i < n; i++) {
		fsx_restore(&x, &s);
		try_op(op, place[i], whole, thorough(i + _i));
	}
	/* The root directory and its inode at least. */
	ck_assert_int_ge(nmet, 2);
	end(&s);
}
END_TEST

/*
 * It is bad before the mount, which is refused or shows what it can.  Loop
 * index: image, and read-only or not.
 */
START_TEST(test_poison_before_the_mount)
{
	dxf_off_t place[256];
	struct fsx_snap s;
	struct dxf_err err;
	int n, nmounted = 0, e;

	begin(&images[_i % 2], &s);
	n = find_places(&s, place, 256);
	for (int i = 0; i < n; i++) {
		fsx_restore(&x, &s);
		poison_add(x.region, place[i]);
		err.text[0] = '\0';
		x.opts.ro = _i >= 2;
		e = fsx_try_mount(&x, &err);
		x.opts.ro = false;
		if (e == 0) {
			nmounted++;
			op_read_all();
			poison_heal(x.region);
			(void)fsx_drop(&x);
			settle(thorough(i));
		} else {
			ck_assert_msg(e == -EIO, "block %llu: %d (%s)",
				      (unsigned long long)(place[i] / BS), e,
				      err.text);
			ck_assert_uint_gt(strlen(err.text), 10);
			poison_heal(x.region);
			settle(thorough(i));
		}
		tree_must_equal(&now, &before, "mount", place[i] / BS);
	}
	ck_assert_int_gt(nmounted, n / 2);
	ck_assert_int_lt(nmounted, n);
	end(&s);
}
END_TEST

/*
 * With errors=continue nothing stops the next operation from meeting the block
 * again: all of them in turn.
 */
START_TEST(test_poison_under_all_operations_with_errors_continue)
{
	dxf_off_t place[256];
	struct fsx_snap s;
	ssize_t n;
	int nplaces;

	begin(&images[_i], &s);
	x.opts.errors = DXF_ERRORS_CONTINUE;
	nplaces = find_places(&s, place, 256);
	for (int i = 0; i < nplaces; i++) {
		fsx_restore(&x, &s);
		fsx_mount(&x);
		poison_add(x.region, place[i]);
		for (size_t k = 1; k < DXF_ARRAY_SIZE(ops); k++) {
			n = ops[k].fn();
			ck_assert_msg(n >= 0 || is_media_error(n) ||
				      n == -ENOENT || n == -EEXIST ||
				      n == -ENODATA,
				      "%s, block %llu: %zd", ops[k].name,
				      (unsigned long long)(place[i] / BS), n);
		}
		poison_heal(x.region);
		(void)fsx_drop(&x);
		settle(true);
	}
	end(&s);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, test_poison_under_an_operation, 0,
			    2 * DXF_ARRAY_SIZE(ops));
	tcase_add_loop_test(tc, test_poison_before_the_mount, 0, 4);
	tcase_add_loop_test(tc,
		test_poison_under_all_operations_with_errors_continue, 0, 2);
}

int main(void)
{
	return run_tests("poison_sweep", add);
}
