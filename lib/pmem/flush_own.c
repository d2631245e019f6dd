// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * flush_own.c - cache-line write-back and fence by our own instructions.
 *
 * Must not know regions.  Built instead of flush_pmem2.c where libpmem2 is
 * not wanted.
 *
 * Invariant: each loop is in the exception table; a line of a truncated file
 * is SIGBUS also for a flush.
 */
#include "flush.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "guard.h"

struct dxf_flush {
	size_t (*lines)(const char *line, size_t n);	/* NULL: eADR */
	const char *name;
};

/* Write @n lines back, @step bytes apart.  What is left: 0 or faulted. */
#define FLUSH_LOOP(insn, add, dec)					\
	asm volatile("1:\t" insn "\n\t" add "\n\t" dec "\n"		\
		     "2:\n\t" DXF_EXTABLE				\
		     : [p] "+r" (line), [n] "+r" (n) : : "cc", "memory")

#if defined(__x86_64__)
#include <cpuid.h>

#define X86_LOOP(insn) \
	FLUSH_LOOP(insn "	(%[p])", "add	$64, %[p]", \
		   "dec	%[n]\n\tjnz	1b")

static size_t lines_clwb(const char *line, size_t n)
{
	X86_LOOP("clwb");
	return n;
}

static size_t lines_clflushopt(const char *line, size_t n)
{
	X86_LOOP("clflushopt");
	return n;
}

static size_t lines_clflush(const char *line, size_t n)
{
	X86_LOOP("clflush");
	return n;
}

static void choose(struct dxf_flush *f)
{
	unsigned int a, b = 0, c, d;

	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0)
		b = 0;
	if (b & bit_CLWB)
		*f = (struct dxf_flush){ lines_clwb, "clwb" };
	else if (b & bit_CLFLUSHOPT)
		*f = (struct dxf_flush){ lines_clflushopt, "clflushopt" };
	else
		*f = (struct dxf_flush){ lines_clflush, "clflush" };
}

static void drain(void)
{
	asm volatile("sfence" : : : "memory");
}
#elif defined(__aarch64__)
#include <sys/auxv.h>

#ifndef HWCAP_DCPOP
#define HWCAP_DCPOP	(1ul << 16)
#endif

/* sys #3, c7, c12, #1 is DC CVAP, by number for assemblers before v8.2. */
static size_t lines_cvap(const char *line, size_t n)
{
	FLUSH_LOOP("sys	#3, c7, c12, #1, %[p]", "add	%[p], %[p], #64",
		   "subs	%[n], %[n], #1\n\tb.ne	1b");
	return n;
}

static size_t lines_cvac(const char *line, size_t n)
{
	FLUSH_LOOP("dc	cvac, %[p]", "add	%[p], %[p], #64",
		   "subs	%[n], %[n], #1\n\tb.ne	1b");
	return n;
}

static void choose(struct dxf_flush *f)
{
	if (getauxval(AT_HWCAP) & HWCAP_DCPOP)
		*f = (struct dxf_flush){ lines_cvap, "dc cvap" };
	else
		*f = (struct dxf_flush){ lines_cvac, "dc cvac" };
}

static void drain(void)
{
	asm volatile("dsb sy" : : : "memory");
}
#endif

int dxf_flush_new(struct dxf_flush **out, bool eadr)
{
	struct dxf_flush *f = dxf_calloc(1, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	choose(f);
	if (eadr)
		*f = (struct dxf_flush){ NULL, "eADR" };
	*out = f;
	return 0;
}

void dxf_flush_free(struct dxf_flush *f)
{
	free(f);
}

int dxf_flush_ranges(const struct dxf_flush *f,
		     const struct dxf_guard_range *range, unsigned int n)
{
	size_t left = 0;

	if (f->lines == NULL)
		return 0;
	for (; n > 0 && left == 0; range++, n--) {
		uintptr_t addr = (uintptr_t)range->addr;
		uintptr_t start = dxf_align_down(addr, DXF_CACHELINE);
		uintptr_t end = dxf_align_up(addr + range->len, DXF_CACHELINE);

		assert(range->len > 0);
		left = f->lines((const char *)start,
				(end - start) / DXF_CACHELINE);
	}
	return left != 0 ? -EIO : 0;
}

void dxf_flush_drain(const struct dxf_flush *f)
{
	drain();
}

const char *dxf_flush_name(const struct dxf_flush *f)
{
	return f->name;
}
