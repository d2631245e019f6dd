/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounting and unmounting with the Nth allocation, guarded load, persist call,
 * host allocation or libext2fs call failing, N rising until a clean pass: the
 * log is made, found, replayed, ended.  Whatever failed, the next mount
 * succeeds with everything there, and e2fsck finds nothing.
 */
#include "fs_fixture.h"

#include "fault.h"
#include "image.h"
#include "log.h"

#define ROOT	DXF_ROOT_INO

static const struct fsx_image images[] = {
	{ "ext2-1k", "-t ext2 -b 1024 -I 128 -N 64 -g 1024", 2 },
	{ "ext4-csum-1k", "-t ext4 -O ^has_journal,metadata_csum,64bit -b 1024 "
			  "-I 256 -N 64 -g 1024", 2 },
};
#define NIMAGES	((int)DXF_ARRAY_SIZE(images))

/* What the media are before the fault is armed. */
enum start {
	START_FRESH,		/* as mke2fs left them: a log is made */
	START_LOG,		/* unmounted, with a log and a file */
	START_CRASHED,		/* a session was interrupted */
	START_ORPHAN,		/* ... with an orphan on the list */
	NSTARTS,
};

enum what { WHAT_MOUNT, WHAT_MOUNT_RO, WHAT_MOUNT_NOLOG, WHAT_UMOUNT, NWHATS };

#define NKINDS	((int)DXF_FAULT_NKINDS)
#define NCASES	(NIMAGES * NSTARTS * NWHATS * NKINDS)

static struct fsx x;

static void work(void)
{
	dxf_ino_t dir = fsx_mkdir(&x, ROOT, "dir");
	dxf_ino_t f = fsx_create(&x, dir, "file");

	fsx_write(&x, f, 0, 'f', 20000);
}

static void must_be_there(void)
{
	dxf_ino_t dir = fsx_lookup(&x, ROOT, "dir"), f;
	char buf[20000];

	ck_assert_uint_ne(dir, 0);
	f = fsx_lookup(&x, dir, "file");
	ck_assert_uint_ne(f, 0);
	ck_assert_int_eq(dxf_fs_read(x.fs, f, 0, buf, sizeof(buf)),
			 sizeof(buf));
	for (size_t i = 0; i < sizeof(buf); i++)
		ck_assert_int_eq(buf[i], 'f');
}

/* Media of the moment, with the session running. */
static void prepare(enum start start, struct fsx_snap *snap)
{
	if (start != START_FRESH) {
		fsx_mount(&x);
		work();
	}
	if (start == START_ORPHAN) {
		dxf_ino_t f = fsx_create(&x, ROOT, "gone");

		fsx_hold(&x, f);
		fsx_write(&x, f, 0, 'g', 30000);
		ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "gone"), 0);
	}
	if (start == START_LOG)
		fsx_umount(&x);
	fsx_snap(&x, snap);
	if (x.fs != NULL)
		(void)fsx_drop(&x);
}

/* The mount, or what comes before it and then the unmount; with the fault. */
static bool faulted(enum what what, enum dxf_fault_kind kind, uint64_t nth)
{
	struct dxf_err err = { "" };
	bool hit;
	int e;

	x.opts.ro = what == WHAT_MOUNT_RO;
	x.opts.nolog = what == WHAT_MOUNT_NOLOG;
	if (what == WHAT_UMOUNT)
		fsx_mount(&x);
	dxf_fault_arm(kind, nth);
	e = what == WHAT_UMOUNT ? fsx_drop(&x) : fsx_try_mount(&x, &err);
	hit = dxf_fault_disarm();
	ck_assert(e == 0 || hit);
	ck_assert_msg(e == 0 || what == WHAT_UMOUNT || err.text[0] != '\0',
		      "mount: error %d without a word", e);
	if (x.fs != NULL)
		(void)fsx_drop(&x);
	x.opts.ro = x.opts.nolog = false;
	return hit;
}

/*
 * Without a log the promise is ext2's: a failed store may leave work for
 * e2fsck, which it does.
 */
static void repair_if_needed(enum what what, enum dxf_fault_kind kind)
{
	struct dxf_err err = { "" };
	int e = fsx_try_mount(&x, &err);

	if (e == 0)
		return;
	ck_assert_msg(what == WHAT_MOUNT_NOLOG && e == -EROFS &&
		      (kind == DXF_FAULT_PERSIST || kind == DXF_FAULT_LOAD),
		      "mount after the fault: %s", err.text);
	ck_assert_int_le(image_run(x.region, "e2fsck -fy \"$IMG\"", true, NULL,
				   0), 1);
	fsx_mount(&x);
}

START_TEST(test_mount_fault_loses_nothing)
{
	const struct fsx_image *image = &images[_i % NIMAGES];
	enum start start = (enum start)(_i / NIMAGES % NSTARTS);
	enum what what = (enum what)(_i / NIMAGES / NSTARTS % NWHATS);
	enum dxf_fault_kind kind =
		(enum dxf_fault_kind)(_i / NIMAGES / NSTARTS / NWHATS);
	struct fsx_snap snap;
	bool hit = true;

	fsx_make(&x, image);
	prepare(start, &snap);
	for (uint64_t nth = 1; hit; nth++) {
		fsx_restore(&x, &snap);
		hit = faulted(what, kind, nth);
		repair_if_needed(what, kind);
		if (start != START_FRESH)
			must_be_there();
		fsx_umount(&x);
		fsx_check(&x);
	}
	fsx_snap_free(&snap);
	fsx_remove(&x);
}
END_TEST

static void add(TCase *tc)
{
	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, test_mount_fault_loses_nothing, 0, NCASES);
}

int main(void)
{
	return run_tests("mount-fault", add);
}
