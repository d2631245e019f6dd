// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fsck.c - fsck.daxfuse: bring an interrupted session to its end, then e2fsck.
 *
 * Also called fsck.fuse.daxfuse, as fsck(8) looks for it.  Options and exit
 * statuses are e2fsck's.
 *
 * Owns the order: e2fsck must not see a filesystem whose log is pending, or it
 * repairs what is about to be changed.  What a mount would finish by itself is
 * finished first, so that e2fsck has to look at everything only where a mount
 * would not do.
 */
#include <assert.h>
#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "cleanup.h"
#include "fs.h"
#include "load.h"
#include "logfile.h"
#include "private.h"
#include "target.h"
#include "toolopen.h"

/* fsck(8)'s */
enum {
	EXIT_OPERATIONAL = 8,
	EXIT_USAGE = 16,
};

#define E2FSCK_OPTIONS	"panyrcC:B:dE:fvtFVM:b:I:j:P:l:L:N:SsDkz:"

struct request {
	const char *target;
	char **argv;		/* e2fsck's, but for the program's name */
	int target_at;		/* in argv */
	bool ro;		/* -n */
};

static int fail(const struct dxf_err *err)
{
	fprintf(stderr, "fsck.daxfuse: %s\n", err->text);
	return EXIT_OPERATIONAL;
}

/* ---- the log ---- */

/* Is there an ext2 superblock that says "not unmounted"? */
static bool is_unclean(struct dxf_region *r)
{
	struct ext2_super_block sb;

	return dxf_load(r, SUPERBLOCK_OFFSET, &sb, sizeof(sb)) == 0 &&
	       sb.s_magic == EXT2_SUPER_MAGIC &&
	       !(sb.s_state & EXT2_VALID_FS);
}

/*
 * As a mount would: the log, orphans, "clean".  Where that cannot be, e2fsck
 * says why.
 */
static void mount_and_unmount(struct dxf_region *r)
{
	struct dxf_fs_opts opts;
	struct dxf_err err;
	struct dxf_fs *fs;

	dxf_fs_default_opts(&opts);
	if (dxf_fs_open(&fs, r, &opts, &err) == 0)
		(void)dxf_fs_close(fs);
}

/*
 * Complete the transaction that was interrupted, or with -n lay it over what
 * is read through @m.
 */
static int recover(const struct request *q, struct dxf_region *r,
		   struct dxf_txnmgr *m, struct dxf_err *err)
{
	unsigned int flags = q->ro ? DXF_LOGFILE_RO : DXF_LOGFILE_FORCE;
	struct dxf_logfile *lf;
	bool clean;
	int ret;

	assert(dxf_region_is_locked(r));
	if (!q->ro && is_unclean(r)) {
		mount_and_unmount(r);
		return 0;
	}
	ret = dxf_logfile_recover(&lf, m, flags, &clean, err);
	if (ret == 0)
		dxf_logfile_close(lf);
	return ret;
}

/* ---- e2fsck ---- */

static int check_through(const struct request *q, struct dxf_region *r,
			 struct dxf_view *v, struct dxf_err *err)
{
	int ret = dxf_private_enter(err);

	if (ret == 0)
		ret = dxf_view_mount_over(v, err);
	if (ret != 0)
		return ret;
	q->argv[q->target_at] = (char *)dxf_region_path(r);
	fflush(stdout);
	ret = dxf_private_run(v, q->argv);
	if (ret == DXF_RUN_NOT_FOUND)
		return dxf_err_set(err, ENOENT, "e2fsck is missing: install "
				   "e2fsprogs");
	if (ret >= DXF_RUN_FAILED)
		return dxf_err_set(err, EIO, "e2fsck ended with status %d",
				   ret);
	return ret >= 0 ? ret :
		dxf_err_set(err, -ret, "%s: the view of it ended: %s",
			    dxf_region_path(r), strerror(-ret));
}

static int check_region(const struct request *q, struct dxf_region *r,
			struct dxf_txnmgr *m, struct dxf_err *err)
{
	struct dxf_view_opts vopts = { .fsname = dxf_region_path(r) };
	struct dxf_view *v;
	int ret = 0;

	/* Beside a mount the log is the mount's. */
	if (dxf_region_is_locked(r))
		ret = recover(q, r, m, err);
	else
		printf("%s is mounted: what is found may not be so\n",
		       dxf_region_path(r));
	if (ret != 0)
		return ret;
	if (q->ro)
		vopts.overlay = m;
	ret = dxf_view_open(&v, r, &vopts, err);
	if (ret != 0)
		return ret;
	ret = check_through(q, r, v, err);
	dxf_view_close(v);
	return ret;
}

static int check(const struct request *q)
{
	const struct dxf_region_opts ropts = {
		.ro = q->ro, .beside = q->ro, .thin = true,
	};
	struct dxf_txnmgr *m;
	struct dxf_region *r;
	struct dxf_err err;
	int ret;

	if (!q->ro && dxf_target_check_mounted(q->target, &err) != 0)
		return fail(&err);
	if (dxf_tool_open(&r, q->target, &ropts, &err) != 0)
		return fail(&err);
	ret = dxf_txnmgr_open(&m, r);
	if (ret == 0) {
		ret = check_region(q, r, m, &err);
		dxf_txnmgr_close(m);
	} else {
		dxf_err_set(&err, -ret, "out of memory");
	}
	dxf_region_close(r);
	return ret >= 0 ? ret : fail(&err);
}

/* ---- the command line ---- */

static int parse(struct request *q, int argc, char **argv)
{
	int c;

	opterr = 0;
	while ((c = getopt(argc, argv, E2FSCK_OPTIONS)) != -1) {
		if (c == '?') {
			fprintf(stderr, "fsck.daxfuse: unknown option `%s', or "
				"its value is missing\n", argv[optind - 1]);
			return -EINVAL;
		}
		if (c == 'n')
			q->ro = true;
		if (c == 'V')
			printf("fsck.daxfuse %s\n", DXF_VERSION);
	}
	if (argc - optind != 1) {
		fprintf(stderr, "usage: fsck.daxfuse [e2fsck's options] "
			"DEVICE\n");
		return -EINVAL;
	}
	q->target = argv[optind];
	q->target_at = optind;
	q->argv = argv;
	return 0;
}

int main(int argc, char **argv)
{
	static char program[] = "e2fsck";
	struct request q = { .target = NULL };

	if (argc == 2 && strcmp(argv[1], "-V") == 0) {
		printf("fsck.daxfuse %s\n", DXF_VERSION);
		return 0;
	}
	if (parse(&q, argc, argv) != 0)
		return EXIT_USAGE;
	assert(q.target != NULL && q.argv[argc] == NULL);
	q.argv[0] = program;
	dxf_target_extend_path();
	return check(&q);
}
