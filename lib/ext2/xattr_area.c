// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xattr_area.c - a packed list of extended attributes.
 *
 * Owns the layout of entries and their hashes: the only validator, and the
 * only builder.  Must not know where an area lies on media.
 *
 * Entries grow up from `first`, ended by 4 zero bytes; values grow down from
 * the end; offsets of values count from the start of the area:
 *
 *	u8 name_len, u8 index, u16 value_offs, u32 value_inum (0),
 *	u32 value_size, u32 hash, the name, padded to 4 bytes
 *
 * In a block entries are sorted by index, length of the name and name, and
 * carry a hash; in an inode they are in any order with hash 0.
 *
 * Invariant: an area for which dxf_xarea_fault() had no fault is walked
 * without further checks.
 */
#include <assert.h>
#include <string.h>

#include "xattr_priv.h"

#define ENTRY_LEN	16u
#define END_LEN		4u

static uint32_t pad4(uint32_t len)
{
	return (len + 3) & ~3u;
}

static uint32_t entry_len(uint32_t name_len)
{
	return ENTRY_LEN + pad4(name_len);
}

void dxf_xarea_clear(struct dxf_xarea *a, uint32_t first, uint32_t size,
		     bool hashed)
{
	assert(size <= sizeof(a->buf) && first + END_LEN <= size);
	a->first = first;
	a->size = size;
	a->hashed = hashed;
	memset(a->buf, 0, sizeof(a->buf));
}

static bool decode(const struct dxf_xarea *a, uint32_t at, struct dxf_xent *e)
{
	const uint8_t *p = a->buf + at;
	uint32_t offs;

	assert(at + END_LEN <= a->size);
	if (dxf_get_le32(p) == 0)
		return false;
	e->at = at;
	e->next = at + entry_len(p[0]);
	assert(e->next + END_LEN <= a->size);
	e->name = (struct dxf_xname){
		.index = p[1], .len = p[0],
		.suffix = (const char *)p + ENTRY_LEN,
	};
	offs = dxf_get_le16(p + 2);
	e->size = dxf_get_le32(p + 8);
	e->value = e->size ? a->buf + offs : a->buf;
	assert(!e->size || (uint64_t)offs + e->size <= a->size);
	e->hash = dxf_get_le32(p + 12);
	return true;
}

bool dxf_xarea_first(const struct dxf_xarea *a, struct dxf_xent *e)
{
	return a->size && decode(a, a->first, e);
}

bool dxf_xarea_next(const struct dxf_xarea *a, struct dxf_xent *e)
{
	return decode(a, e->next, e);
}

static bool same_name(const struct dxf_xname *x, const struct dxf_xname *y)
{
	return x->index == y->index && x->len == y->len &&
		!memcmp(x->suffix, y->suffix, x->len);
}

bool dxf_xarea_find(const struct dxf_xarea *a, const struct dxf_xname *name,
		    struct dxf_xent *e)
{
	bool more;

	for (more = dxf_xarea_first(a, e); more; more = dxf_xarea_next(a, e))
		if (same_name(&e->name, name))
			return true;
	return false;
}

/* ---- validation ---- */

static const char *entry_fault(const struct dxf_xarea *a, uint32_t at)
{
	const uint8_t *p = a->buf + at;

	if (a->size - at < ENTRY_LEN + END_LEN ||
	    a->size - at < entry_len(p[0]) + END_LEN)
		return "entry crosses the end";
	if (!p[1])
		return "bad name index";
	if (dxf_get_le32(p + 4))
		return "value in an inode of its own";
	if (memchr(p + ENTRY_LEN, 0, p[0]))
		return "NUL in a name";
	return NULL;
}

/* @used has a byte for each byte of the area that an entry or value has. */
static const char *value_fault(const struct dxf_xarea *a, uint32_t at,
			       uint8_t *used)
{
	uint32_t offs = dxf_get_le16(a->buf + at + 2);
	uint32_t size = dxf_get_le32(a->buf + at + 8);

	if (!size)
		return NULL;
	if (size > a->size || offs > a->size || pad4(size) > a->size - offs)
		return "value crosses the end";
	if (memchr(used + offs, 1, pad4(size)))
		return "values overlap";
	memset(used + offs, 1, pad4(size));
	return NULL;
}

const char *dxf_xarea_fault(const struct dxf_xarea *a)
{
	uint8_t used[DXF_XATTR_MAX_AREA] = { 0 };
	const char *fault = NULL;
	uint32_t at = a->first, end;

	assert(a->size <= sizeof(used) && a->first + END_LEN <= a->size);
	while (dxf_get_le32(a->buf + at)) {
		fault = entry_fault(a, at);
		if (fault)
			return fault;
		at += entry_len(a->buf[at]);
	}
	end = at + END_LEN;
	memset(used, 1, end);
	for (at = a->first; at + END_LEN < end && !fault;
	     at += entry_len(a->buf[at]))
		fault = value_fault(a, at, used);
	return fault;
}

/* ---- building ---- */

/* What a block is sorted by. */
static int compare(const struct dxf_xname *x, const struct dxf_xname *y)
{
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->suffix, y->suffix, x->len);
}

struct builder {
	struct dxf_xarea *a;
	uint32_t at;		/* the next entry */
	uint32_t top;		/* of the room for values */
};

static bool emit(struct builder *b, const struct dxf_xent *e, bool rehash)
{
	uint32_t len = entry_len(e->name.len), size = pad4(e->size);
	uint8_t *p = b->a->buf + b->at;

	assert(b->at + END_LEN <= b->top);
	if (e->size > b->a->size || len + size > b->top - b->at - END_LEN)
		return false;
	b->at += len;
	b->top -= size;
	p[0] = e->name.len;
	p[1] = e->name.index;
	dxf_put_le16(p + 2, e->size ? b->top : 0);
	dxf_put_le32(p + 8, e->size);
	memcpy(p + ENTRY_LEN, e->name.suffix, e->name.len);
	if (e->size)
		memcpy(b->a->buf + b->top, e->value, e->size);
	dxf_put_le32(p + 12, e->hash);
	if (rehash && b->a->hashed)
		dxf_put_le32(p + 12, ext2fs_ext_attr_hash_entry(
			(struct ext2_ext_attr_entry *)p, b->a->buf + b->top));
	return true;
}

bool dxf_xarea_rebuild(struct dxf_xarea *dst, const struct dxf_xarea *src,
		       const struct dxf_xent *old, const struct dxf_xent *add)
{
	struct builder b = { .a = dst, .at = src->first, .top = src->size };
	struct dxf_xent e;
	bool more;

	if (!src->size)
		return !add;
	dxf_xarea_clear(dst, src->first, src->size, src->hashed);
	for (more = dxf_xarea_first(src, &e); more;
	     more = dxf_xarea_next(src, &e)) {
		if (old && e.at == old->at)
			continue;
		if (add && src->hashed && compare(&add->name, &e.name) < 0) {
			if (!emit(&b, add, true))
				return false;
			add = NULL;
		}
		if (!emit(&b, &e, false))
			return false;
	}
	return !add || emit(&b, add, true);
}
