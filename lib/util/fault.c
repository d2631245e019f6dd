/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fault.h"

#include <pthread.h>

int dxf_fault_armed;

static struct {
	enum dxf_fault_kind kind;
	uint64_t nth;
	uint64_t seen;
	bool hit;
	pthread_t thread;
} plan;

bool dxf_fault_slow(enum dxf_fault_kind kind)
{
	if (kind != plan.kind || !pthread_equal(plan.thread, pthread_self()))
		return false;
	if (++plan.seen != plan.nth)
		return false;
	plan.hit = true;
	return true;
}

void dxf_fault_arm(enum dxf_fault_kind kind, uint64_t nth)
{
	plan.kind = kind;
	plan.nth = nth;
	plan.seen = 0;
	plan.hit = false;
	plan.thread = pthread_self();
	__atomic_store_n(&dxf_fault_armed, 1, __ATOMIC_RELEASE);
}

bool dxf_fault_disarm(void)
{
	__atomic_store_n(&dxf_fault_armed, 0, __ATOMIC_RELEASE);
	return plan.hit;
}

uint64_t dxf_fault_count(void)
{
	return plan.seen;
}
