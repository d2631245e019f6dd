// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mkfs.c - mkfs.daxfuse: make a filesystem that daxfuse mounts.
 *
 * mke2fs does the work, over a private view; then the library makes the redo
 * log, by mounting and unmounting in process.  The region is locked all the
 * while.
 *
 * Owns the order: nobody uses it - nothing worth keeping is in it, or the user
 * said so - mke2fs - the log.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "mkfsopts.h"
#include "newfile.h"
#include "private.h"
#include "target.h"
#include "toolopen.h"

static void usage(FILE *to)
{
	fputs("usage: mkfs.daxfuse [-F] [--sparse] [mke2fs's options] DEVICE\n"
	      "       mkfs.daxfuse [-F] [--sparse] [mke2fs's options] FILE "
	      "[SIZE]\n"
	      "\n"
	      "Makes an ext2 filesystem on a dax device, or in an image file "
	      "of SIZE bytes\n"
	      "(with K, M, G or T behind it), which is made if it is not "
	      "there.\n"
	      "\n"
	      "  -F         do not ask, whatever is there\n"
	      "  --sparse   leave holes in a new file\n"
	      "  -n         only say what would be made\n"
	      "  -q         say nothing\n"
	      "\n"
	      "All others are mke2fs's.  Without them: -t ext2 -b 4096 -I 256 "
	      "-m 1\n"
	      "-e remount-ro -E nodiscard.\n", to);
}

static int fail(const struct dxf_err *err)
{
	fprintf(stderr, "mkfs.daxfuse: %s\n", err->text);
	return 1;
}

/* ---- the file ---- */

/* What is missing in /dev itself is a device, not a file to be made. */
static bool is_device_name(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 && strchr(path + 5, '/') == NULL;
}

/* Returns: 1 it was made here; 0 it was there; -errno. */
static int prepare_target(const struct dxf_mkfsopts *o, struct dxf_err *err)
{
	struct stat st;
	int ret;

	if (stat(o->target, &st) == 0) {
		if (S_ISREG(st.st_mode) && st.st_size == 0)
			return dxf_err_set(err, EINVAL, "%s is empty: remove "
					   "it, and name a size", o->target);
		return dxf_target_check_mounted(o->target, err);
	}
	if (errno != ENOENT)
		return dxf_err_set(err, errno, "%s: %s", o->target,
				   strerror(errno));
	if (o->size == 0 || is_device_name(o->target))
		return 0;	/* opening it says what is the matter */
	if (o->dry_run)
		return dxf_err_set(err, EINVAL, "%s is not there, and -n "
				   "makes nothing", o->target);
	ret = dxf_newfile_make(o->target, o->size, o->sparse, !o->quiet, err);
	return ret == 0 ? 1 : ret;
}

/* ---- what is in it ---- */

static int check_content(const struct dxf_mkfsopts *o, struct dxf_view *v,
			 const char *path, struct dxf_err *err)
{
	char what[256], question[PATH_MAX + 512];
	int ret = dxf_target_probe(v, path, what);

	if (ret == 0)
		return 0;
	if (ret < 0)
		return dxf_err_set(err, -ret, "%s: cannot tell what is in it: "
				   "%s; -F does not look", path,
				   strerror(-ret));
	snprintf(question, sizeof(question), "%s has %s in it.  Make a new "
		 "filesystem over it?", path, what);
	ret = dxf_target_ask(question);
	if (ret > 0)
		return 0;
	if (ret == 0)
		return dxf_err_set(err, ECANCELED, "nothing was changed");
	return dxf_err_set(err, EEXIST, "%s has %s in it: -F makes a new "
			   "filesystem over it", path, what);
}

/* ---- mke2fs ---- */

static void print_command(char *const *command)
{
	printf("mkfs.daxfuse:");
	for (; *command != NULL; command++)
		printf(" %s", *command);
	printf("\n");
}

static int run_mke2fs(const struct dxf_mkfsopts *o, struct dxf_view *v,
		      const char *path, struct dxf_err *err)
{
	char **command;
	int ret = dxf_mkfsopts_command(o, path, &command);

	if (ret != 0)
		return dxf_err_set(err, -ret, "out of memory");
	if (!o->quiet)
		print_command(command);
	ret = dxf_private_run(v, command);
	dxf_mkfsopts_free(command);
	if (ret < 0)
		return dxf_err_set(err, -ret, "%s: the view of it ended: %s",
				   path, strerror(-ret));
	if (ret == DXF_RUN_NOT_FOUND)
		return dxf_err_set(err, ENOENT, "mke2fs is missing: install "
				   "e2fsprogs");
	return ret == 0 ? 0 :
		dxf_err_set(err, EIO, "mke2fs failed with status %d: there is "
			    "no filesystem on %s now", ret, path);
}

static int make_through(const struct dxf_mkfsopts *o, struct dxf_view *v,
			const char *path, bool is_new, struct dxf_err *err)
{
	int ret = dxf_private_enter(err);

	if (ret == 0)
		ret = dxf_view_mount_over(v, err);
	if (ret == 0 && !is_new && !o->force && !o->dry_run)
		ret = check_content(o, v, path, err);
	return ret == 0 ? run_mke2fs(o, v, path, err) : ret;
}

static int make_ext2(const struct dxf_mkfsopts *o, struct dxf_region *r,
		     bool is_new, struct dxf_err *err)
{
	const char *path = dxf_region_path(r);
	struct dxf_view_opts vopts = { .fsname = path };
	struct dxf_view *v;
	int ret;

	assert(dxf_region_is_locked(r) && !dxf_region_is_ro(r));
	if (o->size > dxf_region_size(r))
		return dxf_err_set(err, EFBIG, "%s has only %llu bytes", path,
				   (unsigned long long)dxf_region_size(r));
	ret = dxf_view_open(&v, r, &vopts, err);
	if (ret != 0)
		return ret;
	ret = make_through(o, v, path, is_new, err);
	dxf_view_close(v);
	return ret;
}

/* ---- the log ---- */

static int make_log(struct dxf_region *r, struct dxf_err *err)
{
	struct dxf_fs_opts opts;
	struct dxf_err why;
	struct dxf_fs *fs;
	int ret;

	dxf_fs_default_opts(&opts);
	ret = dxf_fs_open(&fs, r, &opts, &why);
	if (ret != 0)
		return dxf_err_set(err, -ret, "the filesystem was made, but "
				   "daxfuse cannot mount it: %s", why.text);
	ret = dxf_fs_close(fs);
	return ret == 0 ? 0 : dxf_err_set(err, -ret, "%s: making the redo "
					  "log: %s", dxf_region_path(r),
					  strerror(-ret));
}

static int make(const struct dxf_mkfsopts *o, struct dxf_err *err)
{
	const struct dxf_region_opts ropts = { .thin = true };
	struct dxf_region *r;
	int is_new, ret;

	is_new = prepare_target(o, err);
	if (is_new < 0)
		return is_new;
	ret = dxf_tool_open(&r, o->target, &ropts, err);
	if (ret == 0) {
		ret = make_ext2(o, r, is_new, err);
		if (ret == 0 && !o->dry_run)
			ret = make_log(r, err);
		if (ret == 0 && !o->dry_run && !o->quiet)
			printf("%s: %s, ready for daxfuse\n",
			       dxf_region_path(r), dxf_region_describe(r));
		dxf_region_close(r);
	}
	if (ret != 0 && is_new)
		unlink(o->target);
	return ret;
}

int main(int argc, char **argv)
{
	struct dxf_mkfsopts o;
	struct dxf_err err;

	if (dxf_mkfsopts_parse(&o, argc, argv, &err) != 0)
		return fail(&err);
	if (o.help || o.version) {
		if (o.version)
			printf("mkfs.daxfuse %s\n", DXF_VERSION);
		else
			usage(stdout);
		return 0;
	}
	assert(o.target != NULL);
	if (o.quiet)
		dxf_log_set_level(DXF_LOG_WARN);
	dxf_target_extend_path();
	return make(&o, &err) == 0 ? 0 : fail(&err);
}
