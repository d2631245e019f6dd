/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ringent.c - an entry of a queue: the memory of one request and its answer.
 *
 * Owns how a request lies in it.  Must not know io_uring, nor what a request
 * asks for.
 *
 * The kernel puts the header, the structure of the operation and the rest into
 * three places.  libfuse and we read them as one, as /dev/fuse has them.  So the
 * first two are copied to where the payload begins, backwards: its bytes, a
 * megabyte perhaps, stay where they are.
 *
 *	mem	[ head ......... header, structure ][ payload ....... ]
 *		one page			     page-aligned
 */
#include "ringent.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"
#include "ringabi.h"
#include "units.h"

/* The structures that follow it hold 64-bit words. */
#define ALIGN	8

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int dxf_ringent_open(struct dxf_ringent *e, uint16_t qid, size_t size)
{
	char *mem;

	assert(size > 0);
	size = dxf_align_up(size, page());
	mem = mmap(NULL, page() + size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return -ENOMEM;
	memset(e, 0, sizeof(*e));
	e->head = (struct dxf_ring_head *)mem;
	e->payload = mem + page();
	e->size = size;
	e->qid = qid;
	e->iov[0].iov_base = e->head;
	e->iov[0].iov_len = sizeof(*e->head);
	e->iov[1].iov_base = e->payload;
	e->iov[1].iov_len = size;
	return 0;
}

void dxf_ringent_close(struct dxf_ringent *e)
{
	if (e->head != NULL)
		munmap(e->head, page() + e->size);
	e->head = NULL;
}

ssize_t dxf_ringent_request(struct dxf_ringent *e, void **buf)
{
	struct dxf_ring_head *h = e->head;
	struct fuse_in_header in;
	size_t rest = h->ent.payload, op;
	char *at;

	_Static_assert(2 * sizeof(*h) <= 4096, "both fit into a page");
	memcpy(&in, h->in_out, sizeof(in));
	e->commit_id = h->ent.commit_id;
	e->fetched = true;
	e->answered = false;
	if (rest > e->size || in.len < sizeof(in) + rest)
		return -EIO;
	op = in.len - sizeof(in) - rest;
	if (op > sizeof(h->op_in) || op % ALIGN != 0)
		return -EIO;
	at = e->payload - op;
	memcpy(at, h->op_in, op);
	at -= sizeof(in);
	memcpy(at, &in, sizeof(in));
	assert(at >= (char *)(h + 1) && (uintptr_t)at % ALIGN == 0);
	*buf = at;
	return (ssize_t)in.len;
}

static void put_header(struct dxf_ringent *e, const struct fuse_out_header *h,
		       size_t len)
{
	memcpy(e->head->in_out, h, sizeof(*h));
	assert(len <= e->size);
	e->head->ent.payload = (uint32_t)len;
	e->answered = true;
}

void dxf_ringent_fail(struct dxf_ringent *e, uint64_t unique, int err)
{
	const struct fuse_out_header h = {
		.len = sizeof(h), .error = err, .unique = unique,
	};

	assert(err < 0);
	put_header(e, &h, 0);
}

static size_t total(const struct iovec *iov, int count)
{
	size_t sum = 0;
	int i;

	for (i = 0; i < count; i++)
		sum += iov[i].iov_len;
	return sum;
}

ssize_t dxf_ringent_answer(struct dxf_ringent *e, const struct iovec *iov,
			   int count)
{
	const struct fuse_out_header *h = iov[0].iov_base;
	size_t len = total(iov + 1, count - 1), pos = 0;
	int i;

	assert(e->fetched && !e->answered);
	assert(count >= 1 && iov[0].iov_len == sizeof(*h));
	if (len > e->size) {
		dxf_ringent_fail(e, h->unique, -EIO);
		return -EMSGSIZE;
	}
	for (i = 1; i < count; i++) {
		/* it may be a part of the request */
		if (iov[i].iov_base != e->payload + pos && iov[i].iov_len > 0)
			memmove(e->payload + pos, iov[i].iov_base,
				iov[i].iov_len);
		pos += iov[i].iov_len;
	}
	put_header(e, h, len);
	return (ssize_t)(sizeof(*h) + len);
}
