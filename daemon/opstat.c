/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opstat.c - how many requests of each kind, and how long they took.
 *
 * Owns the histograms of all threads.  A thread writes its own alone; readers
 * see each number whole, but not all of one moment.  Threads beyond the last
 * share share it and may lose a count.
 */
#include "opstat.h"

#include <assert.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "abi.h"
#include "units.h"

#define SHARES	80

struct figures {
	uint64_t count, errors, bytes, sum_ns, max_ns;
	uint64_t hist[DXF_HIST_N];
};

/* Memory is touched, and so taken, by what is really counted. */
static struct share {
	struct figures op[DXF_OPSTAT_OPS];
} __attribute__((aligned(4096))) shares[SHARES];
static unsigned int nshares;

static _Thread_local struct share *mine;

static const char *const names[DXF_OPSTAT_OPS] = {
	[0] = "other",
	[FUSE_LOOKUP] = "lookup",
	[FUSE_FORGET] = "forget",
	[FUSE_GETATTR] = "getattr",
	[FUSE_SETATTR] = "setattr",
	[FUSE_READLINK] = "readlink",
	[FUSE_SYMLINK] = "symlink",
	[FUSE_MKNOD] = "mknod",
	[FUSE_MKDIR] = "mkdir",
	[FUSE_UNLINK] = "unlink",
	[FUSE_RMDIR] = "rmdir",
	[FUSE_RENAME] = "rename",
	[FUSE_LINK] = "link",
	[FUSE_OPEN] = "open",
	[FUSE_READ] = "read",
	[FUSE_WRITE] = "write",
	[FUSE_STATFS] = "statfs",
	[FUSE_RELEASE] = "release",
	[FUSE_FSYNC] = "fsync",
	[FUSE_SETXATTR] = "setxattr",
	[FUSE_GETXATTR] = "getxattr",
	[FUSE_LISTXATTR] = "listxattr",
	[FUSE_REMOVEXATTR] = "removexattr",
	[FUSE_FLUSH] = "flush",
	[FUSE_INIT] = "init",
	[FUSE_OPENDIR] = "opendir",
	[FUSE_READDIR] = "readdir",
	[FUSE_RELEASEDIR] = "releasedir",
	[FUSE_FSYNCDIR] = "fsyncdir",
	[FUSE_ACCESS] = "access",
	[FUSE_CREATE] = "create",
	[FUSE_INTERRUPT] = "interrupt",
	[FUSE_DESTROY] = "destroy",
	[FUSE_IOCTL] = "ioctl",
	[FUSE_BATCH_FORGET] = "batch_forget",
	[FUSE_FALLOCATE] = "fallocate",
	[FUSE_READDIRPLUS] = "readdirplus",
	[FUSE_RENAME2] = "rename2",
	[FUSE_LSEEK] = "lseek",
	[FUSE_COPY_FILE_RANGE] = "copy_file_range",
	[DXF_FUSE_TMPFILE] = "tmpfile",
	[DXF_FUSE_STATX] = "statx",
};

uint64_t dxf_opstat_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static struct share *take_share(void)
{
	unsigned int i = __atomic_fetch_add(&nshares, 1, __ATOMIC_RELAXED);

	mine = &shares[DXF_MIN(i, SHARES - 1u)];
	return mine;
}

static uint64_t get(const uint64_t *n)
{
	return __atomic_load_n(n, __ATOMIC_RELAXED);
}

static void add(uint64_t *n, uint64_t more)
{
	__atomic_store_n(n, get(n) + more, __ATOMIC_RELAXED);
}

void dxf_opstat_done(uint32_t opcode, uint64_t start, int error, uint64_t bytes)
{
	struct share *s = mine != NULL ? mine : take_share();
	uint64_t ns = dxf_opstat_now() - start;
	struct figures *f;

	if (opcode >= DXF_OPSTAT_OPS || names[opcode] == NULL)
		opcode = 0;
	assert(error <= 0 && dxf_hist_bucket(ns) < DXF_HIST_N);
	f = &s->op[opcode];
	add(&f->count, 1);
	add(&f->errors, error != 0);
	add(&f->bytes, bytes);
	add(&f->sum_ns, ns);
	add(&f->hist[dxf_hist_bucket(ns)], 1);
	if (ns > get(&f->max_ns))
		__atomic_store_n(&f->max_ns, ns, __ATOMIC_RELAXED);
}

static void add_figures(struct dxf_stat_op *op, const struct figures *f)
{
	unsigned int i;

	assert(op->opcode < DXF_OPSTAT_OPS);
	op->count += get(&f->count);
	op->errors += get(&f->errors);
	op->bytes += get(&f->bytes);
	op->sum_ns += get(&f->sum_ns);
	op->max_ns = DXF_MAX(op->max_ns, get(&f->max_ns));
	for (i = 0; i < DXF_HIST_N; i++)
		op->hist[i] += get(&f->hist[i]);
}

void dxf_opstat_get(struct dxf_stat_op *op)
{
	unsigned int n = DXF_MIN(__atomic_load_n(&nshares, __ATOMIC_RELAXED),
				 SHARES), i;
	uint32_t opcode = op->opcode;

	memset(op, 0, sizeof(*op));
	op->opcode = opcode;
	if (opcode >= DXF_OPSTAT_OPS || names[opcode] == NULL)
		return;
	snprintf(op->name, sizeof(op->name), "%s", names[opcode]);
	for (i = 0; i < n; i++)
		add_figures(op, &shares[i].op[opcode]);
}
