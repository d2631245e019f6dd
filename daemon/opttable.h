/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opttable.h - the table of `-o` words, for options.c and what prints it.
 */
#ifndef DXF_OPTTABLE_H
#define DXF_OPTTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum dxf_opt_kind {
	DXF_OPT_BOOL,		/* a bool := .value */
	DXF_OPT_INT,		/* an int or enum := .value */
	DXF_OPT_WORD,		/* an enum := the value of one of .words */
	DXF_OPT_SIZE,		/* a uint64_t: bytes, with k, m, g, t */
	DXF_OPT_UINT,		/* an unsigned int in [.min, .max] */
	DXF_OPT_STRING,		/* a char *, replaced */
	DXF_OPT_ACCEPT,		/* any value, no effect, .help says why */
	DXF_OPT_REFUSE,		/* an error, .help says why */
};

/* Whose option it is: each of theirs is in the table. */
enum dxf_opt_from {
	DXF_FROM_MOUNT = 1 << 0,	/* mount(8), whatever the type */
	DXF_FROM_FUSE = 1 << 1,		/* mount.fuse3(8), libfuse */
	DXF_FROM_EXT = 1 << 2,		/* ext2, ext3, ext4 */
	DXF_FROM_FUSE2FS = 1 << 3,
};

struct dxf_opt_word {
	const char *name;
	int value;
};

struct dxf_opt {
	const char *name;	/* a trailing "*": any word that begins so */
	enum dxf_opt_kind kind;
	unsigned int from;	/* enum dxf_opt_from; 0: ours alone */
	size_t at;		/* offset in struct dxf_options */
	int value;		/* also of a WORD given without "=" ... */
	const struct dxf_opt_word *words;
	unsigned int min, max;
	bool bare;		/* ... if it may be */
	const char *arg;	/* the value's name, for --help */
	const char *help;	/* NULL: a neighbour's line says it */
};

/* Ends with a NULL name. */
extern const struct dxf_opt dxf_opt_table[];

static inline bool dxf_opt_does(const struct dxf_opt *o)
{
	return o->kind != DXF_OPT_ACCEPT && o->kind != DXF_OPT_REFUSE;
}

#endif
