/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * null.h - a FUSE server that answers from plain memory and does nothing else:
 * what the transport alone allows.
 *
 * It is held against daxfuse, so it agrees on the same things with the kernel
 * (conn.c, rawreq.c) and has the same workers (worker.c).
 */
#ifndef BENCH_NULL_H
#define BENCH_NULL_H

#include <stdbool.h>
#include <stddef.h>

#include "fuse_api.h"
#include "reply.h"

struct null_conf {
	bool direct;		/* every file is opened for direct I/O */
	bool uring;		/* libfuse's own, or not at all */
	bool drop;		/* data: what is written is not kept */
	size_t size;		/* data: the most a file can hold, bytes */
	unsigned int spend;	/* ns of each request, on nothing */
};
extern struct null_conf null_conf;

/* A few files of null_conf.size bytes in one directory; no locks. */
extern const struct fuse_lowlevel_ops null_data_ops;
/* Allocate them.  Returns: 0; -ENOMEM. */
int null_data_setup(void);

/* A whole tree. */
extern const struct fuse_lowlevel_ops null_meta_ops;

/*
 * The persistent work of a change, if null_durable_setup() was called;
 * otherwise nothing.
 */
enum null_change {
	NULL_CREATE, NULL_UNLINK, NULL_RENAME, NULL_ATTR,
	NULL_FREE,		/* the last forget */
	NULL_FIRST,		/* a write to an empty file */
	NULL_GROW,		/* one that takes fresh blocks */
	NULL_EXTEND,		/* one behind the end, in the last block */
	NULL_OVER,		/* one below the end */
};
/* Returns: 0; -ENOMEM. */
int null_durable_setup(void);
void null_durable(enum null_change what);
/* The same of a write to a file of @size bytes, and its @len bytes at @at. */
void null_durable_write(const char *buf, size_t at, size_t len, size_t size);
/*
 * What was done so far: bytes stored, of them non-temporally, lines flushed,
 * fences.  Returns: the length of @text; 0: nothing is made durable.
 */
size_t null_durable_counts(char *text, size_t size);
/* Spend null_conf.spend. */
void null_spend(void);

/* ---- answers that both give ---- */

void null_init(void *userdata, struct fuse_conn_info *conn);
/* How the kernel is to treat an open file; as daxfuse does. */
void null_fill_open(struct fuse_file_info *fi);
void null_fill_opendir(struct fuse_file_info *fi);
void null_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void null_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
		struct fuse_file_info *fi);
void null_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
		   size_t size);
void null_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void null_statfs(fuse_req_t req, fuse_ino_t ino);

#endif
