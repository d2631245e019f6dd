/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * treeprint.h - between treeprint.c and treemake.c.
 */
#ifndef DXF_POSIX_TREEPRINT_H
#define DXF_POSIX_TREEPRINT_H

/*
 * Make @dir with one of everything in it.  Returns: 0; 1 said on stderr why
 * not.  What the filesystem does not do at all (xattrs, ACLs) is left out.
 */
int tree_make(const char *dir);

#endif
