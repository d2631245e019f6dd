// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * acl.c - POSIX ACLs in memory.
 *
 * Owns the two external forms of an ACL, the rules that make one valid, and
 * what an ACL and a file mode say about each other.  Must not know where ACLs
 * are kept or who asks.
 *
 * Forms, all little endian:
 *	xattr	u32 version 2, then per entry u16 tag, u16 perm, u32 id
 *	disk	u32 version 1, then the same; the id only where the tag has one
 *
 * Invariant: a struct dxf_acl that came out of a parser is valid: the entries
 * are in the order of their tags, each object tag once, a mask where there are
 * named entries.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdlib.h>

#include "acl.h"
#include "alloc.h"
#include "cleanup.h"
#include "le.h"

#define HEADER_LEN	4u
#define XATTR_ENTRY	8u
#define DISK_SHORT	4u
#define DISK_FULL	8u
#define DISK_VERSION	1u
#define PERM_BITS	(ACL_READ | ACL_WRITE | ACL_EXECUTE)
#define NO_ID		((uint32_t)ACL_UNDEFINED_ID)

/* What must come next in a valid ACL. */
enum state {
	WANT_USER_OBJ,
	WANT_USER,	/* or the group object */
	WANT_GROUP,	/* or the mask, or what ends it */
	WANT_OTHER,
	COMPLETE,
	INVALID,
};

static bool has_id(uint16_t tag)
{
	return tag == ACL_USER || tag == ACL_GROUP;
}

static enum state next_state(enum state s, const struct dxf_acl_entry *e,
			     bool *named)
{
	if ((e->perm & ~PERM_BITS) || (has_id(e->tag) && e->id == NO_ID))
		return INVALID;
	switch (e->tag) {
	case ACL_USER_OBJ:
		return s == WANT_USER_OBJ ? WANT_USER : INVALID;
	case ACL_USER:
		*named = true;
		return s == WANT_USER ? WANT_USER : INVALID;
	case ACL_GROUP_OBJ:
		return s == WANT_USER ? WANT_GROUP : INVALID;
	case ACL_GROUP:
		*named = true;
		return s == WANT_GROUP ? WANT_GROUP : INVALID;
	case ACL_MASK:
		return s == WANT_GROUP ? WANT_OTHER : INVALID;
	case ACL_OTHER:
		if (s == WANT_OTHER || (s == WANT_GROUP && !*named))
			return COMPLETE;
		return INVALID;
	default:
		return INVALID;
	}
}

static bool is_valid(const struct dxf_acl *acl)
{
	enum state s = WANT_USER_OBJ;
	bool named = false;

	for (size_t i = 0; i < acl->count && s != INVALID; i++)
		s = next_state(s, &acl->e[i], &named);
	return s == COMPLETE;
}

static struct dxf_acl *acl_alloc(size_t count)
{
	struct dxf_acl *acl;

	acl = dxf_calloc(1, sizeof(*acl) + count * sizeof(acl->e[0]));
	if (acl)
		acl->count = count;
	return acl;
}

int dxf_acl_from_xattr(const void *buf, size_t size, struct dxf_acl **out)
{
	DXF_CLEANUP_FREE struct dxf_acl *acl = NULL;
	const uint8_t *p = buf;
	size_t count;

	if (size < HEADER_LEN || (size - HEADER_LEN) % XATTR_ENTRY ||
	    dxf_get_le32(p) != POSIX_ACL_XATTR_VERSION)
		return -EINVAL;
	count = (size - HEADER_LEN) / XATTR_ENTRY;
	if (count > DXF_ACL_MAX_ENTRIES)
		return -EINVAL;
	acl = acl_alloc(count);
	if (!acl)
		return -ENOMEM;

	p += HEADER_LEN;
	for (size_t i = 0; i < count; i++, p += XATTR_ENTRY) {
		struct dxf_acl_entry *e = &acl->e[i];

		e->tag = dxf_get_le16(p);
		e->perm = dxf_get_le16(p + 2);
		e->id = has_id(e->tag) ? dxf_get_le32(p + 4) : NO_ID;
	}
	if (!is_valid(acl))
		return -EINVAL;
	*out = DXF_STEAL(acl);
	return 0;
}

/*
 * Read one entry of the disk form.  Returns: its length, 0 if it does not fit
 * into @left bytes.
 */
static size_t disk_entry(const uint8_t *p, size_t left, struct dxf_acl_entry *e)
{
	if (left < DISK_SHORT)
		return 0;
	e->tag = dxf_get_le16(p);
	e->perm = dxf_get_le16(p + 2);
	e->id = NO_ID;
	if (!has_id(e->tag))
		return DISK_SHORT;
	if (left < DISK_FULL)
		return 0;
	e->id = dxf_get_le32(p + 4);
	return DISK_FULL;
}

int dxf_acl_from_disk(const void *buf, size_t size, struct dxf_acl **out)
{
	DXF_CLEANUP_FREE struct dxf_acl *acl = NULL;
	const uint8_t *p = buf;
	size_t at, len, n = 0;

	if (size < HEADER_LEN || dxf_get_le32(p) != DISK_VERSION ||
	    size > HEADER_LEN + DXF_ACL_MAX_ENTRIES * DISK_FULL)
		return -EINVAL;
	acl = acl_alloc((size - HEADER_LEN + DISK_SHORT - 1) / DISK_SHORT);
	if (!acl)
		return -ENOMEM;

	for (at = HEADER_LEN; at < size; at += len) {
		assert(n < acl->count);
		len = disk_entry(p + at, size - at, &acl->e[n++]);
		if (!len)
			return -EINVAL;
	}
	acl->count = n;
	if (n > DXF_ACL_MAX_ENTRIES || !is_valid(acl))
		return -EINVAL;
	*out = DXF_STEAL(acl);
	return 0;
}

ssize_t dxf_acl_to_xattr(const struct dxf_acl *acl, void *buf, size_t size)
{
	size_t len = HEADER_LEN + acl->count * XATTR_ENTRY;
	uint8_t *p = buf;

	assert(acl->count <= DXF_ACL_MAX_ENTRIES);
	if (!size)
		return len;
	if (size < len)
		return -ERANGE;
	dxf_put_le32(p, POSIX_ACL_XATTR_VERSION);
	p += HEADER_LEN;
	for (size_t i = 0; i < acl->count; i++, p += XATTR_ENTRY) {
		const struct dxf_acl_entry *e = &acl->e[i];

		dxf_put_le16(p, e->tag);
		dxf_put_le16(p + 2, e->perm);
		dxf_put_le32(p + 4, has_id(e->tag) ? e->id : NO_ID);
	}
	return len;
}

ssize_t dxf_acl_to_disk(const struct dxf_acl *acl, void *buf, size_t size)
{
	size_t len = HEADER_LEN;
	uint8_t *p = buf;

	assert(acl->count <= DXF_ACL_MAX_ENTRIES);
	for (size_t i = 0; i < acl->count; i++)
		len += has_id(acl->e[i].tag) ? DISK_FULL : DISK_SHORT;
	if (!size)
		return len;
	if (size < len)
		return -ERANGE;
	dxf_put_le32(p, DISK_VERSION);
	p += HEADER_LEN;
	for (size_t i = 0; i < acl->count; i++) {
		const struct dxf_acl_entry *e = &acl->e[i];

		dxf_put_le16(p, e->tag);
		dxf_put_le16(p + 2, e->perm);
		if (has_id(e->tag))
			dxf_put_le32(p + 4, e->id);
		p += has_id(e->tag) ? DISK_FULL : DISK_SHORT;
	}
	assert(p == (uint8_t *)buf + len);
	return len;
}

mode_t dxf_acl_mode(const struct dxf_acl *acl, mode_t mode, bool *equiv)
{
	mode_t user = 0, group = 0, other = 0, mask = 0;
	bool same = true, masked = false;

	for (size_t i = 0; i < acl->count; i++) {
		mode_t perm = acl->e[i].perm & PERM_BITS;

		switch (acl->e[i].tag) {
		case ACL_USER_OBJ:
			user = perm;
			break;
		case ACL_GROUP_OBJ:
			group = perm;
			break;
		case ACL_OTHER:
			other = perm;
			break;
		case ACL_MASK:
			mask = perm;
			masked = true;
			same = false;
			break;
		default:
			same = false;
		}
	}
	*equiv = same;
	return (mode & ~(mode_t)(S_IRWXU | S_IRWXG | S_IRWXO)) | user << 6 |
		(masked ? mask : group) << 3 | other;
}

/* The entry that a mode's group bits stand for: the mask, if there is one. */
static struct dxf_acl_entry *group_class(struct dxf_acl *acl)
{
	struct dxf_acl_entry *group = NULL;

	for (size_t i = 0; i < acl->count; i++) {
		if (acl->e[i].tag == ACL_MASK)
			return &acl->e[i];
		if (acl->e[i].tag == ACL_GROUP_OBJ)
			group = &acl->e[i];
	}
	assert(group);
	return group;
}

void dxf_acl_chmod(struct dxf_acl *acl, mode_t mode)
{
	for (size_t i = 0; i < acl->count; i++) {
		struct dxf_acl_entry *e = &acl->e[i];

		if (e->tag == ACL_USER_OBJ)
			e->perm = (mode >> 6) & PERM_BITS;
		else if (e->tag == ACL_OTHER)
			e->perm = mode & PERM_BITS;
	}
	group_class(acl)->perm = (mode >> 3) & PERM_BITS;
}

/* Leave in both what both allow; @shift finds the class in the mode. */
static void mask_both(struct dxf_acl_entry *e, mode_t *mode, unsigned int shift)
{
	e->perm &= (*mode >> shift) & PERM_BITS;
	*mode &= ~((mode_t)PERM_BITS << shift) | (mode_t)e->perm << shift;
}

bool dxf_acl_create(struct dxf_acl *acl, mode_t *mode)
{
	bool store = false;

	for (size_t i = 0; i < acl->count; i++) {
		struct dxf_acl_entry *e = &acl->e[i];

		if (e->tag == ACL_USER_OBJ)
			mask_both(e, mode, 6);
		else if (e->tag == ACL_OTHER)
			mask_both(e, mode, 0);
		else if (e->tag != ACL_GROUP_OBJ)
			store = true;
	}
	mask_both(group_class(acl), mode, 3);
	return store;
}
