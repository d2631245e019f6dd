/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault.h - the fault plan: make the Nth call of a kind fail.
 *
 * Every allocation, persist call, guarded load, libext2fs call and host
 * allocation asks dxf_fault().  With no plan armed that is one predictable
 * branch on a global.  Tests arm a plan, run an operation, and repeat with N
 * rising until a run passes without the fault being reached.
 */
#ifndef DXF_FAULT_H
#define DXF_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum dxf_fault_kind {
	DXF_FAULT_ALLOC,	/* memory: dxf_malloc and friends give NULL */
	DXF_FAULT_LOAD,		/* a guarded load gives -EIO */
	DXF_FAULT_PERSIST,	/* a store, flush or msync gives -EIO */
	DXF_FAULT_HOSTALLOC,	/* no room on the image's host: -ENOSPC */
	DXF_FAULT_EXT2FS,	/* a libext2fs call gives an errcode_t */
	DXF_FAULT_NKINDS,
};

/* Not to be touched but by the inline below: non-zero while a plan is armed. */
extern int dxf_fault_armed;
bool dxf_fault_slow(enum dxf_fault_kind kind);

/* Must this call fail?  Counts the call if a plan is armed. */
static inline bool dxf_fault(enum dxf_fault_kind kind)
{
	return __builtin_expect(dxf_fault_armed, 0) && dxf_fault_slow(kind);
}

/*
 * Arm: the @nth call (from 1) of @kind from now on fails, once; 0 counts only.
 * Only the calling thread's calls count.  One plan at a time in a process.
 */
void dxf_fault_arm(enum dxf_fault_kind kind, uint64_t nth);
/* Disarm.  Returns: true if the fault was reached since the last arm. */
bool dxf_fault_disarm(void);
/* The calls of the armed kind seen since the last arm. */
uint64_t dxf_fault_count(void);

#endif
