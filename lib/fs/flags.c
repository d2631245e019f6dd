/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flags.c - inode flags and version: what chattr(1) and lsattr(1) see.
 */
#include "fs_priv.h"

#include <assert.h>
#include <linux/fs.h>

/* What users change; of all others only the value there is may be given. */
#define MODIFIABLE	(FS_SYNC_FL | FS_IMMUTABLE_FL | FS_APPEND_FL |	\
			 FS_NODUMP_FL | FS_NOATIME_FL | FS_DIRSYNC_FL |	\
			 FS_TOPDIR_FL | FS_DAX_FL)
/* Only root may change these. */
#define PRIVILEGED	(FS_IMMUTABLE_FL | FS_APPEND_FL)

/* What a kind of file can have; the rest is dropped silently, as ext4 does. */
static uint32_t mask_for(mode_t mode)
{
	if (S_ISDIR(mode))
		return MODIFIABLE;
	if (S_ISREG(mode))
		return MODIFIABLE & ~(uint32_t)(FS_DIRSYNC_FL | FS_TOPDIR_FL);
	return FS_NODUMP_FL | FS_NOATIME_FL;
}

static bool may_own(const struct dxf_cred *cred, const struct dxf_dinode *di)
{
	return cred == NULL || cred->uid == 0 || cred->uid == di->uid;
}

static int choose_flags(const struct dxf_dinode *di, uint32_t flags,
			const struct dxf_cred *cred, uint32_t *out)
{
	uint32_t changed = flags ^ di->flags;
	uint32_t new = (di->flags & ~(uint32_t)MODIFIABLE) |
		       (flags & mask_for(di->mode));

	if (!may_own(cred, di))
		return -EPERM;
	if ((changed & ~(uint32_t)MODIFIABLE) != 0)
		return -EOPNOTSUPP;
	if ((changed & PRIVILEGED) != 0 && cred != NULL && cred->uid != 0)
		return -EPERM;
	/* What is and stays immutable cannot be changed otherwise. */
	if ((di->flags & new & FS_IMMUTABLE_FL) != 0 && new != di->flags)
		return -EPERM;
	*out = new;
	return 0;
}

int dxf_fs_getflags(struct dxf_fs *fs, dxf_ino_t ino, uint32_t *flags)
{
	struct dxf_inode *inode;
	struct dxf_peek p;
	int err = dxf_icache_get(fs, ino, &inode);

	if (err != 0)
		return err;
	dxf_inode_peek(inode, &p);
	dxf_icache_put(fs, inode);
	*flags = p.flags;
	return 0;
}

static int set_flags(struct dxf_fs *fs, struct dxf_inode *inode,
		     uint32_t flags, const struct dxf_cred *cred)
{
	DXF_SCOPED_WRLOCK(&inode->lock);
	struct dxf_dinode *di;
	struct dxf_op op;
	int err = dxf_op_begin(&op, fs);

	if (err != 0)
		return err;
	di = dxf_op_di(&op, inode);
	err = choose_flags(di, flags, cred, &di->flags);
	di->ctime = dxf_now();
	return dxf_op_end(&op, err);
}

int dxf_fs_setflags(struct dxf_fs *fs, dxf_ino_t ino, uint32_t flags,
		    const struct dxf_cred *cred)
{
	struct dxf_inode *inode;
	int err = dxf_icache_get(fs, ino, &inode);

	if (err != 0)
		return err;
	err = set_flags(fs, inode, flags, cred);
	if (err == 0)
		err = dxf_sync_after(fs, inode, false);
	dxf_icache_put(fs, inode);
	return err;
}

static int set_version(struct dxf_fs *fs, struct dxf_inode *inode,
		       uint32_t version, const struct dxf_cred *cred)
{
	DXF_SCOPED_WRLOCK(&inode->lock);
	struct dxf_dinode *di;
	struct dxf_op op;
	int err;

	/* It is the seed of checksums all over the inode's blocks. */
	if (fs->geom->has_csum)
		return -EOPNOTSUPP;
	err = dxf_op_begin(&op, fs);
	if (err != 0)
		return err;
	di = dxf_op_di(&op, inode);
	if (!may_own(cred, di))
		err = -EPERM;
	else
		err = dxf_inode_may_change(di, false);
	di->generation = version;
	di->ctime = dxf_now();
	return dxf_op_end(&op, err);
}

int dxf_fs_setversion(struct dxf_fs *fs, dxf_ino_t ino, uint32_t version,
		      const struct dxf_cred *cred)
{
	struct dxf_inode *inode;
	int err = dxf_icache_get(fs, ino, &inode);

	if (err != 0)
		return err;
	err = set_version(fs, inode, version, cred);
	if (err == 0)
		err = dxf_sync_after(fs, inode, false);
	dxf_icache_put(fs, inode);
	return err;
}

bool dxf_fs_is_dax(struct dxf_fs *fs, dxf_ino_t ino)
{
	struct dxf_inode *inode;
	struct dxf_peek p;
	bool dax;

	if (dxf_icache_get(fs, ino, &inode) != 0)
		return false;
	dxf_inode_peek(inode, &p);
	dxf_mutex_lock(&fs->icache_lock);
	dax = inode->nopen > 0 ? inode->dax : (p.flags & FS_DAX_FL) != 0;
	dxf_mutex_unlock(&fs->icache_lock);
	dxf_icache_put(fs, inode);
	return dax;
}
