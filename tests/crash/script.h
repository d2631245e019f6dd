/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * script.h - workloads as text: "creat a; write a 0 3000; rename a b".
 *
 *	creat P   mkdir P   fifo P   symlink P LEN   link P Q
 *	unlink P  rmdir P   rename P Q   exchange P Q   noreplace P Q
 *	write P OFF LEN     append P LEN    writeb (the same in batches)
 *	rescue P OFF LEN    (a write to media that went bad)
 *	trunc P SIZE   falloc P OFF LEN   keep P OFF LEN   punch P OFF LEN
 *	zero P OFF LEN      copy P OFF Q OFF LEN
 *	chmod P MODE   chown P UID GID   utimes P N   setflags P FLAGS
 *	setx P NAME LEN     rmx P NAME   acl P
 *	fsync P   sync   quiet   open P H   close H   tmpfile DIR H   hlink H P
 *	hwrite H OFF LEN    htrunc H SIZE
 *	litter P (bytes behind the end of file)
 *	fill P LEFT (all blocks but LEFT)   many DIR N LEN (N names)
 *	mount   umount   remount
 *
 * Numbers take the suffixes k and m.  A step behind "!" must fail,
 * one behind "?" may.
 */
#ifndef CRASH_SCRIPT_H
#define CRASH_SCRIPT_H

#include "tree.h"

#define SCRIPT_STEPS	256
#define SCRIPT_ARGS	6
#define SCRIPT_HANDLES	4

struct script_step {
	char text[512];		/* cut into words */
	char *arg[SCRIPT_ARGS];	/* arg[0] names the operation */
	int nargs;
	bool must_fail, may_fail;
};

struct script {
	struct script_step step[SCRIPT_STEPS];
	unsigned int n;
};

/* A filesystem that a script runs on. */
struct script_fs {
	struct dxf_region *region;
	struct dxf_fs_opts opts;
	struct dxf_fs *fs;		/* NULL: not mounted */
	unsigned int seq;		/* distinguishes the bytes of writes */
	dxf_ino_t handle[SCRIPT_HANDLES];
};

/* Aborts on a syntax error: scripts are ours. */
void script_parse(struct script *s, const char *text);
/* Returns: 0; -errno. */
int script_step(struct script_fs *x, const struct script_step *step);
/* Mount; give back what handles hold and unmount.  Return: 0; -errno. */
int script_mount(struct script_fs *x, char *why, size_t cap);
int script_umount(struct script_fs *x);
/* How an interrupted @step may leave its file; @path as tree_between's. */
enum tree_rule script_rule(const struct script_step *step, const char **path);

#endif
