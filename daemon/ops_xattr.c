/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_xattr.c - extended attributes.
 */
#include <errno.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <string.h>

#include "notice.h"
#include "ops.h"
#include "reply.h"
#include "worker.h"

/* @n: what get or list returned into @buf of @size; size 0 asked for the
 * length. */
static void reply_xattr(const struct dxf_req *r, ssize_t n, const char *buf,
			size_t size)
{
	const struct fuse_getxattr_out out = { .size = (uint32_t)n };

	if (n < 0)
		dxf_reply_err(r, (int)n);
	else if (size == 0)
		dxf_reply(r, 0, &out, sizeof(out));
	else
		dxf_reply(r, 0, buf, (size_t)n);
}

static char *scratch_for(const struct dxf_req *r, size_t size)
{
	char *buf = dxf_worker_scratch(size);

	if (buf == NULL)
		dxf_reply_err(r, -ENOMEM);
	return buf;
}

void dxf_op_getxattr(struct dxf_req *r)
{
	const struct fuse_getxattr_in *in = r->in;
	char *buf = scratch_for(r, in->size);
	ssize_t n;

	if (buf == NULL)
		return;
	n = dxf_fs_getxattr(r->s->fs, r->ino, r->name[0], buf, in->size);
	reply_xattr(r, n, buf, in->size);
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
void dxf_op_listxattr(struct dxf_req *r)
{
	const struct fuse_getxattr_in *in = r->in;
	char *buf = scratch_for(r, XATTR_LIST_MAX);
	ssize_t n;

	if (buf == NULL)
		return;
	n = dxf_fs_listxattr(r->s->fs, r->ino, buf, XATTR_LIST_MAX);
	if (n > 0 && r->h->uid != 0)
		n = without_trusted(buf, n);
	if (in->size != 0 && n > (ssize_t)in->size)
		n = -ERANGE;
	reply_xattr(r, n, buf, in->size);
}

struct set {
	uint32_t size, flags, ext_flags;
	const char *name, *value;
};

/* Returns: false: the request is shorter than it says. */
static bool parse_set(struct dxf_req *r, struct set *set)
{
	const struct dxf_fuse_setxattr_in *in = r->in;
	const size_t more = sizeof(*in) - DXF_FUSE_SETXATTR_IN_SHORT;
	bool ext = r->s->init_flags & DXF_INIT_SETXATTR_EXT;

	if (ext && dxf_req_take(r, more) == NULL)
		return false;
	set->size = in->size;
	set->flags = in->flags;
	set->ext_flags = ext ? in->setxattr_flags : 0;
	set->name = dxf_req_take_name(r);
	set->value = set->name ? dxf_req_take(r, in->size) : NULL;
	return set->value != NULL;
}

static int setxattr(struct dxf_req *r)
{
	struct dxf_caller c;
	struct dxf_watch w;
	struct set set;
	int err;

	if (!parse_set(r, &set))
		return -EINVAL;
	dxf_caller_init(&c, r, 0);
	/* a kernel that keeps the times asks for nothing else, either */
	dxf_watch_begin(&w, r->s, r->ino, r->s->opt->writeback);
	err = dxf_fs_setxattr(r->s->fs, r->ino, set.name, set.value, set.size,
			      (int)set.flags,
			      set.ext_flags & DXF_SETXATTR_ACL_KILL_SGID,
			      &c.cred);
	dxf_watch_end(&w, r->s);
	return err;
}

/* Its layout depends on a flag that only we negotiate. */
void dxf_op_setxattr(struct dxf_req *r)
{
	dxf_reply_err(r, setxattr(r));
}

void dxf_op_removexattr(struct dxf_req *r)
{
	struct dxf_watch w;
	int err;

	dxf_watch_begin(&w, r->s, r->ino, r->s->opt->writeback);
	err = dxf_fs_removexattr(r->s->fs, r->ino, r->name[0]);
	dxf_watch_end(&w, r->s);
	dxf_reply_err(r, err);
}
