/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opttable.c - every `-o` word of ours, of mount(8), of FUSE, of the ext
 * filesystems and of fuse2fs: what it does, or why it does nothing, or why it
 * is refused.
 *
 * Owns the table; parsing, --help and the lists of the manual come from it, and
 * what an entry does to struct dxf_options is options.c's.  A word that is not
 * here is an error: nothing reaches libfuse unasked.
 */
#include "opttable.h"

#include "options.h"

#define AT(m)	offsetof(struct dxf_options, m)
#define MOUNT	DXF_FROM_MOUNT
#define FUSE	DXF_FROM_FUSE
#define EXT	DXF_FROM_EXT
#define FUSE2FS	DXF_FROM_FUSE2FS

#define BOOL(n, f, m, v, h) \
	{ .name = n, .from = f, .kind = DXF_OPT_BOOL, .at = AT(m), \
	  .value = v, .help = h }
#define INT(n, f, m, v, h) \
	{ .name = n, .from = f, .kind = DXF_OPT_INT, .at = AT(m), \
	  .value = v, .help = h }
#define WORD(n, f, m, w, a, h) \
	{ .name = n, .from = f, .kind = DXF_OPT_WORD, .at = AT(m), \
	  .words = w, .arg = a, .help = h }
#define SIZE(n, f, m, h) \
	{ .name = n, .from = f, .kind = DXF_OPT_SIZE, .at = AT(m), \
	  .arg = "BYTES", .help = h }
#define UINT(n, f, m, lo, hi, a, h) \
	{ .name = n, .from = f, .kind = DXF_OPT_UINT, .at = AT(m), \
	  .min = lo, .max = hi, .arg = a, .help = h }
#define STRING(n, f, m, a, h) \
	{ .name = n, .from = f, .kind = DXF_OPT_STRING, .at = AT(m), \
	  .arg = a, .help = h }
#define ACCEPT(n, f, why) \
	{ .name = n, .from = f, .kind = DXF_OPT_ACCEPT, .help = why }
#define REFUSE(n, f, why) \
	{ .name = n, .from = f, .kind = DXF_OPT_REFUSE, .help = why }

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

/* Why an option has no effect, or is refused. */
#define BY_MOUNT	"mount(8) and systemd act on it"
#define IS_DEFAULT	"that is how it is"
#define IS_SET	"daxfuse sets it by itself"
#define NO_LOCKS	"the kernel has no mandatory locks any more"
#define NO_JOURNAL \
	"there is no journal; DURABILITY has what is promised"
#define NO_BLOCK \
	"there is no block device queue, and so no barrier, TRIM or read-ahead"
#define NO_TUNING	"it tunes the kernel's allocator and caches"
#define KEEPS_CACHE \
	"the kernel's caches are kept true, there is nothing to choose"
#define NO_VERSION	"FUSE has no way to show i_version"
#define IS_MOUNTS \
	"it belongs to mount(8), which does not call daxfuse for it"
#define NO_QUOTA	"FUSE has no quotas"
#define NO_EXTJOURNAL	"a journal is not used"
#define FS_OWNS		"owners and modes are the filesystem's own"
#define NO_QUOTA_ASKED	"there are no quotas"

const struct dxf_opt dxf_opt_table[] = {
	/* ---- what they do ---- */
	BOOL("ro", MOUNT | FUSE | FUSE2FS, region.ro, true,
	     "read-only: not one byte of SOURCE changes"),
	BOOL("rw", MOUNT | FUSE, region.ro, false, "read-write (default)"),
	SIZE("offset", MOUNT | FUSE2FS, region.offset,
	     "the filesystem begins there in SOURCE"),
	SIZE("sizelimit", MOUNT, region.size,
	     "and is that long (default: to the end)"),
	SIZE("img_offset", 0, region.offset,
	     "the same: mount(8) keeps offset= to itself"),
	SIZE("img_size", 0, region.size, "the same: mount(8) keeps sizelimit="),
	WORD("granularity", 0, region.granularity, granularity_words,
	     "byte|cacheline|page",
	     "what makes a store persistent (default: found out)"),
	{ .name = "dax", .from = EXT, .kind = DXF_OPT_WORD, .at = AT(dax),
	  .words = dax_words, .value = DXF_DAX_ALWAYS, .bare = true,
	  .arg = "inode|always|never",
	  .help = "files that bypass the page cache (default: inode)" },
	WORD("durability", 0, fs.durability, durability_words, "write|fsync",
	     "when data is durable on DAX media (default: write)"),
	UINT("commit", EXT, fs.commit, 0, 3600, "SECONDS",
	     "flush page media that often (default, and 0: 5)"),
	WORD("errors", EXT | FUSE2FS, fs.errors, errors_words,
	     "continue|remount-ro|panic",
	     "on corruption (default: remount-ro)"),
	SIZE("log", 0, fs.log_size, "size of a new redo log"),
	BOOL("remount", MOUNT, remount, true,
	     "with ro or rw: change a mount (and suid, dev, exec)"),
	BOOL("nolog", 0, fs.nolog, true,
	     "no redo log: a crash may leave work for e2fsck"),
	BOOL("norecovery", EXT | FUSE2FS, fs.norecovery, true,
	     "with ro: what a crash left in the log is ignored"),
	BOOL("noload", EXT, fs.norecovery, true, NULL),
	BOOL("force", 0, fs.force, true,
	     "read-write although not cleanly unmounted"),
	INT("relatime", MOUNT, fs.atime, DXF_ATIME_RELATIME,
	    "access times: daily or after a change (default)"),
	INT("atime", MOUNT | FUSE, fs.atime, DXF_ATIME_RELATIME, NULL),
	INT("nostrictatime", MOUNT, fs.atime, DXF_ATIME_RELATIME, NULL),
	INT("strictatime", MOUNT, fs.atime, DXF_ATIME_STRICT,
	    "access times: at each access"),
	INT("norelatime", MOUNT, fs.atime, DXF_ATIME_STRICT, NULL),
	INT("noatime", MOUNT | FUSE, fs.atime, DXF_ATIME_NONE,
	    "access times: never"),
	BOOL("nodiratime", MOUNT, fs.nodiratime, true,
	     "no access times for directories"),
	BOOL("diratime", MOUNT, fs.nodiratime, false, NULL),
	BOOL("lazytime", MOUNT | EXT, fs.lazytime, true,
	     "write times at fsync, eviction and unmount only"),
	BOOL("nolazytime", MOUNT | EXT, fs.lazytime, false, NULL),
	BOOL("sync", MOUNT | FUSE, fs.sync, true,
	     "every operation as if with O_SYNC"),
	BOOL("async", MOUNT | FUSE, fs.sync, false, NULL),
	BOOL("dirsync", MOUNT | FUSE, fs.dirsync, true,
	     "the same, for directories"),
	INT("acl", EXT, fs.acl, DXF_ON,
	    "POSIX ACLs (default: by the superblock)"),
	INT("noacl", EXT, fs.acl, DXF_OFF, NULL),
	INT("user_xattr", EXT, fs.user_xattr, DXF_ON,
	    "user.* attributes (default: by the superblock)"),
	INT("nouser_xattr", EXT, fs.user_xattr, DXF_OFF, NULL),
	INT("grpid", EXT, fs.grpid, DXF_ON,
	    "new files get their directory's group"),
	INT("bsdgroups", EXT, fs.grpid, DXF_ON, NULL),
	INT("nogrpid", EXT, fs.grpid, DXF_OFF,
	    "... or their creator's (default: by superblock)"),
	INT("sysvgroups", EXT, fs.grpid, DXF_OFF, NULL),
	UINT("resuid", EXT, fs.resuid, 0, DXF_ID_MAX, "UID",
	     "who may use the reserved blocks"),
	UINT("resgid", EXT, fs.resgid, 0, DXF_ID_MAX, "GID",
	     "whose members may use the reserved blocks"),
	BOOL("minixdf", EXT | FUSE2FS, fs.minixdf, true,
	     "df counts the format's own blocks, too"),
	BOOL("bsddf", EXT, fs.minixdf, false, NULL),
	BOOL("allow_other", FUSE, allow_other, true,
	     "all users may enter (default when root mounts)"),
	BOOL("auto_unmount", FUSE, auto_unmount, true,
	     "unmount even if the daemon is killed"),
	BOOL("allow_root", FUSE, allow_root, true,
	     "you and root may enter"),
	INT("suid", MOUNT | FUSE, suid, DXF_TRI_YES, NULL),
	INT("nosuid", MOUNT | FUSE, suid, DXF_TRI_NO,
	    "no setuid and setgid programs"),
	INT("dev", MOUNT | FUSE, dev, DXF_TRI_YES, NULL),
	INT("nodev", MOUNT | FUSE, dev, DXF_TRI_NO, "no device files"),
	INT("exec", MOUNT | FUSE, exec, DXF_TRI_YES, NULL),
	INT("noexec", MOUNT | FUSE, exec, DXF_TRI_NO, "no programs"),
	BOOL("nosymfollow", MOUNT, nosymfollow, true,
	     "do not follow symbolic links (root only)"),
	BOOL("symfollow", MOUNT, nosymfollow, false, NULL),
	STRING("context", MOUNT | FUSE, context[DXF_CONTEXT_ALL], "CONTEXT",
	       "SELinux: the label of everything in it"),
	STRING("fscontext", MOUNT | FUSE, context[DXF_CONTEXT_FS], "CONTEXT",
	       "SELinux: the label of the filesystem"),
	STRING("defcontext", MOUNT | FUSE, context[DXF_CONTEXT_DEF], "CONTEXT",
	       "SELinux: the label of files that have none"),
	STRING("rootcontext", MOUNT | FUSE, context[DXF_CONTEXT_ROOT],
	       "CONTEXT", "SELinux: the label of the root directory"),
	STRING("setuid", FUSE, setuid, "USER",
	       "mount and serve as USER, with their groups"),
	BOOL("drop_privileges", FUSE, drop_privileges, true,
	     "fail if the privileges cannot be given up"),
	BOOL("nofail", MOUNT, nofail, true,
	     "for mount(8): no error if SOURCE does not exist"),
	STRING("fsname", FUSE, fsname, "NAME",
	       "shown as the source (default: its real path)"),
	STRING("subtype", FUSE, subtype, "NAME",
	       "shown as the type (default: daxfuse)"),
	BOOL("fakeroot", FUSE2FS, fakeroot, true,
	     "no permission checks: all may do what root may"),
	INT("mcsafe", 0, mcsafe, DXF_TRI_YES,
	    "read through guarded copies (default on pmem)"),
	INT("nomcsafe", 0, mcsafe, DXF_TRI_NO, NULL),
	BOOL("writeback", 0, writeback, true,
	     "the kernel writes back later: durable after fsync"),
	INT("io_uring", 0, io_uring, DXF_TRI_YES,
	    "requests by io_uring (default where allowed)"),
	INT("no_io_uring", 0, io_uring, DXF_TRI_NO,
	    "requests by /dev/fuse"),
	UINT("workers", 0, workers, 1, DXF_WORKERS_MAX, "N",
	     "threads (default: one for each CPU, at least 4)"),
	BOOL("noconfine", 0, noconfine, true,
	     "keep privileges and system calls, for a debugger"),
	BOOL("debug", FUSE | EXT, debug, true, "log every request"),
	STRING("debug_modules", 0, debug_modules, "NAMES",
	       "only of these parts, such as txn:fs"),
	BOOL("fuse2fs_debug", FUSE2FS, debug, true, NULL),

	/* ---- accepted, without effect ---- */
	ACCEPT("defaults", MOUNT, IS_DEFAULT),
	ACCEPT("auto", MOUNT, BY_MOUNT),
	ACCEPT("noauto", MOUNT, BY_MOUNT),
	ACCEPT("_netdev", MOUNT, BY_MOUNT),
	ACCEPT("user", MOUNT, BY_MOUNT),
	ACCEPT("nouser", MOUNT, BY_MOUNT),
	ACCEPT("users", MOUNT, BY_MOUNT),
	ACCEPT("nousers", MOUNT, BY_MOUNT),
	ACCEPT("owner", MOUNT, BY_MOUNT),
	ACCEPT("noowner", MOUNT, BY_MOUNT),
	ACCEPT("group", MOUNT, BY_MOUNT),
	ACCEPT("nogroup", MOUNT, BY_MOUNT),
	ACCEPT("comment", MOUNT, BY_MOUNT),
	ACCEPT("helper", MOUNT, BY_MOUNT),
	ACCEPT("uhelper", MOUNT, BY_MOUNT),
	ACCEPT("loop", MOUNT, BY_MOUNT),
	ACCEPT("x-*", MOUNT, BY_MOUNT),
	ACCEPT("X-*", MOUNT, BY_MOUNT),
	ACCEPT("silent", MOUNT, IS_DEFAULT),
	ACCEPT("loud", MOUNT, IS_DEFAULT),
	ACCEPT("iversion", MOUNT, NO_VERSION),
	ACCEPT("noiversion", MOUNT, NO_VERSION),
	ACCEPT("i_version", EXT, NO_VERSION),
	ACCEPT("mand", MOUNT, NO_LOCKS),
	ACCEPT("nomand", MOUNT, NO_LOCKS),
	ACCEPT("default_permissions", FUSE, IS_SET),
	ACCEPT("rootmode", FUSE, IS_SET),
	ACCEPT("user_id", FUSE, IS_SET),
	ACCEPT("group_id", FUSE, IS_SET),
	ACCEPT("max_read", FUSE, IS_SET),
	ACCEPT("blksize", FUSE, IS_SET),
	ACCEPT("seclabel", FUSE, IS_SET),
	ACCEPT("nonempty", FUSE, IS_SET),
	ACCEPT("large_read", FUSE, IS_SET),
	ACCEPT("no_default_opts", FUSE2FS, IS_SET),
	ACCEPT("kernel_cache", FUSE, KEEPS_CACHE),
	ACCEPT("auto_cache", FUSE, KEEPS_CACHE),
	ACCEPT("noauto_cache", FUSE, KEEPS_CACHE),
	ACCEPT("ac_attr_timeout", FUSE, KEEPS_CACHE),
	ACCEPT("attr_timeout", FUSE, KEEPS_CACHE),
	ACCEPT("entry_timeout", FUSE, KEEPS_CACHE),
	ACCEPT("negative_timeout", FUSE, KEEPS_CACHE),
	ACCEPT("noforget", FUSE, KEEPS_CACHE),
	ACCEPT("remember", FUSE, KEEPS_CACHE),
	ACCEPT("no_rofd_flush", FUSE, KEEPS_CACHE),
	ACCEPT("clone_fd", FUSE, KEEPS_CACHE),
	ACCEPT("max_idle_threads", FUSE, KEEPS_CACHE),
	ACCEPT("data", EXT, NO_JOURNAL),
	ACCEPT("data_err", EXT, NO_JOURNAL),
	ACCEPT("journal_checksum", EXT, NO_JOURNAL),
	ACCEPT("nojournal_checksum", EXT, NO_JOURNAL),
	ACCEPT("journal_async_commit", EXT, NO_JOURNAL),
	ACCEPT("journal_ioprio", EXT, NO_JOURNAL),
	ACCEPT("min_batch_time", EXT, NO_JOURNAL),
	ACCEPT("max_batch_time", EXT, NO_JOURNAL),
	ACCEPT("auto_da_alloc", EXT, NO_JOURNAL),
	ACCEPT("noauto_da_alloc", EXT, NO_JOURNAL),
	ACCEPT("barrier", EXT, NO_BLOCK),
	ACCEPT("nobarrier", EXT, NO_BLOCK),
	ACCEPT("discard", EXT, NO_BLOCK),
	ACCEPT("nodiscard", EXT, NO_BLOCK),
	ACCEPT("inode_readahead_blks", EXT, NO_BLOCK),
	ACCEPT("orlov", EXT, NO_TUNING),
	ACCEPT("oldalloc", EXT, NO_TUNING),
	ACCEPT("reservation", EXT, NO_TUNING),
	ACCEPT("noreservation", EXT, NO_TUNING),
	ACCEPT("stripe", EXT, NO_TUNING),
	ACCEPT("delalloc", EXT, NO_TUNING),
	ACCEPT("nodelalloc", EXT, NO_TUNING),
	ACCEPT("mblk_io_submit", EXT, NO_TUNING),
	ACCEPT("nomblk_io_submit", EXT, NO_TUNING),
	ACCEPT("mb_optimize_scan", EXT, NO_TUNING),
	ACCEPT("prefetch_block_bitmaps", EXT, NO_TUNING),
	ACCEPT("no_prefetch_block_bitmaps", EXT, NO_TUNING),
	ACCEPT("dioread_lock", EXT, NO_TUNING),
	ACCEPT("dioread_nolock", EXT, NO_TUNING),
	ACCEPT("nodioread_nolock", EXT, NO_TUNING),
	ACCEPT("init_itable", EXT, NO_TUNING),
	ACCEPT("noinit_itable", EXT, NO_TUNING),
	ACCEPT("nombcache", EXT, NO_TUNING),
	ACCEPT("no_mbcache", EXT, NO_TUNING),
	ACCEPT("bh", EXT, NO_TUNING),
	ACCEPT("nobh", EXT, NO_TUNING),
	ACCEPT("warn_on_error", EXT, NO_TUNING),
	ACCEPT("nowarn_on_error", EXT, NO_TUNING),
	ACCEPT("block_validity", EXT, NO_TUNING),
	ACCEPT("noblock_validity", EXT, NO_TUNING),
	ACCEPT("check", EXT, NO_TUNING),
	ACCEPT("nocheck", EXT, NO_TUNING),
	ACCEPT("debug_want_extra_isize", EXT, NO_TUNING),
	ACCEPT("fc_debug_force", EXT, NO_TUNING),
	ACCEPT("fc_debug_max_replay", EXT, NO_TUNING),
	ACCEPT("noquota", EXT, NO_QUOTA_ASKED),

	/* ---- refused ---- */
	REFUSE("bind", MOUNT, IS_MOUNTS),
	REFUSE("rbind", MOUNT, IS_MOUNTS),
	REFUSE("move", MOUNT, IS_MOUNTS),
	REFUSE("shared", MOUNT, IS_MOUNTS),
	REFUSE("rshared", MOUNT, IS_MOUNTS),
	REFUSE("private", MOUNT, IS_MOUNTS),
	REFUSE("rprivate", MOUNT, IS_MOUNTS),
	REFUSE("slave", MOUNT, IS_MOUNTS),
	REFUSE("rslave", MOUNT, IS_MOUNTS),
	REFUSE("unbindable", MOUNT, IS_MOUNTS),
	REFUSE("runbindable", MOUNT, IS_MOUNTS),
	REFUSE("encryption", MOUNT,
	       "give the device that cryptsetup(8) or veritysetup(8) made"),
	REFUSE("verity.*", MOUNT,
	       "give the device that cryptsetup(8) or veritysetup(8) made"),
	REFUSE("smackfsdef", MOUNT, "FUSE cannot label by Smack options"),
	REFUSE("smackfsfloor", MOUNT, "FUSE cannot label by Smack options"),
	REFUSE("smackfshat", MOUNT, "FUSE cannot label by Smack options"),
	REFUSE("smackfsroot", MOUNT, "FUSE cannot label by Smack options"),
	REFUSE("smackfstransmute", MOUNT, "FUSE cannot label by Smack options"),
	REFUSE("blkdev", FUSE, "the mount is of type fuse, not fuseblk"),
	REFUSE("fd", FUSE, "daxfuse opens the connection by itself"),
	REFUSE("uid", FUSE, FS_OWNS),
	REFUSE("gid", FUSE, FS_OWNS),
	REFUSE("umask", FUSE, FS_OWNS),
	REFUSE("direct_io", FUSE, "dax=always bypasses the page cache"),
	REFUSE("max_threads", FUSE, "workers=N is the number of threads"),
	REFUSE("modules", FUSE,
	       "modules of libfuse change names, and daxfuse has none"),
	REFUSE("sb", EXT, "repair the superblock with `e2fsck -b N` instead"),
	REFUSE("nouid32", EXT, "user and group ids have 32 bits"),
	REFUSE("quota", EXT, NO_QUOTA),
	REFUSE("usrquota", EXT, NO_QUOTA),
	REFUSE("grpquota", EXT, NO_QUOTA),
	REFUSE("prjquota", EXT, NO_QUOTA),
	REFUSE("usrjquota", EXT, NO_QUOTA),
	REFUSE("grpjquota", EXT, NO_QUOTA),
	REFUSE("jqfmt", EXT, NO_QUOTA),
	REFUSE("journal", EXT, NO_EXTJOURNAL),
	REFUSE("journal_dev", EXT, NO_EXTJOURNAL),
	REFUSE("journal_path", EXT, NO_EXTJOURNAL),
	REFUSE("max_dir_size_kb", EXT,
	       "directories have no limit but the filesystem"),
	REFUSE("inlinecrypt", EXT, "encrypted files are not supported"),
	REFUSE("test_dummy_encryption", EXT,
	       "encrypted files are not supported"),
	REFUSE("abort", EXT, "it simulates an error, for debugging ext4"),
	REFUSE("xip", EXT, "dax is the name of that option"),
	{ NULL },
};
