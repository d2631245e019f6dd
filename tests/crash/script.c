// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * script.c - reading scripts, mounting, finding the operation.
 *
 * Must not know that anybody crashes.
 */
#include "must.h"
#include "script_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct dxf_cred script_root = { .uid = 0, .gid = 0, .umask = 022 };

static void bad(const char *text)
{
	fprintf(stderr, "script: \"%s\"?\n", text);
	abort();
}

static void parse_step(struct script_step *st, const char *text, size_t len)
{
	char *rest = st->text, *word;

	memset(st, 0, sizeof(*st));
	if (len >= sizeof(st->text))
		bad(text);
	memcpy(st->text, text, len);
	while ((word = strsep(&rest, " \t\n")) != NULL) {
		if (*word == '\0')
			continue;
		if (st->nargs == 0 && (*word == '!' || *word == '?')) {
			st->must_fail = *word == '!';
			st->may_fail = *word++ == '?';
		}
		if (st->nargs == SCRIPT_ARGS)
			bad(text);
		st->arg[st->nargs++] = word;
	}
}

void script_parse(struct script *s, const char *text)
{
	s->n = 0;
	while (*text != '\0') {
		size_t len = strcspn(text, ";");

		if (s->n == SCRIPT_STEPS)
			bad("too many steps");
		parse_step(&s->step[s->n], text, len);
		if (s->step[s->n].nargs > 0)
			s->n++;
		text += len;
		text += *text == ';';
	}
}

uint64_t script_num(const char *s)
{
	char *end;
	uint64_t n = strtoull(s, &end, 0);

	if (*end == 'k')
		n *= DXF_KIB, end++;
	else if (*end == 'm')
		n *= DXF_MIB, end++;
	if (*end != '\0' || end == s)
		bad(s);
	return n;
}

int script_mount(struct script_fs *x, char *why, size_t cap)
{
	struct dxf_err err = { "" };
	int e;

	must(x->fs == NULL);
	e = dxf_fs_open(&x->fs, x->region, &x->opts, &err);
	if (e != 0) {
		x->fs = NULL;
		snprintf(why, cap, "%s", err.text);
	}
	return e;
}

int script_umount(struct script_fs *x)
{
	int e;

	for (int h = 0; h < SCRIPT_HANDLES; h++)
		script_close_handle(x, h);
	e = dxf_fs_close(x->fs);
	x->fs = NULL;
	return e;
}

static int do_mount(struct script_fs *x, char *const *a)
{
	char why[256];

	return script_mount(x, why, sizeof(why));
}

static int do_umount(struct script_fs *x, char *const *a)
{
	return script_umount(x);
}

static int do_remount(struct script_fs *x, char *const *a)
{
	int e = script_umount(x);

	return e != 0 ? e : do_mount(x, a);
}

static const struct script_op own[] = {
	{ "mount", 0, do_mount, TREE_ATOMIC },
	{ "umount", 0, do_umount, TREE_ATOMIC },
	{ "remount", 0, do_remount, TREE_ATOMIC },
};

static const struct script_op *find_in(const struct script_op *ops, size_t n,
				       const struct script_step *st)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(ops[i].name, st->arg[0]) == 0 &&
		    ops[i].nargs == st->nargs - 1)
			return &ops[i];
	}
	return NULL;
}

static const struct script_op *find(const struct script_step *st)
{
	const struct script_op *op = find_in(own, DXF_ARRAY_SIZE(own), st);

	if (op == NULL)
		op = find_in(script_name_ops, script_nname_ops, st);
	if (op == NULL)
		op = find_in(script_file_ops, script_nfile_ops, st);
	if (op == NULL)
		bad(st->arg[0]);
	return op;
}

int script_step(struct script_fs *x, const struct script_step *st)
{
	const struct script_op *op = find(st);

	x->seq++;
	return op->fn(x, st->arg + 1);
}

enum tree_rule script_rule(const struct script_step *st, const char **path)
{
	const struct script_op *op = find(st);

	/* What is copied to comes behind what is copied from. */
	*path = op->rule == TREE_ATOMIC ? NULL :
		st->arg[strcmp(op->name, "copy") == 0 ? 3 : 1];
	return op->rule;
}

/* ---- paths ---- */

int script_lookup(struct script_fs *x, const char *path, struct dxf_attr *out)
{
	dxf_ino_t at = DXF_ROOT_INO;
	int e = dxf_fs_getattr(x->fs, at, out);

	while (e == 0 && *path != '\0') {
		char name[DXF_NAME_MAX + 1];
		size_t len = strcspn(path, "/");

		must(len <= DXF_NAME_MAX);
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		path += *path == '/';
		if (len == 0)
			continue;
		e = dxf_fs_lookup(x->fs, at, name, out);
		if (at != DXF_ROOT_INO)
			dxf_fs_forget(x->fs, at, 1);
		at = out->ino;
	}
	return e;
}

void script_forget(struct script_fs *x, dxf_ino_t ino)
{
	if (ino != DXF_ROOT_INO && ino != 0)
		dxf_fs_forget(x->fs, ino, 1);
}

int script_parent(struct script_fs *x, const char *path, dxf_ino_t *dir,
		  const char **name)
{
	const char *slash = strrchr(path, '/');
	char buf[1024];
	struct dxf_attr a;
	int e;

	*name = slash != NULL ? slash + 1 : path;
	snprintf(buf, sizeof(buf), "%.*s", (int)(*name - path), path);
	e = script_lookup(x, buf, &a);
	*dir = a.ino;
	return e;
}
