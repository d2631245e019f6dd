/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fs.h - the filesystem: names, data, attributes, by inode number.
 *
 * The whole program behind one interface that knows nothing of FUSE: the
 * daemon translates requests to it, tests and tools drive it in process.  Every
 * call may run in any thread at any time.
 *
 * Unless a contract says otherwise: a metadata operation is atomic; it is
 * durable on return on DAX media and after dxf_fs_fsync() on page media; and
 * it returns besides the errors listed
 *	-ESTALE	  the inode is gone
 *	-EROFS	  mounted read-only, or gone read-only after an error
 *	-EIO	  media error
 *	-EUCLEAN  corruption, reported by the errors= policy
 *	-ENOMEM	  no memory: nothing changed
 *
 * Permissions are checked by the caller (the kernel, default_permissions);
 * what the kernel does not know of FUSE inodes is checked here: immutable and
 * append-only files.
 */
#ifndef DXF_FS_H
#define DXF_FS_H

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>

#include "err.h"
#include "ext2.h"
#include "region.h"
#include "units.h"

struct dxf_fs;

enum dxf_atime { DXF_ATIME_RELATIME, DXF_ATIME_STRICT, DXF_ATIME_NONE };
enum dxf_durability { DXF_DURABILITY_WRITE, DXF_DURABILITY_FSYNC };

/* On, off, or by the superblock's default mount options. */
enum dxf_switch { DXF_OFF, DXF_ON, DXF_BY_SUPER };
/* Of a user or group: the superblock's. */
#define DXF_ID_BY_SUPER	(~0u)
#define DXF_ID_MAX	(~0u - 1)

struct dxf_fs_opts {
	bool ro;
	bool force;
	enum dxf_errors errors;
	enum dxf_atime atime;
	bool nodiratime;
	bool lazytime;		/* times wait for fsync, eviction, unmount */
	bool sync;		/* every operation as if O_SYNC */
	bool dirsync;
	enum dxf_switch acl;	/* POSIX ACLs: inheritance and chmod */
	enum dxf_switch user_xattr;
	enum dxf_switch grpid;	/* a new file has its directory's group */
	bool minixdf;		/* statfs counts the format's own blocks */
	unsigned int resuid, resgid;	/* who may use the reserved blocks */
	enum dxf_durability durability;
	unsigned int commit;	/* seconds; page media's periodic flush */
	bool cut_always;	/* for tests: long operations in small steps */
	uint64_t index_limit;	/* bytes for name indexes; 0: default */
	bool nolog;		/* no redo log: ext2's own promises */
	bool norecovery;	/* with ro: ignore a pending log */
	uint64_t log_size;	/* of a new log, bytes; 0: default */
};
void dxf_fs_default_opts(struct dxf_fs_opts *o);

/*
 * Mount: recover from the log, open the format, begin the log's session, mark
 * mounted, process orphans, start the background thread (lazy times, flushes,
 * error records).
 * Ownership: the region stays the caller's and must outlive *@out.
 * Returns: 0; -errno with a sentence in @err.
 */
int dxf_fs_open(struct dxf_fs **out, struct dxf_region *r,
		const struct dxf_fs_opts *opts, struct dxf_err *err);
/*
 * Unmount: free zombies, write times and counters, mark clean, release all.
 * No call may be running.  Returns: 0; -errno: not everything is durable or
 * the superblock is not clean (logged); released in any case.
 */
int dxf_fs_close(struct dxf_fs *fs);

/* What is in effect: nothing is DXF_BY_SUPER or DXF_ID_BY_SUPER any more. */
const struct dxf_fs_opts *dxf_fs_opts_in_effect(const struct dxf_fs *fs);

/*
 * Write everything back and mark the superblock clean, until something changes:
 * the next operation takes that back, durably, before it changes anything.  The
 * filesystem does so by itself when nothing has changed for some seconds.
 * Durability: durable on return, on page media too.
 * Returns: 0; -EBUSY changes go on, or unlinked files are in use; -errno.
 */
int dxf_fs_quiesce(struct dxf_fs *fs);
/* The kernel lets nobody write: reads do not count as accesses meanwhile. */
void dxf_fs_set_reads_only(struct dxf_fs *fs, bool on);
/* Returns: 0; -EROFS: opened read-only, or gone so after an error. */
int dxf_fs_may_write(struct dxf_fs *fs);

struct dxf_ext2 *dxf_fs_ext2(struct dxf_fs *fs);

/* ---- who asks ---- */

struct dxf_cred {
	uid_t uid;
	gid_t gid;
	/* Is @gid one of the caller's groups?  NULL: only .gid is. */
	bool (*in_group)(const struct dxf_cred *c, gid_t gid);
	void *ctx;
	mode_t umask;		/* applied here only under a default ACL's rule */
};

/* ---- attributes ---- */

struct dxf_attr {
	dxf_ino_t ino;
	uint32_t generation;
	mode_t mode;
	uint32_t nlink;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	uint64_t size;
	uint64_t blocks;	/* 512-byte units */
	uint32_t blksize;
	uint32_t flags;		/* FS_*_FL of linux/fs.h */
	struct timespec atime, mtime, ctime, btime;
};

enum dxf_set {
	DXF_SET_MODE = 1 << 0,
	DXF_SET_UID = 1 << 1,
	DXF_SET_GID = 1 << 2,
	DXF_SET_SIZE = 1 << 3,
	DXF_SET_ATIME = 1 << 4,
	DXF_SET_MTIME = 1 << 5,
	DXF_SET_ATIME_NOW = 1 << 6,
	DXF_SET_MTIME_NOW = 1 << 7,
	DXF_SET_CTIME = 1 << 8,
	/* also strip setuid, setgid and security.capability */
	DXF_SET_KILL_PRIV = 1 << 9,
	/* O_TRUNC at open or truncate through an open file: times change even
	 * if the size does not */
	DXF_SET_OPEN = 1 << 10,
	/* times that a cache kept are written back: append-only and immutable
	 * were checked when they changed */
	DXF_SET_CACHE = 1 << 11,
};

struct dxf_setattr {
	unsigned int valid;	/* DXF_SET_* */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	uint64_t size;
	struct timespec atime, mtime, ctime;
};

int dxf_fs_getattr(struct dxf_fs *fs, dxf_ino_t ino, struct dxf_attr *out);
/*
 * Change attributes, size included; chown strips setuid, setgid and
 * security.capability of regular files; chmod follows into the ACL.
 * Returns: 0 and *@out; -EPERM immutable or append-only; -EFBIG; -ENOSPC;
 * -EINVAL size of something that has none; -EISDIR.
 */
int dxf_fs_setattr(struct dxf_fs *fs, dxf_ino_t ino,
		   const struct dxf_setattr *sa, const struct dxf_cred *cred,
		   struct dxf_attr *out);
int dxf_fs_statfs(struct dxf_fs *fs, struct statvfs *out);

/* ---- lookups: the kernel's (or a test's) references to inodes ---- */

/*
 * Find @name in @parent ("." and ".." too).
 * Ownership: on success the inode has one more lookup, given back by
 * dxf_fs_forget(); an inode with lookups or opens keeps its number.
 * Returns: 0 and *@out; -ENOENT; -ENOTDIR; -ENAMETOOLONG.
 */
int dxf_fs_lookup(struct dxf_fs *fs, dxf_ino_t parent, const char *name,
		  struct dxf_attr *out);
/*
 * The same by number, for file handles; @generation 0 accepts any.
 * Returns: 0 and *@out, one more lookup; -ESTALE freed or reused.
 */
int dxf_fs_lookup_ino(struct dxf_fs *fs, dxf_ino_t ino, uint32_t generation,
		      struct dxf_attr *out);
/*
 * Give back @n lookups; the last one with nlink 0 and no opens frees the
 * inode and its blocks.
 */
void dxf_fs_forget(struct dxf_fs *fs, dxf_ino_t ino, uint64_t n);

/* ---- names ---- */

/*
 * Make a file, device, fifo, socket or directory (by S_IFMT of @mode).  @mode
 * comes with the umask not yet applied (DONT_MASK): it is applied here unless
 * a default ACL rules.  One more lookup, as dxf_fs_lookup().
 * Returns: 0 and *@out; -EEXIST; -ENOSPC; -EMLINK; -ENAMETOOLONG; -ENOTDIR;
 * -EPERM @parent is immutable.
 */
int dxf_fs_mknod(struct dxf_fs *fs, const struct dxf_cred *cred,
		 dxf_ino_t parent, const char *name, mode_t mode, dev_t rdev,
		 struct dxf_attr *out);
int dxf_fs_symlink(struct dxf_fs *fs, const struct dxf_cred *cred,
		   dxf_ino_t parent, const char *name, const char *target,
		   struct dxf_attr *out);
/* An unnamed regular file: one lookup AND one open; linkable by link. */
int dxf_fs_tmpfile(struct dxf_fs *fs, const struct dxf_cred *cred,
		   dxf_ino_t parent, mode_t mode, struct dxf_attr *out);
/*
 * One more lookup.
 * Returns: 0 and *@out; -EMLINK; -EPERM; -ENOENT nlink is 0 and it is no
 * tmpfile; -ENOSPC, -EEXIST, -ENAMETOOLONG, -ENOTDIR.
 */
int dxf_fs_link(struct dxf_fs *fs, const struct dxf_cred *cred, dxf_ino_t ino,
		dxf_ino_t parent, const char *name, struct dxf_attr *out);
int dxf_fs_unlink(struct dxf_fs *fs, dxf_ino_t parent, const char *name);
int dxf_fs_rmdir(struct dxf_fs *fs, dxf_ino_t parent, const char *name);

/* A name in a directory. */
struct dxf_fs_at {
	dxf_ino_t parent;
	const char *name;
};
#define DXF_AT(parent, name)	(&(const struct dxf_fs_at){ (parent), (name) })

/* A regular file that was made and opened in one step. */
struct dxf_fs_created {
	struct dxf_attr attr;
	struct dxf_inode *file;		/* as dxf_fs_opened() */
	bool dax;			/* as dxf_fs_is_dax() */
};
/*
 * dxf_fs_mknod() of a regular file together with dxf_fs_open_file(): one more
 * lookup and one open, or none after an error.  Of the @flags O_DIRECT counts;
 * the mode binds later opens only, and there is nothing to truncate.
 */
int dxf_fs_create(struct dxf_fs *fs, const struct dxf_cred *cred,
		  const struct dxf_fs_at *at, mode_t mode, int flags,
		  struct dxf_fs_created *out);

/* @flags: RENAME_NOREPLACE, RENAME_EXCHANGE; others -EINVAL. */
int dxf_fs_rename(struct dxf_fs *fs, const struct dxf_cred *cred,
		  const struct dxf_fs_at *from, const struct dxf_fs_at *to,
		  unsigned int flags);
/* Returns: the length (not NUL-terminated), -EINVAL not a symlink. */
ssize_t dxf_fs_readlink(struct dxf_fs *fs, dxf_ino_t ino, char *buf,
			size_t size);

/* ---- directories ---- */

struct dxf_fs_dirent {
	const char *name;
	size_t name_len;
	dxf_ino_t ino;
	uint8_t type;		/* DT_* */
	uint64_t next;		/* cookie of the entry behind it */
	/* with plus: attributes and one more lookup, if attr_valid (not for
	 * "." and "..") */
	bool attr_valid;
	struct dxf_attr attr;
};

/*
 * Call @fn for the entries from cookie @off until it returns non-zero; an
 * entry it refused (non-zero) keeps no lookup.  @plus: 0, or with attributes:
 * about how many entries @fn takes.
 * Returns: 0; -ENOTDIR.
 */
int dxf_fs_readdir(struct dxf_fs *fs, dxf_ino_t dir, uint64_t off, unsigned int plus,
		   int (*fn)(void *ctx, const struct dxf_fs_dirent *de),
		   void *ctx);

/* ---- open files ---- */

/*
 * Count an open: the file keeps its blocks until the last release.  Opening
 * for reading counts as an access (relatime), unless who reads it has to ask for
 * what he reads: he never had it open before, for as long as he knows it.  @flags as open(2); O_TRUNC
 * truncates.  O_DIRECT of the first open is for all that follow until the last
 * is gone: dxf_fs_is_dax().
 * Returns: 0; -EPERM immutable or append-only against @flags.
 */
int dxf_fs_open_file(struct dxf_fs *fs, dxf_ino_t ino, int flags,
		     bool kill_priv);
void dxf_fs_release(struct dxf_fs *fs, dxf_ino_t ino);
/*
 * What an open file is read and written by, so that its data path meets no
 * other file's: the functions that take a number look it up in a table that
 * all share.
 * Ownership: the open's; valid until the last dxf_fs_release() of the file.
 */
struct dxf_inode *dxf_fs_opened(struct dxf_fs *fs, dxf_ino_t ino);

/*
 * Read: where the bytes lie.  On success the inode's lock is held shared and
 * the iovec points into the mapping (holes: a shared page of zeros) until
 * dxf_fs_read_end(), which the same thread must call.  Ends at end of file,
 * before a bad block, or when @max_iov is used up.
 * Returns: bytes, 0 at end of file (read_end must be called as well);
 * -EIO the first byte is bad; -EISDIR (then no read_end).
 */
struct dxf_fs_read {
	struct iovec *iov;	/* the caller's, @max_iov entries */
	int max_iov;
	int niov;
	bool noatime;		/* O_NOATIME: does not count as an access */
	struct dxf_inode *inode;	/* private */
	bool pinned;			/* private */
};
ssize_t dxf_fs_read_begin(struct dxf_fs *fs, dxf_ino_t ino, uint64_t off,
			  size_t len, struct dxf_fs_read *r);
void dxf_fs_read_end(struct dxf_fs *fs, struct dxf_fs_read *r);
/* The same of an open file; ended by dxf_fs_read_end(), too. */
ssize_t dxf_file_read_begin(struct dxf_fs *fs, struct dxf_inode *file,
			    uint64_t off, size_t len, struct dxf_fs_read *r);
/* The same, copied with guarded loads into @buf.  Returns: as read_begin. */
ssize_t dxf_fs_read(struct dxf_fs *fs, dxf_ino_t ino, uint64_t off, void *buf,
		    size_t len);
/* O_NOATIME: the same, but it does not count as an access. */
ssize_t dxf_fs_read_noatime(struct dxf_fs *fs, dxf_ino_t ino, uint64_t off,
			    void *buf, size_t len);
/* Either, of an open file. */
ssize_t dxf_file_read(struct dxf_fs *fs, struct dxf_inode *file, uint64_t off,
		      void *buf, size_t len, bool noatime);

enum dxf_write_flags {
	DXF_WRITE_KILL_PRIV = 1 << 0,	/* strip setuid, setgid, capability */
	DXF_WRITE_SYNC = 1 << 1,	/* O_SYNC or O_DSYNC */
	/* the page cache writes back: append-only and immutable were checked
	 * when the page was dirtied */
	DXF_WRITE_CACHE = 1 << 2,
};

/*
 * Write.
 * Durability: DAX media: durable on return (durability=write); otherwise
 * after fsync.
 * Returns: bytes written, short only when the next block got an error after
 * some were written; -ENOSPC; -EFBIG; -EPERM; -EISDIR.
 */
ssize_t dxf_fs_write(struct dxf_fs *fs, dxf_ino_t ino, uint64_t off,
		     const void *buf, size_t len, unsigned int flags,
		     const struct dxf_cred *cred);
/* What to write. */
struct dxf_fs_wr {
	uint64_t off;
	const void *buf;
	size_t len;
	unsigned int flags;		/* DXF_WRITE_* */
};
/* The same to an open file. */
ssize_t dxf_file_write(struct dxf_fs *fs, struct dxf_inode *file,
		       const struct dxf_fs_wr *wr,
		       const struct dxf_cred *cred);

/*
 * Make durable: data, size, map and the names it was created or renamed to.
 * Costs what this file left dirty.
 * Returns: 0; -EIO also when an earlier write-back failed (sticky).
 */
int dxf_fs_fsync(struct dxf_fs *fs, dxf_ino_t ino, bool datasync);
/* Everything. */
int dxf_fs_sync(struct dxf_fs *fs);

/*
 * fallocate(2): 0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE [| KEEP_SIZE].
 * Blocks of a file without extents are really zeroed.
 * Returns: 0; -EOPNOTSUPP other modes; -ENOSPC; -EFBIG; -ENODEV not regular.
 */
int dxf_fs_fallocate(struct dxf_fs *fs, dxf_ino_t ino, int mode, uint64_t off,
		     uint64_t len, bool kill_priv,
		     const struct dxf_cred *cred);
/* SEEK_DATA, SEEK_HOLE.  -ENXIO behind end of file; -EINVAL other whence. */
int dxf_fs_lseek(struct dxf_fs *fs, dxf_ino_t ino, uint64_t off, int whence,
		 uint64_t *out);
/*
 * Copy media to media.  Returns: bytes (short at end of file or on an error
 * after some), 0, -errno; -EINVAL ranges of one file overlap.
 */
ssize_t dxf_fs_copy_range(struct dxf_fs *fs, dxf_ino_t in, uint64_t off_in,
			  dxf_ino_t out, uint64_t off_out, size_t len,
			  unsigned int write_flags,
			  const struct dxf_cred *cred);

/* ---- extended attributes ---- */

ssize_t dxf_fs_getxattr(struct dxf_fs *fs, dxf_ino_t ino, const char *name,
			void *buf, size_t size);
ssize_t dxf_fs_listxattr(struct dxf_fs *fs, dxf_ino_t ino, char *buf,
			 size_t size);
/*
 * -EPERM user.* on something not a regular file or directory, immutable.
 * Setting system.posix_acl_access changes the mode; @kill_sgid strips setgid
 * with it.
 */
int dxf_fs_setxattr(struct dxf_fs *fs, dxf_ino_t ino, const char *name,
		    const void *value, size_t size, int flags,
		    bool kill_sgid, const struct dxf_cred *cred);
int dxf_fs_removexattr(struct dxf_fs *fs, dxf_ino_t ino, const char *name);

/* ---- flags and versions (chattr, lsattr) ---- */

int dxf_fs_getflags(struct dxf_fs *fs, dxf_ino_t ino, uint32_t *flags);
/*
 * FS_*_FL of chattr(1).  -EPERM changing append-only or immutable without
 * uid 0, or not the owner; -EOPNOTSUPP a flag that ext2 does not store or that
 * only mkfs can change.
 */
int dxf_fs_setflags(struct dxf_fs *fs, dxf_ino_t ino, uint32_t flags,
		    const struct dxf_cred *cred);
int dxf_fs_setversion(struct dxf_fs *fs, dxf_ino_t ino, uint32_t version,
		      const struct dxf_cred *cred);
/*
 * Is the page cache to be passed by, by all openers alike (FS_XFLAG_DAX, or
 * O_DIRECT of the first; latched while open)?
 */
bool dxf_fs_is_dax(struct dxf_fs *fs, dxf_ino_t ino);

/* ---- figures, for tests and statistics ---- */

struct dxf_fs_stats {
	uint64_t inodes_cached;	/* also those that are known by number only */
	uint64_t inodes_open;
	uint64_t zombies;	/* unlinked, waiting for forget or release (not
				 * for being freed with others) */
	uint64_t transactions;
	uint64_t log_size;	/* bytes; 0: there is no log */
	uint64_t log_capacity;	/* bytes of one transaction's records */
	bool stopped;		/* mounted rw, but read-only after an error */
};
void dxf_fs_get_stats(struct dxf_fs *fs, struct dxf_fs_stats *out);

#endif
