/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pagerun.h - a script run on page media, and what was promised on the way.
 */
#ifndef CRASH_PAGERUN_H
#define CRASH_PAGERUN_H

#include "crash_priv.h"
#include "pagemodel.h"

#define MAX_HELD	256
#define MAX_PROMISES	256

struct page_opts {
	uint64_t seed;
	unsigned int per_point;		/* random states at each point */
	bool quiet;
	/* figures */
	unsigned long states, points, daemon, checks;
};

/* A path that is there as node says, or with NULL is not there. */
struct promise {
	char *path;
	const struct tree_node *node;	/* in a tree of the run */
	dxf_ino_t ino;
	bool name_only;			/* by an fsync of its directory */
};

struct pagerun {
	const char *name;
	struct script script;
	struct script_fs x;
	dxf_ino_t held[MAX_HELD];
	unsigned int nheld;
	struct tree tree[SCRIPT_STEPS + 1];
	struct pagerec rec;
	struct pagemodel model;
	struct promise promise[MAX_PROMISES];
	unsigned int npromises;
	struct lab lab;
	struct dxf_region *media;	/* the lab's, page media as well */
	uint8_t *img;
	unsigned int step;
	bool failed;			/* the step, which may */
	uint64_t rnd;
	uint64_t seen[4096];
	unsigned int nseen;
	char why[4096];
	struct page_opts *opt;
};

/* Run @text.  Returns: true; false, and said why unless quiet. */
bool pagerun_script(const char *text, const struct run_image *im,
		    struct page_opts *opt);

/* Say why; returns false. */
bool pagerun_wrong(struct pagerun *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- pagepromise.c ---- */

/* A step that names @path may change it, what is below, and its other names. */
void promise_withdraw(struct pagerun *r, const char *path);
/* What the step, which has returned, promises. */
void promise_after(struct pagerun *r);
/* Is it there?  Returns: true; false: r->why. */
bool promises_kept(struct pagerun *r, const struct tree *got);
void promises_drop(struct pagerun *r);

#endif
