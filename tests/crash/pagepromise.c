// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pagepromise.c - what fsync and sync have promised, and what takes it back: a
 * step that names the file, another name of it, or a directory above.
 *
 * Must not know how a crash comes about.
 */
#include <stdlib.h>
#include <string.h>

#include "must.h"
#include "pagerun.h"

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 &&
		(path[len] == '\0' || path[len] == '/');
}

static void drop_promise(struct pagerun *r, unsigned int i)
{
	free(r->promise[i].path);
	r->promise[i] = r->promise[--r->npromises];
}

void promise_withdraw(struct pagerun *r, const char *path)
{
	const struct tree_node *n = tree_find(&r->tree[r->step], path);

	for (unsigned int i = r->npromises; i-- > 0; ) {
		const struct promise *p = &r->promise[i];

		if (is_below(p->path, path) ||
		    (n != NULL && p->node != NULL && p->ino == n->a.ino &&
		     !p->name_only))
			drop_promise(r, i);
	}
}

static void give(struct pagerun *r, const char *path,
		 const struct tree_node *node, bool name_only)
{
	for (unsigned int i = r->npromises; i-- > 0; )
		if (strcmp(r->promise[i].path, path) == 0 &&
		    (!name_only || r->promise[i].name_only ||
		     r->promise[i].node == NULL))
			drop_promise(r, i);
	must(r->npromises < MAX_PROMISES);
	r->promise[r->npromises++] = (struct promise){
		.path = strdup(path), .node = node,
		.ino = node != NULL ? node->a.ino : 0,
		.name_only = name_only,
	};
}

static bool is_child(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len > 0 && (strncmp(path, dir, len) != 0 || path[len] != '/'))
		return false;
	path += len > 0 ? len + 1 : 0;
	return *path != '\0' && strchr(path, '/') == NULL;
}

/* fsync of a directory: its names are those that it has. */
static void give_names(struct pagerun *r, const char *dir)
{
	const struct tree *now = &r->tree[r->step + 1];

	for (size_t i = 0; i < now->n; i++)
		if (is_child(now->node[i].path, dir))
			give(r, now->node[i].path, &now->node[i], true);
	for (unsigned int s = 0; s <= r->step; s++)
		for (size_t i = 0; i < r->tree[s].n; i++)
			if (is_child(r->tree[s].node[i].path, dir) &&
			    tree_find(now, r->tree[s].node[i].path) == NULL)
				give(r, r->tree[s].node[i].path, NULL, true);
}

void promise_after(struct pagerun *r)
{
	const struct script_step *st = &r->script.step[r->step];
	const struct tree *now = &r->tree[r->step + 1];
	const struct tree_node *n;

	if (strcmp(st->arg[0], "sync") == 0) {
		for (size_t i = 0; i < now->n; i++)
			give(r, now->node[i].path, &now->node[i], false);
		return;
	}
	if (strcmp(st->arg[0], "fsync") != 0 || r->failed)
		return;
	n = tree_find(now, st->arg[1]);
	if (strcmp(st->arg[1], "/") == 0)
		give_names(r, "");
	else
		give(r, st->arg[1], n, false);
	if (n != NULL && S_ISDIR(n->a.mode))
		give_names(r, st->arg[1]);
}

bool promises_kept(struct pagerun *r, const struct tree *got)
{
	char why[512];

	for (unsigned int i = 0; i < r->npromises; i++) {
		const struct promise *p = &r->promise[i];
		const struct tree_node *g = tree_find(got, p->path);

		r->opt->checks++;
		if (p->node == NULL && g != NULL)
			return pagerun_wrong(r, "%s is there, its removal was fsynced",
				     p->path);
		if (p->node == NULL)
			continue;
		if (g == NULL)
			return pagerun_wrong(r, "%s is not there, it was fsynced",
				     p->path);
		if (g->a.ino != p->ino)
			return pagerun_wrong(r, "%s is another inode", p->path);
		if (!p->name_only && !tree_same_file(p->node, g, why,
						     sizeof(why)))
			return pagerun_wrong(r, "fsynced: %s", why);
	}
	return true;
}

void promises_drop(struct pagerun *r)
{
	while (r->npromises > 0)
		drop_promise(r, 0);
}
