/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountinfo.h - what is mounted where, as a process sees it.
 */
#ifndef DXF_MOUNTINFO_H
#define DXF_MOUNTINFO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* In such tables blanks and the like are written as \ooo: undo it in place. */
void dxf_mountinfo_unescape(char *s);

struct dxf_mount {
	uint64_t id;
	const char *target;	/* absolute */
	const char *type;	/* such as "ext4" or "fuse.daxfuse" */
	const char *source;
	bool ro;		/* the filesystem itself, not this mount of it */
};

/*
 * Call @fn for each mount that process @pid sees (0: this one), in the order
 * in which they were mounted, until it returns true.  The strings are @fn's
 * only during the call.
 * Returns: 0; -errno: the table cannot be read.
 */
int dxf_mountinfo_each(pid_t pid,
		       bool (*fn)(void *ctx, const struct dxf_mount *m),
		       void *ctx);

/* The same from where @table, an open mountinfo, is read now. */
void dxf_mountinfo_read(FILE *table,
			bool (*fn)(void *ctx, const struct dxf_mount *m),
			void *ctx);

/*
 * The source of what was mounted last on @target, an absolute name.
 * Ownership: released with free(3).
 * Returns: NULL: nothing is mounted there.
 */
char *dxf_mountinfo_source(const char *target);

/*
 * Where process @pid (0: this one) sees a mount that names @source.
 * Ownership: released with free(3).
 * Returns: NULL: nowhere, or it cannot be known.
 */
char *dxf_mountinfo_target(pid_t pid, const char *source);

#endif
