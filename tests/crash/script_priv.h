/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * script_priv.h - between the files of the script interpreter.
 */
#ifndef CRASH_SCRIPT_PRIV_H
#define CRASH_SCRIPT_PRIV_H

#include "script.h"

struct script_op {
	const char *name;
	int nargs;
	int (*fn)(struct script_fs *x, char *const *arg);
	enum tree_rule rule;
};

extern const struct script_op script_name_ops[], script_file_ops[];
extern const size_t script_nname_ops, script_nfile_ops;
extern const struct dxf_cred script_root;

/* "12", "0x10", "3k", "1m". */
uint64_t script_num(const char *s);

/*
 * The inode behind a path, "" for the root, with a lookup that
 * script_forget() gives back.  Returns: 0, -errno.
 */
int script_lookup(struct script_fs *x, const char *path, struct dxf_attr *out);
void script_forget(struct script_fs *x, dxf_ino_t ino);
/* The directory of a path (one lookup as well) and the name in it. */
int script_parent(struct script_fs *x, const char *path, dxf_ino_t *dir,
		  const char **name);
/* Release and forget, if it is open. */
void script_close_handle(struct script_fs *x, int h);

#endif
