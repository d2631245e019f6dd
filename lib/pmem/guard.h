/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard.h - private to lib/pmem: accesses to media that survive SIGBUS.
 *
 * Each access loop is inline assembler with an entry in the section
 * dxf_extable: where it starts, where it ends, where to go on after a fault.
 * Entries are 32-bit offsets from their own address, so the section needs no
 * relocation.  The loops count down to 0 and their fix-up is the instruction
 * behind them: a count that is not 0 is the mark of a fault.
 */
#ifndef DXF_GUARD_H
#define DXF_GUARD_H

#include "units.h"

/* The caller's asm has the labels 1: (first access) and 2: (behind it). */
#define DXF_EXTABLE \
	".pushsection dxf_extable,\"a\"\n\t" \
	".balign 4\n\t" \
	".long 1b - ., 2b - ., 2b - .\n\t" \
	".popsection\n\t"

/* What the last fault of this thread was. */
struct dxf_guard_fault {
	uintptr_t addr;
	int code;		/* si_code: BUS_MCEERR_AR, BUS_ADRERR, ... */
	unsigned int lsb;	/* of a poisoned range: log2 of its length */
};

extern _Thread_local volatile struct dxf_guard_fault dxf_guard_fault;

/* Was the last fault of this thread poison?  Then its range. */
bool dxf_guard_poison(uintptr_t *start, uint64_t *len);

/*
 * The kernel may also announce poison that nobody has read yet
 * (vm.memory_failure_early_kill).  In a range that is watched that is no
 * reason to die: it is kept for dxf_guard_announced().
 */
void dxf_guard_watch(const void *start, size_t len);
void dxf_guard_unwatch(const void *start);
/*
 * The next poison announced in [@start, @start + @len).
 * Returns: true and *@addr, *@plen; false: there is none (any more).
 */
bool dxf_guard_announced(const void *start, size_t len, uintptr_t *addr,
			 uint64_t *plen);
/* How many are kept, of all ranges (atomic). */
extern unsigned int dxf_guard_nannounced;

struct dxf_guard_range {
	const void *addr;
	size_t len;
};

/*
 * Call @fn for each of the @n ranges in turn, which may fault on any byte of the
 * range (rounded to cache lines) and must hold no lock while it does: for cache
 * flushes by foreign code.
 * Returns: 0; -EIO: one did, and those behind it were not called for.
 */
int dxf_guard_call(void (*fn)(const void *addr, size_t len),
		   const struct dxf_guard_range *range, unsigned int n);

/*
 * The access loops (access_x86.c, access_arm64.c).  Media is read and written
 * by accesses that do not cross an aligned 8-byte word, or cover whole aligned
 * words.
 * A store's source may be media, too, where it lies as its target does within
 * DXF_ACCESS_WIDTH bytes.
 * Returns: 0; -EIO faulted, part may be done.
 */
#define DXF_ACCESS_WIDTH	16

/* Media to memory. */
int dxf_access_load(void *dst, const void *src, size_t len);
/* Memory to media, ordinary stores. */
int dxf_access_store(void *dst, const void *src, size_t len);
/* The same, non-temporal; @dst and @len are multiples of a cache line. */
int dxf_access_store_nt(void *dst, const void *src, size_t len);
/*
 * Are there non-temporal stores that need no flush?  If not, the caller must
 * flush what dxf_access_store_nt() stored.
 */
bool dxf_access_has_nt(void);

#endif
