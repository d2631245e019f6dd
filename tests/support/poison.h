/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * poison.h - pages of a region that are as poisoned memory is: a load or store
 * raises SIGBUS with BUS_MCEERR_AR.
 *
 * The page is replaced by one that faults, under all addresses that the region
 * has, while other threads may use it; its bytes wait elsewhere.  The fault is
 * a real one, only its si_code is changed on the way to the handler.
 */
#ifndef TEST_POISON_H
#define TEST_POISON_H

#include "region.h"

#define POISON_PAGE	4096u

/* Poison the page at @off (a multiple of POISON_PAGE of the mapping). */
void poison_add(struct dxf_region *r, dxf_off_t off);
/*
 * Only loads of it fail, stores seem to work, as on memory they do: for regions
 * that persist has an address of its own for.
 */
void poison_add_reads(struct dxf_region *r, dxf_off_t off);
/*
 * Make all poisoned pages good again with the bytes that they had, and let the
 * region forget all that is known to be bad.
 */
void poison_heal(struct dxf_region *r);
/* How many faults there were since the last poison_heal(). */
int poison_hits(void);

#endif
