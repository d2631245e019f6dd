// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tree.c - taking the picture of a filesystem through lib/fs.
 */
#include "must.h"
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAMES_MAX	65536

struct walk {
	struct tree *t;
	struct dxf_fs *fs;
	char *why;
	size_t cap;
};

struct names {
	char **name;
	size_t n, cap;
};

static void *need(void *p)
{
	must(p != NULL);
	return p;
}

static int collect_name(void *ctx, const struct dxf_fs_dirent *de)
{
	struct names *l = ctx;

	if (strncmp(de->name, ".", de->name_len) == 0 ||
	    strncmp(de->name, "..", de->name_len) == 0)
		return 0;
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->name = need(realloc(l->name, l->cap * sizeof(char *)));
	}
	l->name[l->n++] = need(strndup(de->name, de->name_len));
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool all_zero(const uint8_t *p, size_t len)
{
	return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

static void add_chunk(struct tree_node *n, uint64_t idx, const uint8_t *buf,
		      size_t len)
{
	struct tree_chunk *c;

	if (all_zero(buf, len))
		return;
	/* Doubling at powers of two. */
	if ((n->nchunks & (n->nchunks - 1)) == 0)
		n->chunk = need(realloc(n->chunk, sizeof(*c) *
					DXF_MAX(2 * n->nchunks, (size_t)1)));
	c = &n->chunk[n->nchunks++];
	memset(c, 0, sizeof(*c));
	c->idx = idx;
	memcpy(c->data, buf, len);
}

static int take_range(struct walk *w, struct tree_node *n, uint64_t from,
		      uint64_t to)
{
	uint8_t buf[16 * TREE_CHUNK];

	from = dxf_align_down(from, TREE_CHUNK);
	while (from < to) {
		size_t want = DXF_MIN(to - from, (uint64_t)sizeof(buf));
		ssize_t got = dxf_fs_read_noatime(w->fs, n->a.ino, from, buf,
						  want);

		if (got != (ssize_t)want)
			return got < 0 ? (int)got : -EIO;
		for (size_t i = 0; i < want; i += TREE_CHUNK)
			add_chunk(n, (from + i) / TREE_CHUNK, buf + i,
				  DXF_MIN(want - i, (size_t)TREE_CHUNK));
		from += want;
	}
	return 0;
}

static int take_data(struct walk *w, struct tree_node *n)
{
	uint64_t pos = 0, end;
	int err;

	for (;;) {
		err = dxf_fs_lseek(w->fs, n->a.ino, pos, SEEK_DATA, &pos);
		if (err == -ENXIO)
			return 0;
		if (err == 0)
			err = dxf_fs_lseek(w->fs, n->a.ino, pos, SEEK_HOLE,
					   &end);
		if (err == 0)
			err = take_range(w, n, pos, end);
		if (err != 0)
			return err;
		pos = dxf_align_up(end, TREE_CHUNK);
	}
}

static int take_xattr(struct walk *w, struct tree_node *n, const char *name)
{
	uint8_t val[4096];
	size_t len = strlen(name) + 1;
	ssize_t got = dxf_fs_getxattr(w->fs, n->a.ino, name, val, sizeof(val));
	uint32_t vlen = (uint32_t)got;

	if (got < 0)
		return (int)got;
	n->xattr = need(realloc(n->xattr, n->xlen + len + 4 + vlen));
	memcpy(n->xattr + n->xlen, name, len);
	memcpy(n->xattr + n->xlen + len, &vlen, 4);
	memcpy(n->xattr + n->xlen + len + 4, val, vlen);
	n->xlen += len + 4 + vlen;
	return 0;
}

static int take_xattrs(struct walk *w, struct tree_node *n)
{
	char list[4096];
	char *name[128];
	ssize_t len = dxf_fs_listxattr(w->fs, n->a.ino, list, sizeof(list));
	size_t k = 0;
	int err = 0;

	if (len == -EOPNOTSUPP)
		return 0;
	if (len < 0)
		return (int)len;
	for (char *p = list; p < list + len; p += strlen(p) + 1) {
		must(k < DXF_ARRAY_SIZE(name));
		name[k++] = p;
	}
	qsort(name, k, sizeof(name[0]), by_name);
	for (size_t i = 0; i < k && err == 0; i++)
		err = take_xattr(w, n, name[i]);
	return err;
}

static int take_target(struct walk *w, struct tree_node *n)
{
	char buf[4097];
	ssize_t len = dxf_fs_readlink(w->fs, n->a.ino, buf, sizeof(buf) - 1);

	if (len < 0)
		return (int)len;
	buf[len] = '\0';
	n->target = need(strdup(buf));
	return 0;
}

static int take_node(struct walk *w, const char *path, const struct dxf_attr *a)
{
	struct tree *t = w->t;
	struct tree_node *n;
	int err;

	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 16;
		t->node = need(realloc(t->node, t->cap * sizeof(*n)));
	}
	n = &t->node[t->n++];
	memset(n, 0, sizeof(*n));
	n->path = need(strdup(path));
	n->a = *a;
	err = take_xattrs(w, n);
	if (err == 0 && S_ISREG(a->mode))
		err = take_data(w, n);
	if (err == 0 && S_ISLNK(a->mode))
		err = take_target(w, n);
	return err;
}

static int take_dir(struct walk *w, const char *path, dxf_ino_t ino);

static int take_entry(struct walk *w, const char *dir, dxf_ino_t parent,
		      const char *name)
{
	char path[8192];
	struct dxf_attr a;
	int err;

	snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", name);
	err = dxf_fs_lookup(w->fs, parent, name, &a);
	if (err == 0) {
		err = take_node(w, path, &a);
		if (err == 0 && S_ISDIR(a.mode))
			err = take_dir(w, path, a.ino);
		else if (err != 0)
			snprintf(w->why, w->cap, "%s: %s", path,
				 strerror(-err));
		dxf_fs_forget(w->fs, a.ino, 1);
	} else {
		snprintf(w->why, w->cap, "lookup of %s: %s", path,
			 strerror(-err));
	}
	return err;
}

static int take_dir(struct walk *w, const char *path, dxf_ino_t ino)
{
	struct names l = { 0 };
	int err = dxf_fs_readdir(w->fs, ino, 0, false, collect_name, &l);

	if (err != 0)
		snprintf(w->why, w->cap, "readdir of %s: %s", path,
			 strerror(-err));
	qsort(l.name, l.n, sizeof(char *), by_name);
	for (size_t i = 0; i < l.n; i++) {
		if (err == 0)
			err = take_entry(w, path, ino, l.name[i]);
		free(l.name[i]);
	}
	free(l.name);
	return err;
}

int tree_take(struct tree *t, struct dxf_fs *fs, const char *root, char *why,
	      size_t cap)
{
	struct walk w = { t, fs, why, cap };
	struct dxf_attr a;
	int err;

	*t = (struct tree){ 0 };
	if (*root != '\0') {
		must(strchr(root, '/') == NULL);
		return take_entry(&w, "", DXF_ROOT_INO, root);
	}
	err = dxf_fs_getattr(fs, DXF_ROOT_INO, &a);
	if (err == 0)
		err = take_node(&w, "", &a);
	if (err == 0)
		err = take_dir(&w, "", DXF_ROOT_INO);
	else
		snprintf(why, cap, "root: %s", strerror(-err));
	return err;
}

void tree_free(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->node[i].path);
		free(t->node[i].chunk);
		free(t->node[i].xattr);
		free(t->node[i].target);
	}
	free(t->node);
	*t = (struct tree){ 0 };
}

const struct tree_node *tree_find(const struct tree *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->node[i].path, path) == 0)
			return &t->node[i];
	}
	return NULL;
}
