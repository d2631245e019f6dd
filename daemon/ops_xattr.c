/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_xattr.c - extended attributes; setting one is in ops_raw.c.
 */
#include <errno.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <string.h>

#include "ino.h"
#include "notice.h"
#include "ops.h"
#include "reply.h"
#include "worker.h"

/* @n: what get or list returned into @buf of @size; size 0 asked for the
 * length. */
static void reply_xattr(fuse_req_t req, ssize_t n, const char *buf,
			size_t size)
{
	if (n < 0)
		dxf_reply_err(req, (int)n);
	else if (size == 0)
		fuse_reply_xattr(req, (size_t)n);
	else
		fuse_reply_buf(req, buf, (size_t)n);
}

static char *scratch_for(fuse_req_t req, size_t size)
{
	char *buf = dxf_worker_scratch(size);

	if (buf == NULL)
		fuse_reply_err(req, ENOMEM);
	return buf;
}

void dxf_ll_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
		     size_t size)
{
	char *buf = scratch_for(req, size);
	ssize_t n;

	if (buf == NULL)
		return;
	n = dxf_fs_getxattr(dxf_req_fs(req), dxf_ino_of_node(ino), name, buf,
			    size);
	reply_xattr(req, n, buf, size);
}

/* Take the names out of @list that only root may see.  What is left of @n. */
static ssize_t without_trusted(char *list, ssize_t n)
{
	ssize_t kept = 0, len;

	for (ssize_t at = 0; at < n; at += len) {
		len = (ssize_t)strlen(list + at) + 1;
		if (strncmp(list + at, XATTR_TRUSTED_PREFIX,
			    XATTR_TRUSTED_PREFIX_LEN) == 0)
			continue;
		memmove(list + kept, list + at, (size_t)len);
		kept += len;
	}
	return kept;
}

/*
 * The kernel filters neither the names nor their length: so they are listed
 * whole, whatever the caller's buffer.
 */
void dxf_ll_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	char *buf = scratch_for(req, XATTR_LIST_MAX);
	ssize_t n;

	if (buf == NULL)
		return;
	n = dxf_fs_listxattr(dxf_req_fs(req), dxf_ino_of_node(ino), buf,
			     XATTR_LIST_MAX);
	if (n > 0 && fuse_req_ctx(req)->uid != 0)
		n = without_trusted(buf, n);
	if (size != 0 && n > (ssize_t)size)
		n = -ERANGE;
	reply_xattr(req, n, buf, size);
}

void dxf_ll_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct dxf_session *s = dxf_req_session(req);
	dxf_ino_t i = dxf_ino_of_node(ino);
	struct dxf_watch w;
	int err;

	dxf_watch_begin(&w, s, i, s->opt->writeback);
	err = dxf_fs_removexattr(s->fs, i, name);
	dxf_watch_end(&w, s);
	dxf_reply_err(req, err);
}
