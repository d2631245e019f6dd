/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opthelp.c - the help that is printed from the table of options.
 */
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "opttable.h"

#define LEFT	22	/* columns of the name */

static const char usage[] =
	"usage: daxfuse SOURCE MOUNTPOINT [-dfrs] [-o OPTION[,OPTION...]]\n"
	"\n"
	"Mount the ext2 filesystem on SOURCE (a device-DAX device, an\n"
	"image file or a block device) on the directory MOUNTPOINT.\n"
	"\n"
	"  -o OPTIONS  mount options, see below\n"
	"  -r          the same as -o ro\n"
	"  -f          stay in the foreground\n"
	"  -d          -f, and log every request to standard error\n"
	"  -s          one thread\n"
	"  -h          this help\n"
	"  -V          the versions\n"
	"\n"
	"Options:\n";

static const char rest[] =
	"\n"
	"The other options of mount(8), FUSE, ext4 and fuse2fs are accepted\n"
	"without effect or refused; daxfuse(8) lists them, and says why.\n"
	"Unmount with umount(8), or fusermount3 -u MOUNTPOINT.\n";

static void help_option(const struct dxf_opt *o)
{
	char left[64];

	if (o->help == NULL || !dxf_opt_does(o))
		return;
	if (o->arg != NULL)
		snprintf(left, sizeof(left), "%s%s=%s%s", o->name,
			 o->bare ? "[" : "", o->arg, o->bare ? "]" : "");
	else
		snprintf(left, sizeof(left), "%s", o->name);
	if (strlen(left) <= LEFT)
		printf("  %-*s  %s\n", LEFT, left, o->help);
	else
		printf("  %s\n  %-*s  %s\n", left, LEFT, "", o->help);
}

void dxf_options_help(void)
{
	const struct dxf_opt *o;

	fputs(usage, stdout);
	for (o = dxf_opt_table; o->name != NULL; o++)
		help_option(o);
	fputs(rest, stdout);
}
