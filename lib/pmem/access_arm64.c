// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * access_arm64.c - the guarded access loops for arm64.
 *
 * Owns the instructions that touch media on this machine, but for cache
 * flushes.  Must not know regions.
 *
 * Invariants: no access crosses an aligned 8-byte word of media.  STNP is a
 * hint that does not write through the cache, so there are no non-temporal
 * stores here: what is stored must be cleaned (DC CVAP) afterwards.  Each loop
 * is in the exception table from its first access to its last.
 */
#include "guard.h"

#include <assert.h>
#include <errno.h>

/* The loops: @n steps from *@src to *@dst.  What is left: 0 or faulted. */
static size_t copy_bytes(char **dst, const char **src, size_t n)
{
	unsigned int t;

	if (n == 0)
		return 0;
	asm volatile("1:	ldrb	%w[t], [%[s]]\n\t"
		     "strb	%w[t], [%[d]]\n\t"
		     "add	%[s], %[s], #1\n\t"
		     "add	%[d], %[d], #1\n\t"
		     "subs	%[n], %[n], #1\n\t"
		     "b.ne	1b\n"
		     "2:\n\t" DXF_EXTABLE
		     : [d] "+r" (*dst), [s] "+r" (*src), [n] "+r" (n),
		       [t] "=&r" (t)
		     : : "cc", "memory");
	return n;
}

static size_t copy_words(char **dst, const char **src, size_t n)
{
	uint64_t t;

	if (n == 0)
		return 0;
	asm volatile("1:	ldr	%[t], [%[s]]\n\t"
		     "str	%[t], [%[d]]\n\t"
		     "add	%[s], %[s], #8\n\t"
		     "add	%[d], %[d], #8\n\t"
		     "subs	%[n], %[n], #1\n\t"
		     "b.ne	1b\n"
		     "2:\n\t" DXF_EXTABLE
		     : [d] "+r" (*dst), [s] "+r" (*src), [n] "+r" (n),
		       [t] "=&r" (t)
		     : : "cc", "memory");
	return n;
}

/* @media is the side that is media: its words decide. */
static int copy_by(char *dst, const char *src, uintptr_t media, size_t len)
{
	size_t head = DXF_MIN(len, -media % DXF_WORD);

	if (copy_bytes(&dst, &src, head) != 0)
		return -EIO;
	len -= head;
	if (copy_words(&dst, &src, len / DXF_WORD) != 0 ||
	    copy_bytes(&dst, &src, len % DXF_WORD) != 0)
		return -EIO;
	return 0;
}

int dxf_access_load(void *dst, const void *src, size_t len)
{
	return copy_by(dst, src, (uintptr_t)src, len);
}

int dxf_access_store(void *dst, const void *src, size_t len)
{
	return copy_by(dst, src, (uintptr_t)dst, len);
}

int dxf_access_store_nt(void *dst, const void *src, size_t len)
{
	assert((uintptr_t)dst % DXF_CACHELINE == 0);
	assert(len > 0 && len % DXF_CACHELINE == 0);
	return dxf_access_store(dst, src, len);
}

bool dxf_access_has_nt(void)
{
	return false;
}
