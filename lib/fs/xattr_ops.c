/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xattr_ops.c - extended attributes: who may have which, and ACLs, which are
 * attributes that change the mode.
 *
 * Does not know how attributes are stored.  Who may set trusted.* and
 * security.* is the kernel's business, as is who owns a file.
 */
#include "fs_priv.h"

#include <assert.h>
#include <string.h>
#include <sys/xattr.h>

#define PREFIX_USER	"user."
#define PREFIX_SYSTEM	"system."
#define ACL_ACCESS	"system.posix_acl_access"
#define ACL_DEFAULT	"system.posix_acl_default"
#define XATTR_NAME_LEN	255
/* The xattr representation of no entries: the version alone. */
#define ACL_EMPTY	4

static bool starts(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool is_acl(const char *name)
{
	return strcmp(name, ACL_ACCESS) == 0 || strcmp(name, ACL_DEFAULT) == 0;
}

/*
 * Can an inode of this kind have such an attribute?
 * Returns: 0; -EOPNOTSUPP; -EPERM user.* on what is no file or directory;
 * -ERANGE; -EINVAL nothing behind the prefix.
 */
static int name_check(const struct dxf_fs *fs, mode_t mode, const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > XATTR_NAME_LEN)
		return -ERANGE;
	if (starts(name, PREFIX_SYSTEM)) {
		if (!is_acl(name) || !fs->opts.acl || S_ISLNK(mode))
			return -EOPNOTSUPP;
		return 0;
	}
	if (name[len - 1] == '.' && strchr(name, '.') == &name[len - 1])
		return -EINVAL;
	if (!starts(name, PREFIX_USER))
		return 0;
	if (!fs->opts.user_xattr)
		return -EOPNOTSUPP;
	return S_ISREG(mode) || S_ISDIR(mode) ? 0 : -EPERM;
}

/* ---- get, list ---- */

static ssize_t get_locked(struct dxf_fs *fs, struct dxf_inode *inode,
			  const char *name, void *buf, size_t size)
{
	DXF_SCOPED_RDLOCK(&inode->lock);
	struct dxf_dinode di;
	int err;

	dxf_inode_get_di(inode, &di);
	err = name_check(fs, di.mode, name);
	if (err != 0)
		return err == -EPERM ? -ENODATA : err;
	return dxf_xattr_get(&inode->node, &di, name, buf, size);
}

ssize_t dxf_fs_getxattr(struct dxf_fs *fs, dxf_ino_t ino, const char *name,
			void *buf, size_t size)
{
	struct dxf_inode *inode;
	ssize_t n;
	int err = dxf_icache_get(fs, ino, &inode);

	if (err != 0)
		return err;
	n = get_locked(fs, inode, name, buf, size);
	dxf_icache_put(fs, inode);
	return n;
}

static bool listed(const struct dxf_fs *fs, const char *name)
{
	if (starts(name, PREFIX_USER))
		return fs->opts.user_xattr;
	return !is_acl(name) || fs->opts.acl;
}

/* Drop the names that this mount does not show.  Returns: the new length. */
static size_t filter(const struct dxf_fs *fs, char *buf, size_t len)
{
	size_t from = 0, to = 0;

	while (from < len) {
		size_t n = strnlen(buf + from, len - from) + 1;

		n = DXF_MIN(n, len - from);
		if (listed(fs, buf + from)) {
			memmove(buf + to, buf + from, n);
			to += n;
		}
		from += n;
	}
	return to;
}

static ssize_t list_locked(struct dxf_inode *inode, char *buf, size_t size)
{
	DXF_SCOPED_RDLOCK(&inode->lock);
	struct dxf_dinode di;

	dxf_inode_get_di(inode, &di);
	return dxf_xattr_list(&inode->node, &di, buf, size);
}

ssize_t dxf_fs_listxattr(struct dxf_fs *fs, dxf_ino_t ino, char *buf,
			 size_t size)
{
	struct dxf_inode *inode;
	ssize_t n;
	int err = dxf_icache_get(fs, ino, &inode);

	if (err != 0)
		return err;
	n = list_locked(inode, buf, size);
	if (n > 0 && size > 0)
		n = (ssize_t)filter(fs, buf, (size_t)n);
	dxf_icache_put(fs, inode);
	return n;
}

/* ---- set ---- */

struct set {
	const char *name;
	const void *value;		/* NULL: remove */
	size_t size;
	int flags;
	unsigned int balloc;
	bool new_mode;			/* the ACL changes it */
	mode_t mode;
	bool may_lack;			/* removing what is not there is fine */
};

static int set_op(struct dxf_fs *fs, struct dxf_inode *inode,
		  const struct set *s)
{
	struct dxf_dinode *di;
	struct dxf_op op;
	int err = dxf_op_begin(&op, fs);

	if (err != 0)
		return err;
	di = dxf_op_di(&op, inode);
	err = dxf_xattr_set(&inode->node, di, op.t, s->name, s->value, s->size,
			    s->flags, s->balloc);
	if (err == -ENODATA && s->may_lack)
		err = 0;
	if (s->new_mode)
		di->mode = s->mode;
	di->ctime = dxf_now();
	err = dxf_op_end(&op, err);
	if (err == 0)
		__atomic_store_n(&inode->lacks, 0, __ATOMIC_RELAXED);
	return err;
}

/* The mode that an access ACL stands for; one that says no more than that is
 * not stored. */
static int access_acl(const struct dxf_dinode *di, bool kill_sgid,
		      const struct dxf_cred *cred, struct set *s)
{
	DXF_CLEANUP_FREE struct dxf_acl *acl = NULL;
	bool equiv;
	int err = dxf_acl_from_xattr(s->value, s->size, &acl);

	if (err != 0)
		return err;
	s->mode = dxf_acl_mode(acl, di->mode, &equiv);
	s->new_mode = true;
	if (kill_sgid || !dxf_cred_has_group(cred, di->gid))
		s->mode &= ~(mode_t)S_ISGID;
	if (equiv) {
		s->value = NULL;
		s->may_lack = true;
	}
	return 0;
}

/* No entries at all: remove.  Flags do not count for ACLs. */
static int prepare_acl(const struct dxf_dinode *di, bool kill_sgid,
		       const struct dxf_cred *cred, struct set *s)
{
	DXF_CLEANUP_FREE struct dxf_acl *acl = NULL;
	static const uint8_t version[ACL_EMPTY] = { 2 };
	bool is_default = strcmp(s->name, ACL_DEFAULT) == 0;

	s->flags = 0;
	if (s->size == 0 || (s->size == ACL_EMPTY &&
			     memcmp(s->value, version, ACL_EMPTY) == 0))
		s->value = NULL;
	if (s->value == NULL) {
		s->may_lack = true;
		return 0;
	}
	if (!is_default)
		return access_acl(di, kill_sgid, cred, s);
	if (!S_ISDIR(di->mode))
		return -EACCES;
	return dxf_acl_from_xattr(s->value, s->size, &acl);
}

static int set_locked(struct dxf_fs *fs, struct dxf_inode *inode,
		      struct set s, bool kill_sgid,
		      const struct dxf_cred *cred)
{
	DXF_SCOPED_WRLOCK(&inode->lock);
	struct dxf_dinode di;
	int err;

	dxf_inode_get_di(inode, &di);
	err = name_check(fs, di.mode, s.name);
	if (err == 0)
		err = dxf_inode_may_change(&di, false);
	if (err == 0 && is_acl(s.name))
		err = prepare_acl(&di, kill_sgid, cred, &s);
	return err != 0 ? err : set_op(fs, inode, &s);
}

static int set_xattr(struct dxf_fs *fs, dxf_ino_t ino, const struct set *s,
		     bool kill_sgid, const struct dxf_cred *cred)
{
	struct dxf_inode *inode;
	int err = dxf_icache_get(fs, ino, &inode);

	if (err != 0)
		return err;
	err = DXF_RETRY_NOSPC(fs, set_locked(fs, inode, *s, kill_sgid, cred));
	if (err == 0)
		err = dxf_sync_after(fs, inode, false);
	dxf_icache_put(fs, inode);
	return err;
}

int dxf_fs_setxattr(struct dxf_fs *fs, dxf_ino_t ino, const char *name,
		    const void *value, size_t size, int flags,
		    bool kill_sgid, const struct dxf_cred *cred)
{
	struct set s = {
		.name = name, .value = value != NULL ? value : "",
		.size = size, .flags = flags,
		.balloc = dxf_cred_balloc_flags(fs, cred),
	};

	if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0)
		return -EINVAL;
	return set_xattr(fs, ino, &s, kill_sgid, cred);
}

int dxf_fs_removexattr(struct dxf_fs *fs, dxf_ino_t ino, const char *name)
{
	struct set s = {
		.name = name, .flags = XATTR_REPLACE,
		.balloc = DXF_BALLOC_RESERVED_OK,
	};

	return set_xattr(fs, ino, &s, false, NULL);
}
