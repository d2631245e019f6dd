// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xattr_inode.c - extended attributes in an inode's slot.
 *
 * Owns the bytes of the slot behind i_extra_isize: u32 magic, then an area.
 * Must not know names.  The slot's checksum, which covers them, is renewed by
 * the dxf_dinode_write() that follows in the same transaction.
 */
#include <assert.h>
#include <errno.h>

#include "xattr_priv.h"

#define GOOD_OLD_SIZE	128u
#define MAGIC_LEN	4u
#define MIN_AREA	24u	/* not even an empty value fits into less */

/* The range of the area, magic included.  Returns: its length, 0: none. */
static uint32_t slot_range(const struct dxf_node *n,
			   const struct dxf_dinode *di, dxf_off_t *off)
{
	uint32_t size = n->e2->geom.inode_size;
	uint32_t start = GOOD_OLD_SIZE + di->extra_isize;

	/* Slots that never had extra fields have no area either. */
	if (!di->extra_isize || di->extra_isize % 4 || start > size ||
	    size - start < MAGIC_LEN + MIN_AREA)
		return 0;
	*off = dxf_inode_slot_off(n->e2, n->ino) + start;
	return size - start;
}

int dxf_xinode_load(struct dxf_node *n, const struct dxf_dinode *di,
		    struct dxf_xarea *a)
{
	uint8_t magic[MAGIC_LEN];
	const char *fault;
	dxf_off_t off = 0;
	uint32_t len = slot_range(n, di, &off);
	int r;

	a->size = 0;
	if (!len)
		return 0;
	assert(len - MAGIC_LEN <= sizeof(a->buf));
	dxf_xarea_clear(a, 0, len - MAGIC_LEN, false);
	r = dxf_ext2_read(n->e2, n->ino, off, magic, sizeof(magic));
	if (r || dxf_get_le32(magic) != DXF_XATTR_MAGIC)
		return r;
	r = dxf_ext2_read(n->e2, n->ino, off + MAGIC_LEN, a->buf, a->size);
	if (r)
		return r;
	fault = dxf_xarea_fault(a);
	if (!fault)
		return 0;
	return dxf_ext2_corrupt(n->e2, n->ino, 0,
				"extended attributes in the inode: %s", fault);
}

int dxf_xinode_store(struct dxf_node *n, const struct dxf_dinode *di,
		     struct dxf_txn *t, const struct dxf_xarea *a)
{
	uint8_t magic[MAGIC_LEN];
	struct dxf_xent e;
	dxf_off_t off = 0;
	uint32_t len = slot_range(n, di, &off);
	int r;

	assert(len && a->size == len - MAGIC_LEN && !a->hashed);
	(void)len;
	dxf_put_le32(magic, dxf_xarea_first(a, &e) ? DXF_XATTR_MAGIC : 0);
	r = dxf_txn_store(t, off, magic, sizeof(magic));
	if (r)
		return r;
	return dxf_txn_store(t, off + MAGIC_LEN, a->buf, a->size);
}
