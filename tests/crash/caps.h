/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * caps.h - how much of each kind of state is sampled, quick and full.
 */
#ifndef CRASH_CAPS_H
#define CRASH_CAPS_H

#include "run.h"

static inline void caps_set(struct run_opts *o, bool full)
{
	o->caps = full ? (struct states_caps){ 8, 24, 24, 8 } :
			 (struct states_caps){ 4, 12, 12, 6 };
	o->inner = full ? (struct states_caps){ 3, 6, 6, 3 } :
			  (struct states_caps){ 2, 3, 3, 2 };
	o->inside = full ? 3 : 2;
}
/* Enough to notice what is missing. */
static inline void caps_set_least(struct run_opts *o)
{
	o->caps = (struct states_caps){ 3, 8, 8, 4 };
	o->inner = (struct states_caps){ 2, 3, 3, 2 };
	o->inside = 1;
}

#endif
