// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * treecmp.c - comparing pictures of a filesystem.
 *
 * Must not know how they were taken, nor where the crash was.
 */
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "must.h"
#include "tree.h"

static const uint8_t zeros[TREE_CHUNK];

__attribute__((format(printf, 3, 4)))
static bool differs(char *why, size_t cap, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, cap, fmt, ap);
	va_end(ap);
	return false;
}

static const uint8_t *chunk_at(const struct tree_node *n, uint64_t idx)
{
	size_t lo = 0, hi = n->nchunks;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (n->chunk[mid].idx == idx)
			return n->chunk[mid].data;
		if (n->chunk[mid].idx < idx)
			lo = mid + 1;
		else
			hi = mid;
	}
	return zeros;
}

static bool pinned(const struct timespec *ts)
{
	return ts->tv_sec >= TREE_TIME && ts->tv_sec < TREE_TIME + TREE_TIMES;
}

/* Blocks behind the end of file without extents go at a crash. */
static bool loose_blocks(const struct tree_node *n)
{
	return !(n->a.flags & FS_EXTENT_FL) &&
	       n->a.blocks * 512 > dxf_align_up(n->a.size, n->a.blksize);
}

static bool same_attr(const struct tree_node *w, const struct tree_node *g,
		      char *why, size_t cap)
{
#define SAME(field, fmt)						\
	if (w->a.field != g->a.field)					\
		return differs(why, cap, "%s: " #field " is " fmt	\
			       ", not " fmt, g->path, g->a.field,	\
			       w->a.field)
	SAME(ino, "%u");
	SAME(generation, "%u");
	SAME(mode, "%o");
	SAME(nlink, "%u");
	SAME(uid, "%u");
	SAME(gid, "%u");
	SAME(rdev, "%lu");
	SAME(size, "%lu");
	SAME(flags, "%x");
	if (!loose_blocks(w) && !loose_blocks(g))
		SAME(blocks, "%lu");
	if (pinned(&w->a.mtime) && pinned(&g->a.mtime)) {
		SAME(mtime.tv_sec, "%lu");
		SAME(mtime.tv_nsec, "%lu");
	}
	if (pinned(&w->a.atime) && pinned(&g->a.atime)) {
		SAME(atime.tv_sec, "%lu");
		SAME(atime.tv_nsec, "%lu");
	}
#undef SAME
	if (w->xlen != g->xlen ||
	    (w->xlen > 0 && memcmp(w->xattr, g->xattr, w->xlen) != 0))
		return differs(why, cap, "%s: other xattrs", g->path);
	if (w->target != NULL &&
	    (g->target == NULL || strcmp(w->target, g->target) != 0))
		return differs(why, cap, "%s: other target", g->path);
	return true;
}

/* An explicit time that was set may be overtaken later, never lost. */
static bool same_times(const struct tree_node *w, const struct tree_node *g,
		       char *why, size_t cap)
{
	if (pinned(&w->a.mtime) && !pinned(&g->a.mtime))
		return differs(why, cap, "%s: mtime was lost", g->path);
	return true;
}

static bool same_bytes(const struct tree_node *w, const struct tree_node *g,
		       char *why, size_t cap)
{
	const struct tree_node *other[2] = { w, g };

	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < other[k]->nchunks; i++) {
			uint64_t idx = other[k]->chunk[i].idx;

			if (memcmp(chunk_at(w, idx), chunk_at(g, idx),
				   TREE_CHUNK) != 0)
				return differs(why, cap, "%s: other bytes at "
					       "%lu", g->path,
					       idx * TREE_CHUNK);
		}
	}
	return true;
}

bool tree_same_file(const struct tree_node *want, const struct tree_node *got,
		    char *why, size_t cap)
{
	struct tree_node w = *want;

	w.a.nlink = got->a.nlink;
	/* A repair may have put the entries into another order. */
	if (S_ISDIR(w.a.mode)) {
		w.a.size = got->a.size;
		w.a.blocks = got->a.blocks;
		w.a.flags = got->a.flags;
	}
	return same_attr(&w, got, why, cap) && same_bytes(&w, got, why, cap);
}

bool tree_equal(const struct tree *want, const struct tree *got,
		const char *except, char *why, size_t cap)
{
	const struct tree_node *ex = except ? tree_find(want, except) : NULL;

	for (size_t i = 0; i < want->n || i < got->n; i++) {
		const struct tree_node *w = &want->node[i], *g = &got->node[i];
		int c = i >= want->n ? 1 : i >= got->n ? -1 :
			strcmp(w->path, g->path);

		/* Not in order of strcmp(), but in the same order. */
		if (c != 0 && i < got->n && tree_find(want, g->path) == NULL)
			return differs(why, cap, "%s is there", g->path);
		if (c != 0)
			return differs(why, cap, "%s is not there", w->path);
		/* By whatever name. */
		if (ex != NULL && w->a.ino == ex->a.ino &&
		    g->a.ino == ex->a.ino)
			continue;
		if (!same_attr(w, g, why, cap) || !same_times(w, g, why, cap) ||
		    !same_bytes(w, g, why, cap))
			return false;
	}
	return true;
}

/* ---- a file that is being changed ---- */

#define MAX_VERSIONS	16

/* The same chunk as it was, step by step, and as it is. */
struct span {
	const uint8_t *ver[MAX_VERSIONS];
	unsigned int n;
	const uint8_t *got;
};

/* Between two versions a word that one write covers in part? */
static bool in_part(const struct span *s, size_t at, size_t len)
{
	for (unsigned int k = 1; k < s->n; k++) {
		const uint8_t *old = s->ver[k - 1] + at, *new = s->ver[k] + at;
		unsigned int same = 0;

		for (size_t i = 0; i < len; i++)
			same += old[i] == new[i];
		if (same > 0 && same < len)
			return true;
	}
	return false;
}

static bool byte_ok(const struct span *s, size_t at)
{
	for (unsigned int k = 0; k < s->n; k++) {
		if (s->got[at] == s->ver[k][at])
			return true;
	}
	return false;
}

/*
 * A word of one version; of one that is covered in part each byte.  @len: what
 * of it lies before the end of file.
 */
static bool word_ok(const struct span *s, size_t at, size_t len)
{
	for (unsigned int k = 0; k < s->n; k++) {
		if (memcmp(s->got + at, s->ver[k] + at, len) == 0)
			return true;
	}
	if (!in_part(s, at, len))
		return false;
	for (size_t i = at; i < at + len; i++) {
		if (!byte_ok(s, i))
			return false;
	}
	return true;
}

static void add_version(struct span *s, const struct tree *t, const char *path,
			uint64_t idx)
{
	const struct tree_node *n = tree_find(t, path);

	must(s->n < MAX_VERSIONS);
	if (n != NULL)
		s->ver[s->n++] = chunk_at(n, idx);
}

static bool chunk_ok(const struct tree_between *b, const struct tree_node *g,
		     uint64_t idx)
{
	struct span s = { .got = chunk_at(g, idx) };
	uint64_t end = TREE_CHUNK;

	add_version(&s, b->before, b->path, idx);
	for (unsigned int k = 0; k < b->nmid; k++)
		add_version(&s, b->mid[k], b->path, idx);
	add_version(&s, b->after, b->path, idx);
	if (idx * TREE_CHUNK < g->a.size)
		end = DXF_MIN(g->a.size - idx * TREE_CHUNK, end);
	for (uint64_t at = 0; at < end; at += DXF_WORD) {
		if (!word_ok(&s, at, DXF_MIN(DXF_WORD, end - at)))
			return false;
	}
	return true;
}

static bool words_ok(const struct tree_between *b, const struct tree_node *g,
		     char *why, size_t cap)
{
	const struct tree_node *all[3] = {
		tree_find(b->before, b->path), tree_find(b->after, b->path), g
	};

	for (int k = 0; k < 3; k++) {
		for (size_t i = 0; i < all[k]->nchunks; i++) {
			uint64_t idx = all[k]->chunk[i].idx;

			/* What is behind the old end is not visible. */
			if (idx * TREE_CHUNK < g->a.size &&
			    !chunk_ok(b, g, idx))
				return differs(why, cap, "%s: bytes at %lu are "
					       "neither old nor new", g->path,
					       idx * TREE_CHUNK);
		}
	}
	return true;
}

static bool between(uint64_t a, uint64_t b, uint64_t x)
{
	return x >= DXF_MIN(a, b) && x <= DXF_MAX(a, b);
}

static bool target_ok(const struct tree_between *b, const struct tree_node *g,
		      char *why, size_t cap)
{
	const struct tree_node *o = tree_find(b->before, b->path);
	const struct tree_node *n = tree_find(b->after, b->path);

	if (o == NULL || n == NULL || g == NULL)
		return differs(why, cap, "%s is gone", b->path);
	if (g->a.ino != n->a.ino || g->a.nlink != n->a.nlink ||
	    (g->a.mode != n->a.mode && g->a.mode != o->a.mode))
		return differs(why, cap, "%s: other attributes", b->path);
	if (b->rule == TREE_WRITE && g->a.size != o->a.size)
		return differs(why, cap, "%s: size %lu, but not as after",
			       b->path, g->a.size);
	if (!between(o->a.size, n->a.size, g->a.size))
		return differs(why, cap, "%s: size %lu", b->path, g->a.size);
	return words_ok(b, g, why, cap);
}

bool tree_allows(const struct tree_between *b, const struct tree *got,
		 char *why, size_t cap)
{
	char as_after[512];

	if (tree_equal(b->after, got, NULL, as_after, sizeof(as_after)))
		return true;
	if (tree_equal(b->before, got, NULL, why, cap))
		return true;
	if (b->rule != TREE_ATOMIC) {
		must(b->path != NULL);
		if (!tree_equal(b->before, got, b->path, why, cap) &&
		    !tree_equal(b->after, got, b->path, as_after,
				sizeof(as_after)))
			return false;
		return target_ok(b, tree_find(got, b->path), why, cap);
	}
	if (strlen(why) + strlen(as_after) + 32 < cap) {
		strcat(why, " (as before); as after: ");
		strcat(why, as_after);
	}
	return false;
}
