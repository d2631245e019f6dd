/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The promise table, cell by cell: what is in flight when a call returns.
 *
 * On DAX media a line is in flight from its store until it was flushed (or
 * stored non-temporally) and fenced, on page media a page until it was written
 * out and msynced.  The log's mark that a slot is done is never waited for.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "file_model.h"
#include "logfile_priv.h"
#include "node.h"

#define UNIT	64u

enum kind { DAX_WRITE, DAX_FSYNC, PAGES, NKINDS };

static struct fsx x;
static enum kind kind;
static uint8_t buf[16 * 1024];

/* Per line of the region. */
enum flight { DURABLE, STORED, ASKED };
static uint8_t *flight;
static uint64_t nunits;

static void each_unit(dxf_off_t off, uint64_t len, enum flight to)
{
	dxf_off_t end = DXF_MIN(off + len, nunits * UNIT);

	for (uint64_t u = off / UNIT; u * UNIT < end; u++)
		flight[u] = to == ASKED && flight[u] == DURABLE ? DURABLE : to;
}

static void all_asked_are_durable(void)
{
	for (uint64_t u = 0; u < nunits; u++)
		if (flight[u] == ASKED)
			flight[u] = DURABLE;
}

static void on_trace(void *ctx, const struct dxf_persist_trace *tr)
{
	switch (tr->op) {
	case DXF_PERSIST_TRACE_STORE:
		each_unit(tr->off, tr->len, STORED);
		break;
	case DXF_PERSIST_TRACE_NT:
		each_unit(tr->off, tr->len, STORED);
		if (kind != PAGES)
			each_unit(tr->off, tr->len, ASKED);
		break;
	case DXF_PERSIST_TRACE_FLUSH:
		if (kind != PAGES)
			each_unit(tr->off, tr->len, ASKED);
		break;
	case DXF_PERSIST_TRACE_FENCE:
		if (kind != PAGES)
			all_asked_are_durable();
		break;
	}
}

static void on_call(void *ctx, const struct dxf_persist_event *ev)
{
	if (kind != PAGES || (ev->op != DXF_PERSIST_OP_WAIT &&
			      ev->op != DXF_PERSIST_OP_MSYNC))
		return;
	each_unit(ev->off, ev->len, ASKED);
	if (ev->op == DXF_PERSIST_OP_MSYNC)
		all_asked_are_durable();
}

static bool in_flight(dxf_off_t off, uint64_t len)
{
	for (uint64_t u = off / UNIT; u * UNIT < off + len; u++)
		if (flight[u] != DURABLE)
			return true;
	return false;
}

/* Anything but of the log. */
static bool any_in_flight(void)
{
	struct dxf_log_raw raw;

	ck_assert_int_eq(dxf_log_find(x.region, &raw), 0);
	for (uint64_t u = 0; u < nunits; u++) {
		bool log = false;

		for (unsigned int i = 0; i < raw.place.nruns; i++)
			log = log || (u * UNIT >= raw.place.run[i].off &&
				      u * UNIT < raw.place.run[i].off +
						 raw.place.run[i].len);
		if (flight[u] != DURABLE && !log)
			return true;
	}
	return false;
}

/* Loop index: image, kind. */
static void setup(int i)
{
	kind = i / fsx_nimages;
	fsx_make(&x, &fsx_images[i % fsx_nimages]);
	if (kind == PAGES)
		to_page_media(&x);
	if (kind == DAX_FSYNC)
		x.opts.durability = DXF_DURABILITY_FSYNC;
	x.opts.commit = 3600;
	x.opts.lazytime = true;
	fsx_mount(&x);
	ck_assert_int_eq(dxf_fs_sync(x.fs), 0);
	nunits = dxf_region_size(x.region) / UNIT;
	flight = calloc(nunits, 1);
	ck_assert_ptr_nonnull(flight);
	dxf_persist_set_trace(x.region, on_trace, NULL);
	dxf_persist_set_hook(x.region, on_call, NULL);
	for (size_t k = 0; k < sizeof(buf); k++)
		buf[k] = (uint8_t)(k % 251 + 1);
}

static void teardown(void)
{
	dxf_persist_set_trace(x.region, NULL, NULL);
	dxf_persist_set_hook(x.region, NULL, NULL);
	free(flight);
	fsx_finish(&x);
}

static dxf_ino_t made(dxf_ino_t dir, const char *name, mode_t mode)
{
	struct dxf_attr a;

	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, dir, name, mode, 0, &a),
			 0);
	return a.ino;
}

static void put(dxf_ino_t ino, uint64_t off, size_t len, unsigned int flags)
{
	ck_assert_int_eq(dxf_fs_write(x.fs, ino, off, buf + off % 100, len,
				      flags, &fsx_root), (ssize_t)len);
}

static dxf_off_t media_of(dxf_ino_t ino, uint64_t off)
{
	struct iovec iov;
	struct dxf_fs_read r = { .iov = &iov, .max_iov = 1 };
	const void *base;
	dxf_off_t at;

	ck_assert_int_gt(dxf_region_direct_access(x.region, 0, 1,
						  DXF_ACCESS_READ, &base), 0);
	ck_assert_int_eq(dxf_fs_read_begin(x.fs, ino, off, 1, &r), 1);
	at = (const char *)iov.iov_base - (const char *)base;
	dxf_fs_read_end(x.fs, &r);
	return at;
}

/* A file of 12000 bytes, nothing in flight. */
static dxf_ino_t old_file(void)
{
	dxf_ino_t ino = made(DXF_ROOT_INO, "f", S_IFREG | 0644);

	put(ino, 0, 12000, 0);
	ck_assert_int_eq(dxf_fs_sync(x.fs), 0);
	ck_assert(!any_in_flight());
	return ino;
}

static void drop(dxf_ino_t ino)
{
	dxf_fs_forget(x.fs, ino, 1);
}

START_TEST(test_write_returned)
{
	dxf_ino_t ino;

	setup(_i);
	ino = old_file();
	put(ino, 101, 10, 0);
	put(ino, 4001, 5000, 0);
	ck_assert_int_eq(any_in_flight(), kind != DAX_WRITE);
	/* What extends is published by a commit: durable on DAX media. */
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, true), 0);
	put(ino, 12000, 3000, 0);
	ck_assert_int_eq(any_in_flight(), kind == PAGES);
	ck_assert_int_eq(in_flight(media_of(ino, 12100), 100), kind == PAGES);
	drop(ino);
	teardown();
}
END_TEST

/* O_SYNC and O_DSYNC, the same to a daemon; then -o sync. */
START_TEST(test_write_synchronous)
{
	dxf_ino_t ino;

	setup(_i);
	ino = old_file();
	put(ino, 101, 10, DXF_WRITE_SYNC);
	put(ino, 4001, 5000, DXF_WRITE_SYNC);
	ck_assert(!in_flight(media_of(ino, 101), 10));
	ck_assert(!in_flight(media_of(ino, 5000), 1000));
	ck_assert(kind == PAGES || !any_in_flight());
	put(ino, 12000, 3000, DXF_WRITE_SYNC);
	ck_assert(!in_flight(media_of(ino, 12100), 1000));
	ck_assert(!in_flight(dxf_inode_slot_off(dxf_fs_ext2(x.fs), ino), 128));
	drop(ino);
	teardown();
}
END_TEST

/* @datasync 0 and 1; what MS_SYNC is: pages written back, then fdatasync. */
static void check_fsync(int i, bool datasync, unsigned int flags)
{
	dxf_ino_t ino;

	setup(i);
	ino = old_file();
	put(ino, 101, 10, flags);
	put(ino, 4001, 5000, flags);
	put(ino, 12000, 3000, flags);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, datasync), 0);
	for (uint64_t off = 0; off < 15000; off += 500)
		ck_assert(!in_flight(media_of(ino, off), 1));
	ck_assert(!in_flight(dxf_inode_slot_off(dxf_fs_ext2(x.fs), ino), 128));
	ck_assert(kind == PAGES || !any_in_flight());
	drop(ino);
	teardown();
}

START_TEST(test_fsync)
{
	check_fsync(_i, false, 0);
}
END_TEST

START_TEST(test_fdatasync)
{
	check_fsync(_i, true, 0);
}
END_TEST

START_TEST(test_ms_sync_of_a_shared_mapping)
{
	check_fsync(_i, true, DXF_WRITE_CACHE);
}
END_TEST

static int op_mkdir(dxf_ino_t dir)
{
	drop(made(dir, "sub", S_IFDIR | 0755));
	return 0;
}

static int op_rename(dxf_ino_t dir)
{
	return dxf_fs_rename(x.fs, &fsx_root, DXF_AT(DXF_ROOT_INO, "f"),
			     DXF_AT(dir, "g"), 0);
}

static int op_chmod(dxf_ino_t dir)
{
	struct dxf_setattr sa = { .valid = DXF_SET_MODE, .mode = 0700 };
	struct dxf_attr a;

	return dxf_fs_setattr(x.fs, dir, &sa, &fsx_root, &a);
}

static int op_setxattr(dxf_ino_t dir)
{
	return dxf_fs_setxattr(x.fs, dir, "user.a", buf, 100, 0, false,
			       &fsx_root);
}

static int op_unlink(dxf_ino_t dir)
{
	return dxf_fs_unlink(x.fs, dir, "g");
}

static int (*const ops[])(dxf_ino_t dir) = {
	op_mkdir, op_rename, op_chmod, op_setxattr, op_unlink,
};

/* Durable when it returns on DAX media, after fsyncdir on page media. */
START_TEST(test_metadata_operation_and_fsyncdir)
{
	dxf_ino_t f, dir;

	setup(_i);
	f = old_file();
	dir = made(DXF_ROOT_INO, "d", S_IFDIR | 0755);
	ck_assert_int_eq(dxf_fs_sync(x.fs), 0);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(ops); i++) {
		ck_assert_int_eq(ops[i](dir), 0);
		ck_assert_int_eq(any_in_flight(), kind == PAGES);
		ck_assert_int_eq(dxf_fs_fsync(x.fs, dir, false), 0);
		ck_assert_msg(!any_in_flight(), "operation %d", (int)i);
	}
	drop(f);
	drop(dir);
	teardown();
}
END_TEST

static void add(TCase *tc)
{
#define EACH(test)	tcase_add_loop_test(tc, test, 0, NKINDS * fsx_nimages)
	EACH(test_write_returned);
	EACH(test_write_synchronous);
	EACH(test_fsync);
	EACH(test_fdatasync);
	EACH(test_ms_sync_of_a_shared_mapping);
	EACH(test_metadata_operation_and_fsyncdir);
}

int main(void)
{
	return run_tests("promises", add);
}
