/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load_usage.c - CPU time and context switches, of us and of others.
 *
 * Of others it is read thread by thread, in nanoseconds, from /proc: what
 * /proc/PID/stat has is counted in ticks.
 */
#include "load.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

void load_usage_self(struct load_usage *u)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	u->cpu = (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
		 (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
	u->switches = r.ru_nvcsw + r.ru_nivcsw;
	assert(u->cpu >= 0);
}

static FILE *open_task(int pid, const char *task, const char *what)
{
	char path[320];

	snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", pid, task, what);
	return fopen(path, "re");
}

/* A thread may end while we look: then it counts no more. */
static void add_task(int pid, const char *task, struct load_usage *u)
{
	unsigned long long ns;
	char line[256];
	long n;
	FILE *f = open_task(pid, task, "schedstat");

	if (f == NULL)
		return;
	if (fscanf(f, "%llu", &ns) == 1)
		u->cpu += (double)ns / 1e9;
	fclose(f);
	f = open_task(pid, task, "status");
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1 ||
		    sscanf(line, "nonvoluntary_ctxt_switches: %ld", &n) == 1)
			u->switches += n;
	fclose(f);
}

bool load_usage_add(int pid, struct load_usage *u)
{
	char path[64];
	struct dirent *de;
	DIR *d;

	assert(pid > 0);
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	if (d == NULL)
		return false;
	while ((de = readdir(d)) != NULL)
		if (de->d_name[0] != '.')
			add_task(pid, de->d_name, u);
	closedir(d);
	return true;
}
