/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * logfile.h - the redo log as a file of the filesystem: inode 5.
 *
 * The boot loader's inode, which nothing else uses, is a regular file that no
 * directory names; its blocks are the log.  e2fsck and the kernel leave it
 * alone, resize2fs moves it along.  The log is found before anything else is
 * read (a crash can leave a superblock whose checksum is wrong until the log
 * was applied), so by a reader of its own that trusts no checksum.
 *
 *	dxf_logfile_recover()	before dxf_ext2_open()
 *	dxf_logfile_begin()	after it, read-write: before the first
 *				transaction of the session
 *	dxf_logfile_end()	when all is on media and VALID_FS is set
 */
#ifndef DXF_LOGFILE_H
#define DXF_LOGFILE_H

#include "ext2.h"

struct dxf_logfile;

#define DXF_LOG_INO	((dxf_ino_t)5)

enum dxf_logfile_flags {
	DXF_LOGFILE_RO = 1 << 0,	/* change nothing: overlay */
	DXF_LOGFILE_NORECOVERY = 1 << 1, /* with RO: media as they lie */
	DXF_LOGFILE_FORCE = 1 << 2,	/* a log that cannot be read is ignored */
};

/*
 * Find the log and bring an interrupted session to its end.  Tells in the log
 * what was done or not done, and why.
 * Ownership: *@out, never NULL on success, is the caller's.
 * Returns: 0, and *@clean: the filesystem is consistent although its
 * superblock says that it was not unmounted; -EROFS the log cannot be read,
 * which only a read-only mount can do without (@err says so); -EIO what was
 * pending could not be stored; -ENOMEM.
 */
int dxf_logfile_recover(struct dxf_logfile **out, struct dxf_txnmgr *m,
			unsigned int flags, bool *clean, struct dxf_err *err);
/* NULL is allowed. */
void dxf_logfile_close(struct dxf_logfile *lf);

struct dxf_logfile_opts {
	bool nolog;
	uint64_t size;		/* of a new log, bytes; 0: by the filesystem's */
};

/*
 * Begin a session: make the log if there is none and the filesystem is clean,
 * and let all transactions go through it.  Where that cannot be the mount goes
 * on without one, and one line says why.
 * Locks: no transaction open, nothing else running.
 * Returns: 0; -EUCLEAN the log's blocks are in use by something else, @err
 * names e2fsck; -EINVAL opts.size is out of bounds; -EIO, -ENOMEM.
 */
int dxf_logfile_begin(struct dxf_logfile *lf, struct dxf_ext2 *e2,
		      const struct dxf_logfile_opts *opts,
		      struct dxf_err *err);
/* Do transactions go through a log? */
bool dxf_logfile_in_use(const struct dxf_logfile *lf);
/* End it.  Returns: 0, -EIO. */
int dxf_logfile_end(struct dxf_logfile *lf);

#endif
