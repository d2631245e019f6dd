/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ringabi.h - the kernel's side of FUSE over io_uring, which came with Linux
 * 6.14: <linux/fuse.h> of 7.42, from fuse_uring_ent_in_out on.
 *
 * An entry is memory for one request and its answer.  A command on the
 * connection's descriptor (IORING_OP_URING_CMD, with entries of 128 bytes)
 * hands it to a queue of the kernel, of which there is one for each possible
 * CPU, and completes when a request has been copied into it.
 */
#ifndef DXF_RINGABI_H
#define DXF_RINGABI_H

#include <stdint.h>

#define DXF_RING_IN_OUT	128
#define DXF_RING_OP_IN	128

struct dxf_ring_in_out {
	uint64_t flags;
	uint64_t commit_id;	/* what the answer is known by */
	uint32_t payload;	/* bytes of it, of the request or the answer */
	uint32_t padding;
	uint64_t reserved;
};

/* The first of an entry's two pieces of memory; the other one is the payload. */
struct dxf_ring_head {
	char in_out[DXF_RING_IN_OUT];	/* fuse_in_header, fuse_out_header */
	char op_in[DXF_RING_OP_IN];	/* the structure behind the first */
	struct dxf_ring_in_out ent;
};

enum {
	DXF_RING_REGISTER = 1,
	DXF_RING_COMMIT_AND_FETCH = 2,
};

/* In the command area of the submission. */
struct dxf_ring_cmd {
	uint64_t flags;
	uint64_t commit_id;
	uint16_t qid;
	uint8_t padding[6];
};

#endif
