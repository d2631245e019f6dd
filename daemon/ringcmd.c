/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ringcmd.c - a ring on which nothing but FUSE's commands can be submitted.
 *
 * Owns how a ring is set up and what goes into it.  Must not know who serves,
 * nor what a request asks for.
 *
 * Confinement: what is submitted to a ring is not seen by a filter of system
 * calls.  So each ring is restricted, before it is enabled, to the one operation
 * that is needed, and to the one file; nothing else can be registered later.
 */
#include "ringcmd.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ringabi.h"
#include "ringent.h"

/* liburing 2.3 has functions for it, but does not export them. */
static int set_up(struct io_uring *uring, unsigned int what, void *arg,
		  unsigned int n)
{
	return syscall(SYS_io_uring_register, uring->ring_fd, what, arg, n) < 0 ?
		-errno : 0;
}

/* Only what serving takes may ever be submitted. */
static int restrict_ring(struct io_uring *uring)
{
	struct io_uring_restriction r[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP,
		  .sqe_op = IORING_OP_URING_CMD },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
		  .sqe_flags = IOSQE_FIXED_FILE },
		{ .opcode = IORING_RESTRICTION_REGISTER_OP,
		  .register_op = IORING_REGISTER_ENABLE_RINGS },
		{ .opcode = IORING_RESTRICTION_REGISTER_OP,
		  .register_op = IORING_REGISTER_RING_FDS },
	};

	return set_up(uring, IORING_REGISTER_RESTRICTIONS, r,
		      sizeof(r) / sizeof(r[0]));
}

int dxf_ringcmd_open(struct io_uring *uring, unsigned int n, int fd)
{
	struct io_uring_params p = {
		/* enabled by the thread that it is for */
		.flags = IORING_SETUP_SQE128 | IORING_SETUP_R_DISABLED |
			 IORING_SETUP_SUBMIT_ALL |
			 IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN,
	};
	int ret;

	assert(n > 0 && fd >= 0);
	ret = io_uring_queue_init_params(n, uring, &p);
	if (ret)
		return ret;
	ret = io_uring_register_files(uring, &fd, 1);
	if (ret == 0)
		ret = restrict_ring(uring);
	if (ret)
		io_uring_queue_exit(uring);
	return ret;
}

void dxf_ringcmd_close(struct io_uring *uring)
{
	io_uring_queue_exit(uring);
}

int dxf_ringcmd_enable(struct io_uring *uring)
{
	int ret = set_up(uring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);

	if (ret == 0)
		/* an enter is cheaper then; where it cannot be, it is not */
		io_uring_register_ring_fd(uring);
	return ret;
}

/* One is free: there are as many as entries, and an entry is in one. */
void dxf_ringcmd_put(struct io_uring *uring, struct dxf_ringent *e,
		     uint32_t what)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(uring);
	struct dxf_ring_cmd *cmd;

	assert(sqe != NULL);
	if (sqe == NULL)
		abort();
	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->cmd_op = what;
	if (what == DXF_RING_REGISTER) {
		sqe->addr = (uint64_t)(uintptr_t)e->iov;
		sqe->len = 2;
	}
	io_uring_sqe_set_data(sqe, e);
	cmd = (struct dxf_ring_cmd *)sqe->cmd;
	cmd->qid = e->qid;
	cmd->commit_id = what == DXF_RING_REGISTER ? 0 : e->commit_id;
	_Static_assert(sizeof(*cmd) <= 80, "the command area of 128 bytes");
}
