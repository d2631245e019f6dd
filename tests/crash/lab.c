// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lab.c - putting a state on media and seeing what mounting makes of it.
 *
 * Must not know what the picture ought to be.
 */
#include "lab.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ckfs.h"
#include "image.h"
#include "must.h"
#include "persist.h"

const uint8_t *lab_bytes(struct dxf_region *r)
{
	const void *p;
	ssize_t n = dxf_region_direct_access(r, 0, dxf_region_size(r),
					     DXF_ACCESS_RECOVERY_WRITE, &p);

	must(n == (ssize_t)dxf_region_size(r));
	return p;
}

static void put_bytes(struct dxf_region *r, dxf_off_t off, const void *src,
		      size_t len)
{
	int e = dxf_persist_copy(r, off, src, len, DXF_PERSIST_TEMPORAL |
				 DXF_PERSIST_NOFLUSH);

	must(e == 0);
}

struct dxf_region *lab_region(const uint8_t *img, uint64_t size)
{
	struct dxf_region *r;
	int e = dxf_region_open_anon(&r, size, true);

	must(e == 0);
	put_bytes(r, 0, img, size);
	return r;
}

void lab_init(struct lab *l, uint64_t size, const struct dxf_fs_opts *opts)
{
	int e;

	memset(l, 0, sizeof(*l));
	e = dxf_region_open_anon(&l->region, size, true);
	must(e == 0);
	l->img = lab_bytes(l->region);
	l->size = size;
	l->opts = *opts;
	l->dirty = calloc(size / MODEL_PAGE, 1);
	must(l->dirty != NULL);
}

void lab_free(struct lab *l)
{
	dxf_region_close(l->region);
	free(l->dirty);
}

/* The head of the orphan list in the superblock. */
#define ORPHAN_AT	(1024u + 232u)

static void note(void *ctx, const struct dxf_persist_trace *tr)
{
	struct lab *l = ctx;

	if (tr->op == DXF_PERSIST_TRACE_STORE || tr->op == DXF_PERSIST_TRACE_NT)
		for (uint64_t p = tr->off / MODEL_PAGE;
		     p <= (tr->off + tr->len - 1) / MODEL_PAGE; p++)
			l->dirty[p] = 1;
	/* It may be over before anybody looks. */
	if (tr->src != NULL && tr->op <= DXF_PERSIST_TRACE_NT &&
	    tr->off <= ORPHAN_AT && tr->off + tr->len >= ORPHAN_AT + 4 &&
	    memcmp((const char *)tr->src + (ORPHAN_AT - tr->off),
		   "\0\0\0", 4) != 0)
		l->orphans = true;
	if (l->rec != NULL)
		trace_add(l->rec, tr);
}

void lab_put(struct lab *l, struct model *m, const struct state *s)
{
	must(m->size == l->size);
	dxf_persist_set_trace(l->region, NULL, NULL);
	for (uint64_t p = 0; p < l->size / MODEL_PAGE; p++) {
		if (l->owner == m && !l->dirty[p] && !m->changed[p])
			continue;
		put_bytes(l->region, p * MODEL_PAGE,
			  m->durable + p * MODEL_PAGE, MODEL_PAGE);
		l->dirty[p] = m->changed[p] = 0;
	}
	l->owner = m;
	for (size_t i = 0; i < s->n; i++) {
		put_bytes(l->region, s->w[i].off, &s->w[i].val, DXF_WORD);
		l->dirty[s->w[i].off / MODEL_PAGE] = 1;
	}
}

__attribute__((format(printf, 2, 3)))
static bool wrong(struct lab *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->why, sizeof(l->why), fmt, ap);
	va_end(ap);
	return false;
}

static bool has_orphans(const struct lab *l)
{
	uint32_t head;

	memcpy(&head, l->img + ORPHAN_AT, sizeof(head));
	return head != 0;
}

/* The checker and e2fsck must be of one opinion. */
static bool same_opinion(struct lab *l, bool clean, const char *why)
{
	char out[8192];
	bool theirs = image_passes(l->region, out, sizeof(out));

	l->compared++;
	if (clean == theirs)
		return true;
	return wrong(l, "the checker says \"%s\", e2fsck %s%s", clean ?
		     "clean" : why, theirs ? "nothing" : "complains: ",
		     theirs ? "" : out);
}

/* The counters of a superblock are lazy: as they would be unmounted. */
static void settle_super(struct lab *l, const struct ckfs_counts *n)
{
	uint32_t blocks = (uint32_t)n->free_blocks;
	uint32_t inodes = (uint32_t)n->free_inodes;
	uint8_t sb[1024];

	memcpy(sb, l->img + 1024, sizeof(sb));
	memcpy(sb + 12, &blocks, 4);
	memcpy(sb + 16, &inodes, 4);
	sb[58] |= 1;
	ckfs_seal_super(sb);
	put_bytes(l->region, 1024, sb, sizeof(sb));
	l->dirty[0] = 1;
}

bool lab_opinions(struct lab *l)
{
	struct ckfs_counts n = { 0 };
	char why[512] = "";
	bool clean = ckfs_check(l->img, l->size, CKFS_MOUNTED, &n, why,
				sizeof(why));

	/* e2fsck would begin with the orphans. */
	if (has_orphans(l))
		return true;
	if (clean)
		settle_super(l, &n);
	return same_opinion(l, clean, why);
}

static bool check_unmounted(struct lab *l, const struct statvfs *at_mount)
{
	struct ckfs_counts n = { 0 };
	char why[512] = "";
	bool clean = ckfs_check(l->img, l->size, 0, &n, why, sizeof(why));

	if (l->e2fsck && !same_opinion(l, clean, why))
		return false;
	if (!clean)
		return wrong(l, "unmounted: %s", why);
	/* What orphans hold is free only when they are finished. */
	if (!l->orphans && (n.free_blocks != at_mount->f_bfree ||
			 n.free_inodes != at_mount->f_ffree))
		return wrong(l, "free blocks and inodes: %lu, %lu at mount, "
			     "%lu, %lu unmounted", at_mount->f_bfree,
			     at_mount->f_ffree, n.free_blocks, n.free_inodes);
	return true;
}

/*
 * The background frees what orphans hold; until then st_blocks of a file that
 * was being truncated tells of them.
 */
static bool wait_for_orphans(struct lab *l)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	for (int i = 0; has_orphans(l); i++) {
		if (i == 10000)
			return wrong(l, "orphans are not finished");
		nanosleep(&ms, NULL);
	}
	return true;
}

bool lab_look(struct lab *l, struct tree *got)
{
	struct dxf_err err = { "" };
	char why[512] = "";
	struct dxf_fs *fs;
	struct statvfs s;
	int e;

	l->recovered++;
	l->orphans = has_orphans(l);
	dxf_persist_set_trace(l->region, note, l);
	e = dxf_fs_open(&fs, l->region, &l->opts, &err);
	if (e != 0)
		return wrong(l, "mount: %s", err.text);
	dxf_fs_statfs(fs, &s);
	if (!wait_for_orphans(l)) {
		dxf_fs_close(fs);
		return false;
	}
	e = tree_take(got, fs, "", why, sizeof(why));
	if (e != 0) {
		dxf_fs_close(fs);
		tree_free(got);
		return wrong(l, "%s", why);
	}
	e = dxf_fs_close(fs);
	if (e == 0 && check_unmounted(l, &s))
		return true;
	if (e != 0)
		wrong(l, "unmount: %s", strerror(-e));
	tree_free(got);
	return false;
}
