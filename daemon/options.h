/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options.h - the command line: what the user asked for, checked.
 *
 * The table of opttable.c says of each `-o` word its name, its kind, where it
 * goes and its line of help, or why it has no effect or is refused; parsing,
 * --help and the manual come from it.  The module does not know what an option
 * makes happen.
 */
#ifndef DXF_OPTIONS_H
#define DXF_OPTIONS_H

#include "err.h"
#include "fs.h"
#include "region.h"

/* Exit statuses, as mount(8) has them. */
enum dxf_exit {
	DXF_EXIT_OK = 0,
	DXF_EXIT_USAGE = 1,
	DXF_EXIT_SYSTEM = 2,
	DXF_EXIT_INTERRUPTED = 8,
	DXF_EXIT_MOUNT = 32,
};

enum dxf_dax_mode { DXF_DAX_INODE, DXF_DAX_ALWAYS, DXF_DAX_NEVER };

/* An option that has a default of its own where nothing was said. */
enum dxf_tri { DXF_TRI_UNSET, DXF_TRI_NO, DXF_TRI_YES };

/* SELinux labels, for the kernel. */
enum dxf_context {
	DXF_CONTEXT_ALL,
	DXF_CONTEXT_FS,
	DXF_CONTEXT_DEF,
	DXF_CONTEXT_ROOT,
	DXF_CONTEXTS
};

#define DXF_WORKERS_MAX	64

struct dxf_options {
	/* as the layers below want them */
	struct dxf_region_opts region;
	struct dxf_fs_opts fs;

	/* for the session */
	enum dxf_dax_mode dax;
	enum dxf_tri mcsafe;
	enum dxf_tri io_uring;
	enum dxf_tri suid, dev, exec;
	bool allow_other;
	bool allow_root;
	bool fakeroot;
	bool nosymfollow;
	char *setuid;			/* NULL: who called */
	bool drop_privileges;
	bool nofail;
	bool auto_unmount;
	char *context[DXF_CONTEXTS];	/* without quotes; NULL: not given */
	unsigned int workers;		/* 0: by the number of CPUs */
	char *fsname;			/* NULL: the real path of the source */
	char *subtype;

	/* for the process */
	char *source;
	char *mountpoint;		/* as given */
	bool helper;			/* called as mount.TYPE by mount(8) */
	bool sloppy, fake, verbose;	/* mount(8)'s -s, -f, -v */
	char *ns;			/* its -N; NULL: ours */
	bool writeback;
	bool remount;			/* change a mount, serve nothing */
	bool foreground;
	bool debug;
	char *debug_modules;		/* NULL: all */
	bool noconfine;
	bool help, version;
};

/*
 * Parse the command line - called as mount.*, the flags are mount(8)'s.
 * Ownership: *@o is released by dxf_options_free(), after a failure too.
 * Returns: 0; -EINVAL with a sentence in @err.
 */
int dxf_options_parse(struct dxf_options *o, int argc, char **argv,
		      struct dxf_err *err);
void dxf_options_free(struct dxf_options *o);

/*
 * Print the usage, with a line for each option that does something, to standard
 * output; no line is longer than 79 columns.
 */
void dxf_options_help(void);

#endif
