/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tree_dump.h"

#include <dirent.h>
#include <stdio.h>



/* ---- names ---- */

int tree_find(struct fsx *x, const char *path, dxf_ino_t *ino)
{
	char copy[512], *part, *rest = copy;
	dxf_ino_t at = DXF_ROOT_INO;
	struct dxf_attr a;
	int err;

	snprintf(copy, sizeof(copy), "%s", path);
	while ((part = strsep(&rest, "/")) != NULL) {
		err = dxf_fs_lookup(x->fs, at, part, &a);
		if (err)
			return err;
		dxf_fs_forget(x->fs, a.ino, 1);
		at = a.ino;
	}
	*ino = at;
	return 0;
}

/* ---- dumping ---- */

struct walk {
	struct fsx *x;
	struct tree *t;
	bool tolerant;
	const char *prefix;
};

void tree_free(struct tree *t)
{
	while (t->n > 0)
		free(t->e[--t->n].bytes);
}

/* Is @err none, or one that is to be put up with? */
static bool fine(const struct walk *w, const char *path, ssize_t err)
{
	ck_assert_msg(err >= 0 || (w->tolerant && err == -EIO), "%s: %zd",
		      path, err);
	return err >= 0;
}

static size_t read_some(const struct walk *w, struct tree_entry *e,
			uint64_t off, uint8_t *to, size_t max)
{
	size_t got = 0;

	while (got < max) {
		ssize_t n = dxf_fs_read_noatime(w->x->fs, e->attr.ino,
						off + got, to + got,
						max - got);

		if (!fine(w, e->path, n) || n == 0)
			break;
		got += (size_t)n;
	}
	return got;
}

static void read_file(const struct walk *w, struct tree_entry *e)
{
	uint64_t size = e->attr.size;

	e->bytes = calloc(1, TREE_HEAD + TREE_TAIL);
	e->len = read_some(w, e, 0, e->bytes, TREE_HEAD);
	if (size > TREE_HEAD + TREE_TAIL)
		e->tail = read_some(w, e, size - TREE_TAIL,
				    e->bytes + TREE_HEAD, TREE_TAIL);
}

static void read_xattrs(const struct walk *w, struct tree_entry *e)
{
	static const char *const names[] = { "user.x", "user.y" };
	char buf[4096];

	for (size_t i = 0; i < DXF_ARRAY_SIZE(names); i++) {
		ssize_t n = dxf_fs_getxattr(w->x->fs, e->attr.ino, names[i],
					    buf, sizeof(buf));

		if (n == -ENODATA || n == -EOPNOTSUPP)
			n = 0;
		if (!fine(w, e->path, n))
			e->xattr[i * 4 + 3] = '?';
		else if (n > 0)
			snprintf(e->xattr + i * 4, 4, "%c%02zd", buf[0],
				 n % 100);
	}
}

static void read_entry(const struct walk *w, struct tree_entry *e,
		       dxf_ino_t ino)
{
	int err = dxf_fs_getattr(w->x->fs, ino, &e->attr);

	e->attr_ok = fine(w, e->path, err);
	if (!e->attr_ok)
		return;
	read_xattrs(w, e);
	if (S_ISREG(e->attr.mode))
		read_file(w, e);
	if (S_ISLNK(e->attr.mode)) {
		ssize_t n;

		e->bytes = calloc(1, TREE_HEAD);
		n = dxf_fs_readlink(w->x->fs, ino, (char *)e->bytes, TREE_HEAD);
		e->len = fine(w, e->path, n) ? (size_t)n : 0;
	}
}

static int add_name(void *ctx, const struct dxf_fs_dirent *de)
{
	struct walk *w = ctx;
	struct tree_entry *e;

	if (de->name[0] == '.')
		return 0;
	ck_assert_int_lt(w->t->n, TREE_MAX);
	e = &w->t->e[w->t->n++];
	memset(e, 0, sizeof(*e));
	snprintf(e->path, sizeof(e->path), "%s%.*s", w->prefix,
		 (int)de->name_len, de->name);
	e->attr.ino = de->ino;
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct tree_entry *)a)->path,
		      ((const struct tree_entry *)b)->path);
}

static void dump_dir(struct walk *w, dxf_ino_t dir, const char *prefix)
{
	int first = w->t->n, last;
	char below[520];

	w->prefix = prefix;
	fine(w, prefix, dxf_fs_readdir(w->x->fs, dir, 0, false, add_name, w));
	last = w->t->n;
	for (int i = first; i < last; i++)
		read_entry(w, &w->t->e[i], w->t->e[i].attr.ino);
	for (int i = first; i < last; i++) {
		const struct tree_entry *e = &w->t->e[i];

		snprintf(below, sizeof(below), "%s/", e->path);
		if (e->attr_ok && S_ISDIR(e->attr.mode))
			dump_dir(w, e->attr.ino, below);
	}
}

void tree_dump(struct fsx *x, struct tree *t, bool tolerant)
{
	struct walk w = { .x = x, .t = t, .tolerant = tolerant };

	tree_free(t);
	dump_dir(&w, DXF_ROOT_INO, "");
	qsort(t->e, (size_t)t->n, sizeof(t->e[0]), by_path);
}

/* ---- comparing ---- */

static const struct tree_entry *look_up(const struct tree *t, const char *path)
{
	for (int i = 0; i < t->n; i++)
		if (strcmp(t->e[i].path, path) == 0)
			return &t->e[i];
	return NULL;
}

static bool same_inode(const struct tree_entry *a, const struct tree_entry *b)
{
	return a->attr.mode == b->attr.mode && a->attr.nlink == b->attr.nlink &&
	       a->attr.uid == b->attr.uid &&
	       memcmp(a->xattr, b->xattr, sizeof(a->xattr)) == 0;
}

void tree_must_equal(const struct tree *t, const struct tree *want,
		     const char *what, uint64_t blk)
{
	unsigned long long b = blk;

	for (int i = 0; i < t->n && i < want->n; i++) {
		const struct tree_entry *e = &t->e[i], *o = &want->e[i];

		ck_assert_msg(strcmp(e->path, o->path) == 0,
			      "%s, block %llu: %s, not %s", what, b, e->path,
			      o->path);
		ck_assert_msg(same_inode(e, o) &&
			      e->attr.size == o->attr.size,
			      "%s, block %llu: %s: its attributes", what, b,
			      e->path);
		ck_assert_msg(e->len == o->len && e->tail == o->tail &&
			      (e->bytes == NULL) == (o->bytes == NULL),
			      "%s, block %llu: %s: its length", what, b,
			      e->path);
		if (e->bytes == NULL)
			continue;
		ck_assert_msg(memcmp(e->bytes, o->bytes, e->len) == 0 &&
			      (e->tail == 0 ||
			       memcmp(e->bytes + TREE_HEAD,
				      o->bytes + TREE_HEAD, e->tail) == 0),
			      "%s, block %llu: %s: its bytes", what, b,
			      e->path);
	}
	ck_assert_msg(t->n == want->n, "%s, block %llu: %d names, not %d",
		      what, b, t->n, want->n);
}

void tree_must_lie_between(const struct tree *t, const struct tree *a,
			   const struct tree *b, const char *what,
			   uint64_t blk)
{
	ck_assert_int_eq(t->n, a->n);
	ck_assert_int_eq(t->n, b->n);
	for (int i = 0; i < t->n; i++) {
		const struct tree_entry *e = &t->e[i];
		const struct tree_entry *p = &a->e[i], *q = &b->e[i];

		ck_assert_str_eq(e->path, p->path);
		ck_assert_msg(same_inode(e, p) &&
			      e->attr.size >= p->attr.size &&
			      e->attr.size <= q->attr.size,
			      "%s, block %llu: %s", what,
			      (unsigned long long)blk, e->path);
		if (e->bytes == NULL || !S_ISREG(e->attr.mode))
			continue;
		for (size_t k = 0; k < e->len; k++)
			ck_assert_msg(e->bytes[k] == p->bytes[k] ||
				      e->bytes[k] == q->bytes[k],
				      "%s, block %llu: %s: byte %zu", what,
				      (unsigned long long)blk, e->path, k);
	}
}

void tree_must_be_part(const struct tree *t, const struct tree *whole)
{
	for (int i = 0; i < t->n; i++) {
		const struct tree_entry *e = &t->e[i];
		const struct tree_entry *o = look_up(whole, e->path);

		ck_assert_msg(o != NULL, "%s is not there", e->path);
		if (!e->attr_ok)
			continue;
		ck_assert(e->attr.mode == o->attr.mode &&
			  e->attr.nlink == o->attr.nlink &&
			  e->attr.size == o->attr.size);
		ck_assert_uint_le(e->len, o->len);
		if (e->bytes == NULL)
			continue;
		ck_assert_int_eq(memcmp(e->bytes, o->bytes, e->len), 0);
		ck_assert_int_eq(memcmp(e->bytes + TREE_HEAD, o->bytes +
					TREE_HEAD, e->tail), 0);
	}
}
