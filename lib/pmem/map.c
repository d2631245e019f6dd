// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * map.c - place a mapping in the address space.
 *
 * Must not know what is mapped.
 *
 * Invariant: an address is equal to the file offset behind it modulo the
 * alignment asked for, so that the kernel can use huge pages and a dax device
 * accepts the mapping at all.
 */
#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

#include "region_priv.h"

/* Free address space around the mapping that was cut out of it. */
static void trim(char *space, size_t space_len, const struct dxf_mapping *m)
{
	size_t before = (size_t)(m->addr - space);
	size_t after = space_len - before - m->len;

	if (before > 0)
		munmap(space, before);
	if (after > 0)
		munmap(m->addr + m->len, after);
}

int dxf_map_at(struct dxf_mapping *m, int fd, uint64_t foff, int prot,
	       int flags, uint64_t align)
{
	size_t space_len;
	char *space;
	int ret;

	assert(m->len > 0 && (align & (align - 1)) == 0);
	if (__builtin_add_overflow(m->len, align, &space_len))
		return -ENOMEM;
	space = mmap(NULL, space_len, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (space == MAP_FAILED)
		return -errno;
	m->addr = space + ((foff - (uintptr_t)space) & (align - 1));
	if (mmap(m->addr, m->len, prot, flags | MAP_FIXED, fd,
		 (off_t)foff) == MAP_FAILED) {
		ret = -errno;
		munmap(space, space_len);
		m->addr = NULL;
		return ret;
	}
	trim(space, space_len, m);
	assert(((uintptr_t)m->addr - foff) % align == 0);
	return 0;
}

void dxf_map_drop(struct dxf_mapping *m)
{
	if (m->addr != NULL)
		munmap(m->addr, m->len);
	m->addr = NULL;
	m->len = 0;
}
