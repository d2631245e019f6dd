// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xattr.c - extended attributes by name.
 *
 * Owns the table of namespaces, the two forms of an ACL's value, and which of
 * the two areas an attribute goes to.  Must not know layouts.
 *
 * An attribute is in the inode or in the block.  A changed or new one goes to
 * the inode if it fits there, else to the block; others stay where they are.
 */
#include <assert.h>
#include <errno.h>
#include <sys/xattr.h>

#include "acl.h"
#include "alloc.h"
#include "cleanup.h"
#include "xattr_priv.h"

#define VALUE_MAX	65536u	/* XATTR_SIZE_MAX */

static const struct {
	uint8_t index;
	bool whole;		/* the name has no suffix */
	const char *prefix;
} namespaces[] = {
	{ DXF_XINDEX_USER, false, "user." },
	{ DXF_XINDEX_ACL_ACCESS, true, "system.posix_acl_access" },
	{ DXF_XINDEX_ACL_DEFAULT, true, "system.posix_acl_default" },
	{ DXF_XINDEX_TRUSTED, false, "trusted." },
	{ DXF_XINDEX_SECURITY, false, "security." },
};

static bool is_acl(uint8_t index)
{
	return index == DXF_XINDEX_ACL_ACCESS ||
		index == DXF_XINDEX_ACL_DEFAULT;
}

static int parse_name(const char *name, struct dxf_xname *out)
{
	size_t len = strlen(name), plen;

	for (size_t i = 0; i < DXF_ARRAY_SIZE(namespaces); i++) {
		plen = strlen(namespaces[i].prefix);
		if (strncmp(name, namespaces[i].prefix, plen) ||
		    (namespaces[i].whole && len > plen))
			continue;
		if (!namespaces[i].whole && len == plen)
			return -EINVAL;
		if (len - plen > UINT8_MAX)
			return -ERANGE;
		out->index = namespaces[i].index;
		out->suffix = name + plen;
		out->len = len - plen;
		return 0;
	}
	return -EOPNOTSUPP;
}

/* ---- get ---- */

static ssize_t copy_out(void *buf, size_t size, const void *value, size_t len)
{
	if (!size)
		return len;
	if (size < len)
		return -ERANGE;
	if (len)
		memcpy(buf, value, len);
	return len;
}

static ssize_t copy_acl(struct dxf_node *n, const struct dxf_xent *e,
			void *buf, size_t size)
{
	DXF_CLEANUP_FREE struct dxf_acl *acl = NULL;
	int r;

	r = dxf_acl_from_disk(e->value, e->size, &acl);
	if (r == -EINVAL)
		return dxf_ext2_corrupt(n->e2, n->ino, 0, "malformed ACL");
	if (r)
		return r;
	return dxf_acl_to_xattr(acl, buf, size);
}

static ssize_t value_out(struct dxf_node *n, const struct dxf_xent *e,
			 void *buf, size_t size)
{
	if (is_acl(e->name.index))
		return copy_acl(n, e, buf, size);
	return copy_out(buf, size, e->value, e->size);
}

ssize_t dxf_xattr_get(struct dxf_node *n, const struct dxf_dinode *di,
		      const char *name, void *buf, size_t size)
{
	struct dxf_xname x;
	struct dxf_xarea a;
	struct dxf_xent e;
	int r;

	r = parse_name(name, &x);
	if (r)
		return r;
	r = dxf_xinode_load(n, di, &a);
	if (r)
		return r;
	if (dxf_xarea_find(&a, &x, &e))
		return value_out(n, &e, buf, size);
	if (!di->file_acl)
		return -ENODATA;
	r = dxf_xblock_load(n, di, &a);
	if (r)
		return r;
	if (!dxf_xarea_find(&a, &x, &e))
		return -ENODATA;
	return value_out(n, &e, buf, size);
}

/* ---- list ---- */

/* Append the name of an entry to the @used bytes.  Returns: the new length. */
static ssize_t list_one(const struct dxf_xname *x, char *buf, size_t size,
			size_t used)
{
	size_t plen, len;

	for (size_t i = 0; i < DXF_ARRAY_SIZE(namespaces); i++) {
		if (namespaces[i].index != x->index ||
		    namespaces[i].whole != !x->len)
			continue;
		plen = strlen(namespaces[i].prefix);
		len = plen + x->len + 1;
		if (size && len > size - used)
			return -ERANGE;
		if (size) {
			memcpy(buf + used, namespaces[i].prefix, plen);
			memcpy(buf + used + plen, x->suffix, x->len);
			buf[used + len - 1] = '\0';
		}
		return used + len;
	}
	/* Of a namespace we do not know: it is nobody's. */
	return used;
}

static ssize_t list_area(const struct dxf_xarea *a, char *buf, size_t size,
			 size_t used)
{
	ssize_t len = used;
	struct dxf_xent e;
	bool more;

	for (more = dxf_xarea_first(a, &e); more && len >= 0;
	     more = dxf_xarea_next(a, &e))
		len = list_one(&e.name, buf, size, len);
	return len;
}

ssize_t dxf_xattr_list(struct dxf_node *n, const struct dxf_dinode *di,
		       char *buf, size_t size)
{
	struct dxf_xarea a;
	ssize_t len;
	int r;

	r = dxf_xinode_load(n, di, &a);
	if (r)
		return r;
	len = list_area(&a, buf, size, 0);
	if (len < 0 || !di->file_acl)
		return len;
	r = dxf_xblock_load(n, di, &a);
	if (r)
		return r;
	return list_area(&a, buf, size, len);
}

/* ---- set ---- */

/* Both areas as they are and as they will be. */
struct areas {
	struct dxf_xarea inode, new_inode;
	struct dxf_xarea block, new_block;
	struct dxf_xent in_inode, in_block;
	bool has_inode, has_block;	/* the attribute is there */
	bool set_inode, set_block;	/* the area changes */
};

static int load(struct dxf_node *n, const struct dxf_dinode *di,
		const struct dxf_xname *x, struct areas *s)
{
	int r;

	r = dxf_xinode_load(n, di, &s->inode);
	if (!r)
		r = dxf_xblock_load(n, di, &s->block);
	if (r)
		return r;
	s->has_inode = dxf_xarea_find(&s->inode, x, &s->in_inode);
	s->has_block = dxf_xarea_find(&s->block, x, &s->in_block);
	return 0;
}

/* Lay out.  Returns: 0; -ENOSPC. */
static int place(struct areas *s, const struct dxf_xent *add)
{
	const struct dxf_xent *old_i = s->has_inode ? &s->in_inode : NULL;
	const struct dxf_xent *old_b = s->has_block ? &s->in_block : NULL;
	bool inside;

	inside = add && dxf_xarea_rebuild(&s->new_inode, &s->inode, old_i, add);
	s->set_inode = inside || old_i;
	s->set_block = (add && !inside) || old_b;
	if (!inside && old_i &&
	    !dxf_xarea_rebuild(&s->new_inode, &s->inode, old_i, NULL))
		return -ENOSPC;
	if (s->set_block && !dxf_xarea_rebuild(&s->new_block, &s->block, old_b,
					       inside ? NULL : add))
		return -ENOSPC;
	return 0;
}

static bool is_same(const struct areas *s, const struct dxf_xent *add)
{
	const struct dxf_xent *e = s->has_inode ? &s->in_inode : &s->in_block;

	return add && s->has_inode != s->has_block && e->size == add->size &&
		(!e->size || !memcmp(e->value, add->value, e->size));
}

static int store(struct dxf_node *n, struct dxf_dinode *di, struct dxf_txn *t,
		 struct areas *s, unsigned int balloc_flags)
{
	int r = 0;

	if (s->set_inode)
		r = dxf_xinode_store(n, di, t, &s->new_inode);
	if (!r && s->set_block)
		r = dxf_xblock_store(n, di, t, &s->block, &s->new_block,
				     balloc_flags);
	return r;
}

/* @add NULL: remove @x. */
static int change(struct dxf_node *n, struct dxf_dinode *di, struct dxf_txn *t,
		  const struct dxf_xname *x, const struct dxf_xent *add,
		  int flags, unsigned int balloc_flags)
{
	DXF_CLEANUP_FREE struct areas *s = dxf_malloc(sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = load(n, di, x, s);
	if (r)
		return r;
	if (!s->has_inode && !s->has_block) {
		if (!add || (flags & XATTR_REPLACE))
			return -ENODATA;
	} else if (add && (flags & XATTR_CREATE)) {
		return -EEXIST;
	}
	if (is_same(s, add))
		return 0;
	r = place(s, add);
	if (!r && add)
		r = dxf_ext2_need_feature(n->e2, t, DXF_FEATURE_EXT_ATTR);
	return r ? r : store(n, di, t, s, balloc_flags);
}

/* The disk's form of an ACL given as an xattr. */
static int acl_in(const void *value, size_t size, void **out, size_t *out_size)
{
	DXF_CLEANUP_FREE struct dxf_acl *acl = NULL;
	DXF_CLEANUP_FREE void *buf = NULL;
	ssize_t len;
	int r;

	r = dxf_acl_from_xattr(value, size, &acl);
	if (r)
		return r;
	len = dxf_acl_to_disk(acl, NULL, 0);
	assert(len > 0);
	buf = dxf_malloc(len);
	if (!buf)
		return -ENOMEM;
	len = dxf_acl_to_disk(acl, buf, len);
	assert(len > 0);
	*out = DXF_STEAL(buf);
	*out_size = len;
	return 0;
}

int dxf_xattr_set(struct dxf_node *n, struct dxf_dinode *di,
		  struct dxf_txn *t, const char *name, const void *value,
		  size_t size, int flags, unsigned int balloc_flags)
{
	DXF_CLEANUP_FREE void *disk = NULL;
	struct dxf_xent add = { .value = value };
	struct dxf_xname x;
	int r;

	r = parse_name(name, &x);
	if (r)
		return r;
	if (value && size > VALUE_MAX)
		return -ERANGE;
	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	if (value && is_acl(x.index)) {
		r = acl_in(value, size, &disk, &size);
		if (r)
			return r;
		add.value = disk;
	}
	add.name = x;
	add.size = size;
	return change(n, di, t, &x, value ? &add : NULL, flags, balloc_flags);
}

int dxf_xattr_free_block(struct dxf_node *n, struct dxf_dinode *di,
			 struct dxf_txn *t)
{
	struct dxf_xarea a;
	int r;

	if (!di->file_acl)
		return 0;
	r = dxf_xblock_load(n, di, &a);
	return r ? r : dxf_xblock_drop(n, di, t, &a);
}
