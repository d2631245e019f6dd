/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opttable.h - the table of `-o` words, for options.c and opthelp.c alone.
 */
#ifndef DXF_OPTTABLE_H
#define DXF_OPTTABLE_H

#include <stddef.h>

enum dxf_opt_kind {
	DXF_OPT_BOOL,		/* a bool := .value */
	DXF_OPT_INT,		/* an int or enum := .value */
	DXF_OPT_WORD,		/* an enum := the value of one of .words */
	DXF_OPT_SIZE,		/* a uint64_t: bytes, with k, m, g, t */
	DXF_OPT_UINT,		/* an unsigned int in [.min, .max] */
	DXF_OPT_STRING,		/* a char *, replaced */
	DXF_OPT_IGNORE,		/* said to mount(8) or systemd, not to us */
	DXF_OPT_REFUSE,		/* known, and refused with .help as reason */
};

struct dxf_opt_word {
	const char *name;
	int value;
};

struct dxf_opt {
	const char *name;	/* a trailing "-": any word that begins so */
	enum dxf_opt_kind kind;
	size_t at;		/* offset in struct dxf_options */
	int value;		/* also of a WORD given without "=" ... */
	const struct dxf_opt_word *words;
	unsigned int min, max;
	bool bare;		/* ... if it may be */
	const char *arg;	/* the value's name, for --help */
	const char *help;	/* NULL: the line above says it */
};

/* Ends with a NULL name. */
extern const struct dxf_opt dxf_opt_table[];

#endif
