/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file.c - open files, and reading them.
 *
 * A read is answered with addresses in the mapping, under the inode's lock
 * held shared from the lookup of the map to dxf_fs_read_end(), so that no
 * block can be freed, or filled by another file, in between.
 *
 * Must not know: how blocks are allocated, what a transaction is.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <limits.h>
#include <string.h>

#include "data.h"
#include "load.h"

#define ZERO_LEN	(64 * DXF_KIB)	/* of fs->zero_page */

int dxf_regular(mode_t mode)
{
	if (S_ISREG(mode))
		return 0;
	return S_ISDIR(mode) ? -EISDIR : -EINVAL;
}

int dxf_seg_at(struct dxf_fs *fs, struct dxf_inode *inode, uint64_t pos,
	       uint64_t end, struct dxf_seg *seg)
{
	unsigned int bits = dxf_block_bits(fs);
	dxf_lblk_t lblk = pos >> bits;
	uint64_t skip = pos - (lblk << bits);
	int err;

	assert(pos < end);
	err = dxf_bmap_lookup(&inode->node, &inode->node.di, lblk,
			      ((end - 1) >> bits) - lblk + 1, &seg->run);
	if (err)
		return err;
	assert(seg->run.lblk == lblk && seg->run.nblk > 0);
	seg->mapped = seg->run.pblk != 0 && !seg->run.unwritten;
	seg->off = dxf_blk_off(fs->geom, seg->run.pblk) + skip;
	/* Not shifted up before it is bounded: a hole may be huge. */
	if (seg->run.nblk > (end - pos + skip) >> bits)
		seg->len = end - pos;
	else
		seg->len = (seg->run.nblk << bits) - skip;
	return 0;
}

/* ---- open and release ---- */

static int may_open(struct dxf_fs *fs, const struct dxf_peek *p, int flags)
{
	bool write = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);

	if (!write)
		return 0;
	if (dxf_txnmgr_is_ro(fs->txnmgr) && S_ISREG(p->mode))
		return -EROFS;
	if (p->flags & FS_IMMUTABLE_FL)
		return -EPERM;
	if ((p->flags & FS_APPEND_FL) &&
	    (!(flags & O_APPEND) || (flags & O_TRUNC)))
		return -EPERM;
	return 0;
}

static int open_truncate(struct dxf_fs *fs, struct dxf_inode *inode,
			 bool kill_priv)
{
	struct dxf_setattr sa = {
		.valid = DXF_SET_SIZE | DXF_SET_OPEN |
			 (kill_priv ? DXF_SET_KILL_PRIV : 0),
	};

	DXF_SCOPED_WRLOCK(&inode->lock);
	return dxf_truncate(fs, inode, 0, &sa);
}

/* A window reserved ahead is of no use to a file that nobody writes. */
static void last_release(struct dxf_fs *fs, struct dxf_inode *inode)
{
	DXF_SCOPED_WRLOCK(&inode->lock);
	dxf_balloc_drop_window(fs->e2, &inode->node.window);
}

static bool is_alone(struct dxf_fs *fs, const struct dxf_inode *inode)
{
	DXF_SCOPED_MUTEX(&fs->icache_lock);

	assert(inode->nopen > 0);
	return inode->nopen == 1;
}

/*
 * Does opening it count as an access?  Reads that the caller's page cache
 * serves are not seen.  But while that has nothing of the file, and one alone
 * has it open, for reading, his reads are seen, and counted.
 */
static bool counts(struct dxf_fs *fs, struct dxf_inode *inode,
		   const struct dxf_peek *p, int flags)
{
	bool reads = (flags & O_ACCMODE) != O_WRONLY && !(flags & O_NOATIME);
	bool alone;

	if (!dxf_inode_lacks(inode, DXF_LACKS_PAGES))
		return reads;
	alone = is_alone(fs, inode);
	if (alone && reads && (flags & (O_ACCMODE | O_TRUNC)) == O_RDONLY &&
	    S_ISREG(p->mode) && p->size > 0)
		return false;
	dxf_inode_note_has(inode, DXF_LACKS_PAGES);
	/* for him who came before and was not counted */
	return reads || !alone;
}

static int open_inode(struct dxf_fs *fs, struct dxf_inode *inode, int flags,
		      bool kill_priv)
{
	struct dxf_peek p;
	int err;

	dxf_inode_peek(inode, &p);
	err = may_open(fs, &p, flags);
	if (err)
		return err;
	err = dxf_icache_add_open(fs, inode,
				  S_ISREG(p.mode) && (flags & O_DIRECT));
	if (err)
		return err;
	if ((flags & O_TRUNC) && S_ISREG(p.mode)) {
		err = open_truncate(fs, inode, kill_priv);
		if (!err)
			err = dxf_sync_data_after(fs, inode, flags & O_DSYNC);
	}
	if (err) {
		dxf_icache_drop_open(fs, inode);
		return err;
	}
	if (counts(fs, inode, &p, flags))
		dxf_inode_accessed(fs, inode);
	return 0;
}

int dxf_fs_open_file(struct dxf_fs *fs, dxf_ino_t ino, int flags,
		     bool kill_priv)
{
	struct dxf_inode *inode;
	int err = dxf_icache_get(fs, ino, &inode);

	if (err)
		return err;
	err = open_inode(fs, inode, flags, kill_priv);
	dxf_icache_put(fs, inode);
	return err;
}

void dxf_fs_release(struct dxf_fs *fs, dxf_ino_t ino)
{
	struct dxf_inode *inode = dxf_icache_find(fs, ino);

	assert(inode);
	if (!inode)
		return;
	if (dxf_icache_drop_open(fs, inode))
		last_release(fs, inode);
	dxf_icache_put(fs, inode);
}

struct dxf_inode *dxf_fs_opened(struct dxf_fs *fs, dxf_ino_t ino)
{
	struct dxf_inode *inode = dxf_icache_find(fs, ino);

	assert(inode && inode->nopen > 0);
	dxf_icache_put(fs, inode);
	return inode;
}

/* ---- reading by address ---- */

/* Returns: true; false: the caller's entries are used up. */
static bool add_iov(struct dxf_fs_read *r, const void *addr, size_t len)
{
	struct iovec *last = r->niov ? &r->iov[r->niov - 1] : NULL;

	if (last && (const char *)last->iov_base + last->iov_len == addr) {
		last->iov_len += len;
		return true;
	}
	if (r->niov == r->max_iov)
		return false;
	r->iov[r->niov].iov_base = (void *)(uintptr_t)addr;
	r->iov[r->niov].iov_len = len;
	r->niov++;
	return true;
}

static uint64_t add_zeros(struct dxf_fs *fs, struct dxf_fs_read *r,
			  uint64_t len)
{
	uint64_t done = 0;

	while (done < len) {
		uint64_t n = DXF_MIN(len - done, ZERO_LEN);

		if (!add_iov(r, fs->zero_page, n))
			break;
		done += n;
	}
	return done;
}

/* Returns: bytes added, less than asked for before a bad block; -EIO. */
static ssize_t add_seg(struct dxf_fs *fs, struct dxf_fs_read *r,
		       const struct dxf_seg *seg)
{
	const void *addr;
	ssize_t n;

	if (!seg->mapped)
		return add_zeros(fs, r, seg->len);
	n = dxf_region_direct_access(fs->region, seg->off, seg->len,
				     DXF_ACCESS_READ, &addr);
	if (n <= 0)
		return n;
	n = DXF_MIN((uint64_t)n, seg->len);
	return add_iov(r, addr, n) ? n : 0;
}

static ssize_t gather(struct dxf_fs *fs, struct dxf_inode *inode, uint64_t off,
		      size_t len, struct dxf_fs_read *r)
{
	uint64_t pos = off, end = off + len;
	struct dxf_seg seg;
	ssize_t n = 0;

	while (pos < end) {
		n = dxf_seg_at(fs, inode, pos, end, &seg);
		if (n == 0)
			n = add_seg(fs, r, &seg);
		if (n < 0)
			break;
		pos += n;
		if ((uint64_t)n < seg.len)
			break;
	}
	return pos > off ? (ssize_t)(pos - off) : n;
}

/*
 * Lock for reading; *@len is clipped to the end of file.
 * Returns: 0; -errno: it is not locked.
 */
static int lock_to_read(struct dxf_inode *inode, uint64_t off, size_t *len)
{
	struct dxf_peek p;
	int err;

	dxf_rwlock_rdlock(&inode->lock);
	dxf_inode_note_has(inode, DXF_LACKS_PAGES);
	dxf_inode_peek_locked(inode, &p);
	err = dxf_regular(p.mode);
	if (err) {
		dxf_rwlock_unlock(&inode->lock);
		return err;
	}
	*len = off < p.size ? DXF_MIN(*len, p.size - off) : 0;
	*len = DXF_MIN(*len, (size_t)SSIZE_MAX);
	return 0;
}

ssize_t dxf_file_read_begin(struct dxf_fs *fs, struct dxf_inode *file,
			    uint64_t off, size_t len, struct dxf_fs_read *r)
{
	ssize_t n;
	int err;

	assert(r->max_iov > 0);
	err = lock_to_read(file, off, &len);
	if (err)
		return err;
	r->niov = 0;
	n = gather(fs, file, off, len, r);
	if (n < 0) {
		dxf_rwlock_unlock(&file->lock);
		return n;
	}
	if (!r->noatime)
		dxf_inode_accessed(fs, file);
	r->inode = file;
	r->pinned = false;
	return n;
}

ssize_t dxf_fs_read_begin(struct dxf_fs *fs, dxf_ino_t ino, uint64_t off,
			  size_t len, struct dxf_fs_read *r)
{
	struct dxf_inode *inode;
	ssize_t n;
	int err = dxf_icache_get(fs, ino, &inode);

	if (err)
		return err;
	n = dxf_file_read_begin(fs, inode, off, len, r);
	r->pinned = n >= 0;
	if (n < 0)
		dxf_icache_put(fs, inode);
	return n;
}

void dxf_fs_read_end(struct dxf_fs *fs, struct dxf_fs_read *r)
{
	dxf_rwlock_unlock(&r->inode->lock);
	if (r->pinned)
		dxf_icache_put(fs, r->inode);
	r->inode = NULL;
}

/* ---- reading by copy ---- */

static ssize_t copy_out(struct dxf_fs *fs, struct dxf_inode *inode,
			uint64_t off, size_t len, uint8_t *buf)
{
	uint64_t pos = off, stop = off + len;
	struct dxf_seg seg;
	ssize_t n = 0;

	while (pos < stop) {
		n = dxf_seg_at(fs, inode, pos, stop, &seg);
		if (n == 0 && seg.mapped) {
			n = dxf_load_some(fs->region, seg.off,
					  buf + (pos - off), seg.len);
		} else if (n == 0) {
			memset(buf + (pos - off), 0, seg.len);
			n = seg.len;
		}
		if (n < 0)
			break;
		pos += n;
		if ((uint64_t)n < seg.len)
			break;
	}
	return pos > off ? (ssize_t)(pos - off) : n;
}

ssize_t dxf_file_read(struct dxf_fs *fs, struct dxf_inode *file, uint64_t off,
		      void *buf, size_t len, bool noatime)
{
	ssize_t n;
	int err = lock_to_read(file, off, &len);

	if (err)
		return err;
	n = copy_out(fs, file, off, len, buf);
	if (n >= 0 && !noatime)
		dxf_inode_accessed(fs, file);
	dxf_rwlock_unlock(&file->lock);
	return n;
}

static ssize_t read_file(struct dxf_fs *fs, dxf_ino_t ino, uint64_t off,
			 void *buf, size_t len, bool noatime)
{
	struct dxf_inode *inode;
	ssize_t n;
	int err = dxf_icache_get(fs, ino, &inode);

	if (err)
		return err;
	n = dxf_file_read(fs, inode, off, buf, len, noatime);
	dxf_icache_put(fs, inode);
	return n;
}

ssize_t dxf_fs_read(struct dxf_fs *fs, dxf_ino_t ino, uint64_t off, void *buf,
		    size_t len)
{
	return read_file(fs, ino, off, buf, len, false);
}

ssize_t dxf_fs_read_noatime(struct dxf_fs *fs, dxf_ino_t ino, uint64_t off,
			    void *buf, size_t len)
{
	return read_file(fs, ino, off, buf, len, true);
}
