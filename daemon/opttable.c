/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opttable.c - every `-o` word, and the help that is printed from them.
 *
 * Owns the table; what an entry does to struct dxf_options is options.c's.
 * A word that is not here is an error: nothing reaches libfuse unasked.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "opttable.h"

#define AT(m)	offsetof(struct dxf_options, m)

#define BOOL(n, m, v, h) \
	{ .name = n, .kind = DXF_OPT_BOOL, .at = AT(m), .value = v, .help = h }
#define INT(n, m, v, h) \
	{ .name = n, .kind = DXF_OPT_INT, .at = AT(m), .value = v, .help = h }
#define WORD(n, m, w, a, h) \
	{ .name = n, .kind = DXF_OPT_WORD, .at = AT(m), .words = w, \
	  .arg = a, .help = h }
#define SIZE(n, m, h) \
	{ .name = n, .kind = DXF_OPT_SIZE, .at = AT(m), .arg = "BYTES", \
	  .help = h }
#define UINT(n, m, lo, hi, a, h) \
	{ .name = n, .kind = DXF_OPT_UINT, .at = AT(m), .min = lo, .max = hi, \
	  .arg = a, .help = h }
#define STRING(n, m, a, h) \
	{ .name = n, .kind = DXF_OPT_STRING, .at = AT(m), .arg = a, .help = h }
#define IGNORE(n, h) \
	{ .name = n, .kind = DXF_OPT_IGNORE, .help = h }
#define REFUSE(n, why) \
	{ .name = n, .kind = DXF_OPT_REFUSE, .help = why }

static const struct dxf_opt_word granularity_words[] = {
	{ "byte", DXF_GRANULARITY_BYTE },
	{ "cacheline", DXF_GRANULARITY_CACHELINE },
	{ "page", DXF_GRANULARITY_PAGE },
	{ NULL },
};

static const struct dxf_opt_word dax_words[] = {
	{ "inode", DXF_DAX_INODE },
	{ "always", DXF_DAX_ALWAYS },
	{ "never", DXF_DAX_NEVER },
	{ NULL },
};

static const struct dxf_opt_word errors_words[] = {
	{ "continue", DXF_ERRORS_CONTINUE },
	{ "remount-ro", DXF_ERRORS_RO },
	{ "panic", DXF_ERRORS_PANIC },
	{ NULL },
};

static const struct dxf_opt_word durability_words[] = {
	{ "write", DXF_DURABILITY_WRITE },
	{ "fsync", DXF_DURABILITY_FSYNC },
	{ NULL },
};

const struct dxf_opt dxf_opt_table[] = {
	BOOL("ro", region.ro, true,
	     "read-only: not one byte of SOURCE changes"),
	BOOL("rw", region.ro, false, "read-write (default)"),
	SIZE("offset", region.offset, "the filesystem begins there in SOURCE"),
	SIZE("img_offset", region.offset,
	     "the same, for fstab, where mount(8) eats offset="),
	SIZE("sizelimit", region.size,
	     "and is that long (default: to the end)"),
	SIZE("img_size", region.size, "the same, for fstab"),
	WORD("granularity", region.granularity, granularity_words,
	     "byte|cacheline|page", "what makes a store persistent (default: "
	     "found out)"),
	{ .name = "dax", .kind = DXF_OPT_WORD, .at = AT(dax),
	  .words = dax_words, .value = DXF_DAX_ALWAYS, .bare = true,
	  .arg = "inode|always|never",
	  .help = "bypass the page cache: by the file's flag (default), "
		  "always, never" },
	WORD("durability", fs.durability, durability_words, "write|fsync",
	     "when data is durable on DAX media (default: write)"),
	UINT("commit", fs.commit, 0, 3600, "SECONDS",
	     "flush page media that often (default, and 0: 5)"),
	WORD("errors", fs.errors, errors_words, "continue|remount-ro|panic",
	     "on corruption (default: as the superblock says)"),
	SIZE("log", fs.log_size,
	     "size of a new redo log (default: by the filesystem's)"),
	BOOL("nolog", fs.nolog, true,
	     "no redo log: a crash may leave work for e2fsck"),
	BOOL("norecovery", fs.norecovery, true,
	     "with ro: what a crash left in the log is not looked at"),
	BOOL("noload", fs.norecovery, true, NULL),
	BOOL("force", fs.force, true,
	     "read-write although not cleanly unmounted"),
	INT("atime", fs.atime, DXF_ATIME_RELATIME, NULL),
	INT("relatime", fs.atime, DXF_ATIME_RELATIME,
	    "access times: once a day or after a change (default)"),
	INT("norelatime", fs.atime, DXF_ATIME_STRICT, NULL),
	INT("strictatime", fs.atime, DXF_ATIME_STRICT, "at each access"),
	INT("noatime", fs.atime, DXF_ATIME_NONE, "never"),
	BOOL("nodiratime", fs.nodiratime, true, "never for directories"),
	BOOL("diratime", fs.nodiratime, false, NULL),
	BOOL("lazytime", fs.lazytime, true,
	     "times are written at fsync, eviction and unmount only"),
	BOOL("nolazytime", fs.lazytime, false, NULL),
	BOOL("sync", fs.sync, true, "every operation as if with O_SYNC"),
	BOOL("async", fs.sync, false, NULL),
	BOOL("dirsync", fs.dirsync, true, "the same, for directories"),
	BOOL("acl", fs.acl, true, "POSIX access control lists (default)"),
	BOOL("noacl", fs.acl, false, NULL),
	BOOL("user_xattr", fs.user_xattr, true,
	     "user.* extended attributes (default)"),
	BOOL("nouser_xattr", fs.user_xattr, false, NULL),
	BOOL("allow_other", allow_other, true,
	     "all users may enter (default when root mounts)"),
	BOOL("allow_root", allow_root, true, "you and root may enter"),
	IGNORE("default_permissions", "always on"),
	INT("suid", suid, DXF_TRI_YES, NULL),
	INT("nosuid", suid, DXF_TRI_NO, "no setuid and setgid programs"),
	INT("dev", dev, DXF_TRI_YES, NULL),
	INT("nodev", dev, DXF_TRI_NO, "no device files"),
	INT("exec", exec, DXF_TRI_YES, NULL),
	INT("noexec", exec, DXF_TRI_NO, "no programs"),
	STRING("fsname", fsname, "NAME",
	       "shown as the source (default: its real path)"),
	STRING("subtype", subtype, "NAME",
	       "shown as the type (default: daxfuse)"),
	INT("mcsafe", mcsafe, DXF_TRI_YES,
	    "read through guarded copies (default on pmem)"),
	INT("nomcsafe", mcsafe, DXF_TRI_NO, NULL),
	UINT("workers", workers, 1, DXF_WORKERS_MAX, "N",
	     "threads (default: one for each CPU, 2 to 8)"),
	BOOL("noconfine", noconfine, true,
	     "keep privileges and system calls, for a debugger"),
	BOOL("debug", debug, true, "log every request"),
	IGNORE("defaults", NULL),
	IGNORE("auto", NULL),
	IGNORE("noauto", NULL),
	IGNORE("nofail", NULL),
	IGNORE("_netdev", NULL),
	IGNORE("user", NULL),
	IGNORE("users", NULL),
	IGNORE("nouser", NULL),
	IGNORE("owner", NULL),
	IGNORE("group", NULL),
	IGNORE("comment", NULL),
	IGNORE("silent", NULL),
	IGNORE("loud", NULL),
	IGNORE("x-", NULL),
	IGNORE("X-", NULL),
	REFUSE("remount", "a mounted daxfuse cannot be changed; unmount it and "
	       "mount it again"),
	{ NULL },
};

static void help_option(const struct dxf_opt *o)
{
	char left[64];

	if (o->help == NULL || o->kind == DXF_OPT_REFUSE)
		return;
	if (o->arg != NULL)
		snprintf(left, sizeof(left), "%s%s=%s%s", o->name,
			 o->bare ? "[" : "", o->arg, o->bare ? "]" : "");
	else
		snprintf(left, sizeof(left), "%s", o->name);
	if (strlen(left) < 22)
		printf("  %-22s  %s\n", left, o->help);
	else
		printf("  %s\n  %-22s  %s\n", left, "", o->help);
}

void dxf_options_help(void)
{
	const struct dxf_opt *o;

	printf("usage: daxfuse SOURCE MOUNTPOINT [-o OPTION[,OPTION...]]\n"
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
	       "Options:\n");
	for (o = dxf_opt_table; o->name != NULL; o++)
		help_option(o);
	printf("\nUnmount with umount(8), or fusermount3 -u MOUNTPOINT.\n");
}
