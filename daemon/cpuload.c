/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpuload.c - how many tasks want a CPU.
 *
 * Owns the descriptor of /proc/loadavg.  It counts the whole machine: where we
 * may use a part of it only, it says "busy" too often, never too rarely.
 */
#include "cpuload.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long an answer holds. */
#define RECENT_NS	1000000
/* So many signs are no accident, unless one came so long after the other. */
#define SIGNS		3
#define APART_NS	50000000

bool dxf_signs_add(struct dxf_signs *s, uint64_t now)
{
	unsigned int n = 1;

	if (now - atomic_exchange(&s->last, now) < APART_NS)
		n += atomic_load(&s->n);
	assert(n >= 1 && n <= SIGNS);
	atomic_store(&s->n, n % SIGNS);
	return n == SIGNS;
}

unsigned int dxf_cpuload_ncpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return (unsigned int)CPU_COUNT(&set);
}

void dxf_cpuload_open(struct dxf_cpuload *l)
{
	l->ncpus = dxf_cpuload_ncpus();
	l->fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	atomic_store(&l->asked, 0);
	atomic_store(&l->last, UINT_MAX);
	assert(l->ncpus > 0);
}

void dxf_cpuload_close(struct dxf_cpuload *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

/* It is the number before the slash. */
unsigned int dxf_cpuload_ask(const struct dxf_cpuload *l)
{
	char text[64], *slash;
	ssize_t n = l->fd < 0 ? -1 : pread(l->fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return UINT_MAX;
	text[n] = '\0';
	slash = strchr(text, '/');
	if (slash == NULL)
		return UINT_MAX;
	while (slash > text && slash[-1] != ' ')
		slash--;
	return (unsigned int)strtoul(slash, NULL, 10);
}

unsigned int dxf_cpuload_recent(struct dxf_cpuload *l, uint64_t now)
{
	if (now - atomic_load(&l->asked) > RECENT_NS) {
		atomic_store(&l->asked, now);
		atomic_store(&l->last, dxf_cpuload_ask(l));
	}
	return atomic_load(&l->last);
}

bool dxf_cpuload_crowded(struct dxf_cpuload *l, uint64_t now, bool *lasts)
{
	bool crowd = dxf_cpuload_recent(l, now) > l->ncpus;
	unsigned long asked = atomic_load(&l->asked);

	*lasts = false;
	if (asked == atomic_exchange(&l->judged, asked))
		return crowd;
	if (crowd)
		*lasts = dxf_signs_add(&l->crowd, now);
	else
		atomic_store(&l->crowd.n, 0);
	return crowd;
}

void dxf_cpuload_forget(struct dxf_cpuload *l)
{
	atomic_store(&l->asked, 0);
}
