/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random operations on names against a naive model of a tree: the same
 * results, the same tree, before and after remounts, and e2fsck quiet.
 */
#include "fs_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#define ROOT		DXF_ROOT_INO
#define MAX_NODES	4096
#define MAX_NAMES	48
#define MAX_OPEN	8
#define NOPS		8000
#define NREMOUNTS	5

/* ---- the model ---- */

struct node;

struct entry {
	char name[80];
	struct node *node;
};

struct node {
	mode_t type;			/* 0: unused */
	dxf_ino_t ino;
	uint32_t nlink;
	struct node *parent;		/* of a directory */
	int n;				/* entries of a directory */
	struct entry e[MAX_NAMES];
	size_t len;			/* contents: @len bytes of @byte */
	int byte;
	int opens;
};

static struct node nodes[MAX_NODES];
static struct node *root;
static struct node *opened[MAX_OPEN];
static unsigned int seed;
static struct fsx x;
static int successes;

static int pick(int n)
{
	return rand_r(&seed) % n;
}

static struct entry *find(struct node *dir, const char *name)
{
	for (int i = 0; i < dir->n; i++) {
		if (strcmp(dir->e[i].name, name) == 0)
			return &dir->e[i];
	}
	return NULL;
}

static struct node *new_node(mode_t type)
{
	for (int i = 0; i < MAX_NODES; i++) {
		if (nodes[i].type != 0)
			continue;
		memset(&nodes[i], 0, offsetof(struct node, e));
		nodes[i].type = type;
		nodes[i].len = 0;
		nodes[i].opens = 0;
		return &nodes[i];
	}
	ck_abort_msg("too many nodes");
	return NULL;
}

static void add(struct node *dir, const char *name, struct node *node)
{
	ck_assert_int_lt(dir->n, MAX_NAMES);
	strcpy(dir->e[dir->n].name, name);
	dir->e[dir->n++].node = node;
	if (node->type == S_IFDIR) {
		node->parent = dir;
		dir->nlink++;
	}
}

static void del(struct node *dir, struct entry *e)
{
	if (e->node->type == S_IFDIR)
		dir->nlink--;
	*e = dir->e[--dir->n];
}

static void drop_link(struct node *n)
{
	n->nlink = n->type == S_IFDIR ? 0 : n->nlink - 1;
	if (n->nlink == 0 && n->opens == 0)
		n->type = 0;
}

/* Is @top @n or above it? */
static bool is_above(const struct node *top, const struct node *n)
{
	for (; n != top; n = n->parent) {
		if (n == root)
			return false;
	}
	return true;
}

static struct node *any_dir(void)
{
	for (;;) {
		struct node *n = &nodes[pick(DXF_MIN(MAX_NODES, 300))];

		if (n->type == S_IFDIR && n->nlink > 0)
			return n;
	}
}

static void any_name(char *name)
{
	int i = pick(MAX_NAMES - 1);

	/* Some long, so that directories grow. */
	if (i % 3 == 0)
		sprintf(name, "%02d-%060d", i, i);
	else
		sprintf(name, "n%d", i);
}

/* ---- comparing ---- */

struct seen {
	struct node *dir;
	int n;
	bool dots[2];
};

static int check_entry(void *ctx, const struct dxf_fs_dirent *de)
{
	struct seen *s = ctx;
	struct entry *e;

	if (strcmp(de->name, ".") == 0 || strcmp(de->name, "..") == 0) {
		int i = de->name[1] == '.';

		ck_assert(!s->dots[i]);
		s->dots[i] = true;
		ck_assert_uint_eq(de->ino, i ? s->dir->parent->ino :
					       s->dir->ino);
		return 0;
	}
	e = find(s->dir, de->name);
	ck_assert_msg(e != NULL, "%s should not be there", de->name);
	ck_assert_uint_eq(de->ino, e->node->ino);
	ck_assert_uint_eq(de->type, IFTODT(e->node->type));
	s->n++;
	return 0;
}

static void check_data(const struct node *n)
{
	char buf[8192];

	ck_assert_uint_eq(fsx_attr(&x, n->ino).size, n->len);
	ck_assert_int_eq(dxf_fs_read(x.fs, n->ino, 0, buf, sizeof(buf)),
			 (ssize_t)n->len);
	for (size_t i = 0; i < n->len; i++)
		ck_assert_int_eq(buf[i], n->byte);
}

static void check_all(void)
{
	for (int i = 0; i < MAX_NODES; i++) {
		struct node *n = &nodes[i];
		struct seen s = { .dir = n };
		struct dxf_attr a;

		if (n->type == 0)
			continue;
		a = fsx_attr(&x, n->ino);
		ck_assert_uint_eq(a.mode & S_IFMT, n->type);
		ck_assert_uint_eq(a.nlink, n->nlink);
		if (n->type == S_IFREG)
			check_data(n);
		if (n->type != S_IFDIR)
			continue;
		ck_assert_int_eq(dxf_fs_readdir(x.fs, n->ino, 0, false,
						check_entry, &s), 0);
		ck_assert_int_eq(s.n, n->n);
		ck_assert(s.dots[0] && s.dots[1]);
	}
}

/* ---- the operations ---- */

static void same(const char *op, int got, int want)
{
	ck_assert_msg(got == want, "%s: %d instead of %d", op, got, want);
	successes += got == 0;
}

static void do_create(struct node *dir, const char *name)
{
	static const mode_t types[] = { S_IFREG, S_IFREG, S_IFDIR, S_IFDIR,
					S_IFIFO, S_IFLNK };
	mode_t type = types[pick(6)];
	char target[200] = "short";
	struct dxf_attr a;
	struct node *n;
	int err;

	if (pick(2))
		sprintf(target, "%0150d", pick(1000));
	if (type == S_IFLNK)
		err = dxf_fs_symlink(x.fs, &fsx_root, dir->ino, name, target,
				     &a);
	else
		err = dxf_fs_mknod(x.fs, &fsx_root, dir->ino, name,
				   type | 0777, 0, &a);
	same("create", err, find(dir, name) ? -EEXIST : 0);
	if (err != 0)
		return;
	n = new_node(type);
	n->ino = a.ino;
	n->nlink = type == S_IFDIR ? 2 : 1;
	add(dir, name, n);
	if (type == S_IFREG && pick(2)) {
		n->len = 1 + (size_t)pick(8000);
		n->byte = 'a' + pick(26);
		fsx_write(&x, n->ino, 0, n->byte, n->len);
	}
	dxf_fs_forget(x.fs, a.ino, 1);
}

static void do_unlink(struct node *dir, const char *name)
{
	struct entry *e = find(dir, name);
	struct node *n = e ? e->node : NULL;
	int want = !n ? -ENOENT : n->type == S_IFDIR ? -EISDIR : 0;
	int err = dxf_fs_unlink(x.fs, dir->ino, name);

	same("unlink", err, want);
	if (err == 0) {
		del(dir, e);
		drop_link(n);
	}
}

static void do_rmdir(struct node *dir, const char *name)
{
	struct entry *e = find(dir, name);
	struct node *n = e ? e->node : NULL;
	int want = !n ? -ENOENT : n->type != S_IFDIR ? -ENOTDIR :
		   n->n > 0 ? -ENOTEMPTY : 0;
	int err = dxf_fs_rmdir(x.fs, dir->ino, name);

	same("rmdir", err, want);
	if (err == 0) {
		del(dir, e);
		drop_link(n);
	}
}

static void do_link(struct node *dir, const char *name)
{
	struct node *n = &nodes[pick(300)];
	struct dxf_attr a;
	int err, want = 0;

	if (n->type == 0)
		return;
	if (find(dir, name))
		want = -EEXIST;
	else if (n->type == S_IFDIR)
		want = -EPERM;
	else if (n->nlink == 0)
		want = -ENOENT;
	err = dxf_fs_link(x.fs, &fsx_root, n->ino, dir->ino, name, &a);
	same("link", err, want);
	if (err != 0)
		return;
	dxf_fs_forget(x.fs, a.ino, 1);
	n->nlink++;
	add(dir, name, n);
}

static int rename_wants(struct node *d1, struct entry *e1, struct node *d2,
			struct entry *e2, unsigned int flags)
{
	bool xchg = flags & RENAME_EXCHANGE, dir1, dir2;

	if (!e1)
		return -ENOENT;
	if (!e2 && xchg)
		return -ENOENT;
	if (e2 && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (e2 && e1->node == e2->node)
		return 0;
	dir1 = e1->node->type == S_IFDIR;
	dir2 = e2 && e2->node->type == S_IFDIR;
	if (dir1 && is_above(e1->node, d2))
		return -EINVAL;
	if (dir2 && is_above(e2->node, d1))
		return xchg ? -EINVAL : -ENOTEMPTY;
	if (!e2 || xchg)
		return 0;
	if (dir1 != dir2)
		return dir1 ? -ENOTDIR : -EISDIR;
	return dir2 && e2->node->n > 0 ? -ENOTEMPTY : 0;
}

static void model_rename(struct node *d1, const char *from, struct node *d2,
			 const char *to, bool xchg)
{
	struct entry *e2 = find(d2, to);
	struct node *n1 = find(d1, from)->node, *n2 = e2 ? e2->node : NULL;

	if (n1 == n2)
		return;
	if (e2)
		del(d2, e2);
	del(d1, find(d1, from));
	add(d2, to, n1);
	if (xchg)
		add(d1, from, n2);
	else if (n2)
		drop_link(n2);
}

static void do_rename(struct node *d1, const char *from)
{
	static const unsigned int flags[] = { 0, 0, 0, RENAME_NOREPLACE,
					      RENAME_EXCHANGE };
	unsigned int f = flags[pick(5)];
	struct node *d2 = pick(2) ? d1 : any_dir();
	char to[80];
	int err, want;

	any_name(to);
	want = rename_wants(d1, find(d1, from), d2, find(d2, to), f);
	err = dxf_fs_rename(x.fs, &fsx_root, DXF_AT(d1->ino, from),
			    DXF_AT(d2->ino, to), f);
	same("rename", err, want);
	if (err == 0)
		model_rename(d1, from, d2, to, f & RENAME_EXCHANGE);
}

static void do_lookup(struct node *dir, const char *name)
{
	struct entry *e = find(dir, name);

	ck_assert_uint_eq(fsx_lookup(&x, dir->ino, name),
			  e ? e->node->ino : 0);
}

/* Open or close a file; unlinked ones live on and keep their data. */
static void do_open(struct node *dir, const char *name)
{
	struct node **slot = &opened[pick(MAX_OPEN)], *n = *slot;
	struct entry *e = find(dir, name);

	if (n) {
		check_data(n);
		ck_assert_uint_eq(fsx_attr(&x, n->ino).nlink, n->nlink);
		dxf_fs_release(x.fs, n->ino);
		*slot = NULL;
		n->opens--;
		if (n->nlink == 0 && n->opens == 0)
			n->type = 0;
	} else if (e && e->node->type == S_IFREG) {
		n = *slot = e->node;
		n->opens++;
		ck_assert_int_eq(dxf_fs_open_file(x.fs, n->ino, O_RDONLY,
						  false), 0);
	}
}

static void close_all(void)
{
	for (int i = 0; i < MAX_OPEN; i++) {
		struct node *n = opened[i];

		opened[i] = NULL;
		if (!n)
			continue;
		n->opens--;
		/* Every second one is left to the unmount. */
		if (i % 2)
			dxf_fs_release(x.fs, n->ino);
		if (n->nlink == 0 && n->opens == 0)
			n->type = 0;
	}
}

static void step(void)
{
	static void (*const op[])(struct node *dir, const char *name) = {
		do_create, do_create, do_create, do_unlink, do_unlink,
		do_rmdir, do_link, do_rename, do_rename, do_rename, do_lookup,
		do_open,
	};
	struct node *dir = any_dir();
	char name[80];

	any_name(name);
	op[pick(DXF_ARRAY_SIZE(op))](dir, name);
}

START_TEST(test_names_random_operations_match_model)
{
	seed = (unsigned int)_i + 1;
	fsx_make(&x, &fsx_images[_i % fsx_nimages]);
	fsx_mount(&x);
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, ROOT, "lost+found"), 0);
	root = new_node(S_IFDIR);
	root->ino = ROOT;
	root->nlink = 2;
	root->parent = root;
	for (int i = 0; i < NREMOUNTS; i++) {
		for (int n = 0; n < NOPS / NREMOUNTS; n++)
			step();
		check_all();
		close_all();
		fsx_umount(&x);
		fsx_check(&x);
		fsx_mount(&x);
		check_all();
	}
	ck_assert_int_gt(successes, NOPS / 4);
	ck_assert_int_eq(x.messages, 0);
	fsx_finish(&x);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, test_names_random_operations_match_model, 0,
			    2 * fsx_nimages);
}

int main(void)
{
	return run_tests("names-model", add_tests);
}
