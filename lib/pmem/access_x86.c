// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * access_x86.c - the guarded access loops for x86-64.
 *
 * Owns the instructions that touch media on this machine, but for cache
 * flushes.  Must not know regions.
 *
 * Invariants: no access crosses an aligned 8-byte word of media except
 * vector accesses that are aligned to their own size, which cover whole words
 * and never cross a cache line.  (No `rep movs` on media: a machine check in a
 * fast string copy, or in a load across two lines, is not recoverable on all
 * CPUs.)  Each loop is in the exception table from its first access to its
 * last.
 *
 * Baseline SSE2 and nothing above: with 32- and 64-byte registers (AVX2,
 * AVX-512) every size from 64 bytes to 1 MiB was as fast within the noise, the
 * stores being bound by the memory (Sapphire Rapids, fence included: 64 B 231,
 * 256 B 242, 4 KiB 480 ns; 15 GB/s at 1 MiB).
 */
#include "guard.h"

#include <assert.h>
#include <errno.h>

#define LINE_CLOBBERS "xmm0", "xmm1", "xmm2", "xmm3", "cc", "memory"

/* The loops: @n steps from *@src to *@dst.  What is left: 0 or faulted. */
static size_t copy_bytes(char **dst, const char **src, size_t n)
{
	unsigned int t;

	if (n == 0)
		return 0;
	asm volatile("1:	movzbl	(%[s]), %[t]\n\t"
		     "movb	%b[t], (%[d])\n\t"
		     "inc	%[s]\n\t"
		     "inc	%[d]\n\t"
		     "dec	%[n]\n\t"
		     "jnz	1b\n"
		     "2:\n\t" DXF_EXTABLE
		     : [d] "+r" (*dst), [s] "+r" (*src), [n] "+r" (n),
		       [t] "=&q" (t)
		     : : "cc", "memory");
	return n;
}

static size_t copy_words(char **dst, const char **src, size_t n)
{
	uint64_t t;

	if (n == 0)
		return 0;
	asm volatile("1:	movq	(%[s]), %[t]\n\t"
		     "movq	%[t], (%[d])\n\t"
		     "add	$8, %[s]\n\t"
		     "add	$8, %[d]\n\t"
		     "dec	%[n]\n\t"
		     "jnz	1b\n"
		     "2:\n\t" DXF_EXTABLE
		     : [d] "+r" (*dst), [s] "+r" (*src), [n] "+r" (n),
		       [t] "=&r" (t)
		     : : "cc", "memory");
	return n;
}

/*
 * 64 bytes a step by 16-byte registers: LOAD and STORE say what is aligned,
 * AHEAD is done before each.
 */
#define SSE_LINES(ahead, load, store)					\
	asm volatile("1:\t" ahead load "	(%[s]), %%xmm0\n\t"		\
		     load "	16(%[s]), %%xmm1\n\t"			\
		     load "	32(%[s]), %%xmm2\n\t"			\
		     load "	48(%[s]), %%xmm3\n\t"			\
		     store "	%%xmm0, (%[d])\n\t"			\
		     store "	%%xmm1, 16(%[d])\n\t"			\
		     store "	%%xmm2, 32(%[d])\n\t"			\
		     store "	%%xmm3, 48(%[d])\n\t"			\
		     "add	$64, %[s]\n\t"				\
		     "add	$64, %[d]\n\t"				\
		     "dec	%[n]\n\t"				\
		     "jnz	1b\n"					\
		     "2:\n\t" DXF_EXTABLE				\
		     : [d] "+r" (*dst), [s] "+r" (*src), [n] "+r" (n)	\
		     : : LINE_CLOBBERS)

/*
 * The processor looks ahead by itself, but not beyond a page.  Told of lines
 * 2 KiB ahead, of this range only, it loads 256 KiB of a mapping by pages of
 * 4 KiB in 30 us, not 33 to 36; of 4 KiB it would be too late (Sapphire
 * Rapids).
 */
#define AHEAD		32u	/* lines */
#define AHEAD_FROM	1024u	/* lines */

static size_t load_lines(char **dst, const char **src, size_t n)
{
	size_t last = n < AHEAD_FROM ? n : AHEAD;

	n -= last;
	if (n != 0)
		SSE_LINES("prefetcht0	2048(%[s])\n\t", "movdqa", "movdqu");
	if (n != 0)
		return n + last;
	n = last;
	if (n != 0)
		SSE_LINES("", "movdqa", "movdqu");
	return n;
}

static size_t store_lines(char **dst, const char **src, size_t n)
{
	if (n != 0)
		SSE_LINES("", "movdqu", "movdqa");
	return n;
}

static size_t nt_lines(char **dst, const char **src, size_t n)
{
	if (n != 0)
		SSE_LINES("", "movdqu", "movntdq");
	return n;
}

/*
 * @media is the side that is media: its words decide.  @lines moves 64 bytes
 * a step and wants that side at a multiple of 16.
 */
static inline __attribute__((always_inline)) int
copy_by(size_t (*lines)(char **, const char **, size_t),
	char *dst, const char *src, uintptr_t media, size_t len)
{
	size_t head = DXF_MIN(len, -media % DXF_WORD);
	size_t odd;

	/* What a transaction stores: words of one line, by one loop. */
	if (len < DXF_CACHELINE && (media | len) % DXF_WORD == 0)
		return copy_words(&dst, &src, len / DXF_WORD) != 0 ? -EIO : 0;
	if (copy_bytes(&dst, &src, head) != 0)
		return -EIO;
	len -= head;
	odd = (media + head) % 16 != 0 && len >= DXF_WORD;
	if (copy_words(&dst, &src, odd) != 0)
		return -EIO;
	len -= odd * DXF_WORD;
	if (lines(&dst, &src, len / DXF_CACHELINE) != 0)
		return -EIO;
	len %= DXF_CACHELINE;
	if (copy_words(&dst, &src, len / DXF_WORD) != 0 ||
	    copy_bytes(&dst, &src, len % DXF_WORD) != 0)
		return -EIO;
	return 0;
}

int dxf_access_load(void *dst, const void *src, size_t len)
{
	return copy_by(load_lines, dst, src, (uintptr_t)src, len);
}

int dxf_access_store(void *dst, const void *src, size_t len)
{
	return copy_by(store_lines, dst, src, (uintptr_t)dst, len);
}

int dxf_access_store_nt(void *dst, const void *src, size_t len)
{
	char *d = dst;
	const char *s = src;

	assert((uintptr_t)dst % DXF_CACHELINE == 0);
	assert(len > 0 && len % DXF_CACHELINE == 0);
	return nt_lines(&d, &s, len / DXF_CACHELINE) != 0 ? -EIO : 0;
}

bool dxf_access_has_nt(void)
{
	return true;
}
