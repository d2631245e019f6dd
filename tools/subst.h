/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subst.h - a name put into a program's arguments.
 */
#ifndef DXF_SUBST_H
#define DXF_SUBST_H

/*
 * The same arguments with each "{}" in them replaced by @name.  No shell has
 * a look at them.
 * Ownership: one block, released with free(3); arguments without "{}" still
 * point to where @argv does.
 * Returns: NULL: no memory.
 */
char **dxf_subst(char *const argv[], const char *name);

#endif
