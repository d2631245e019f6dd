// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * run.c - recording a workload, and what each of its crashes may leave.
 *
 * Invariants:
 *	- before[i] is the picture before step i, before[n] the last one
 *	- while step i runs a crash may leave what lies between before[i] and
 *	  before[i + 1]; when it has returned, before[i + 1] only
 *	- with durability=fsync bytes of writes since the last fsync may be old
 */
#include "run.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ckfs.h"
#include "crash_priv.h"
#include "image.h"
#include "must.h"

struct run_image run_images[] = {
	{ "ext2", "-t ext2 -b 1024 -I 128 -N 128 -g 1024 -m 0 "
		  "-O ^resize_inode", 2 * DXF_MIB, NULL },
	{ "ext4", "-t ext4 -b 1024 -I 256 -N 128 -g 1024 -m 0 "
		  "-O ^has_journal,^metadata_csum,^resize_inode,^uninit_bg",
		  2 * DXF_MIB, NULL },
	{ "csum", "-t ext4 -b 1024 -I 256 -N 128 -g 1024 -m 0 "
		  "-O ^has_journal,metadata_csum,64bit,^resize_inode",
		  2 * DXF_MIB, NULL },
};
const unsigned int run_nimages = DXF_ARRAY_SIZE(run_images);

void run_make_images(void)
{
	for (unsigned int i = 0; i < run_nimages; i++) {
		struct run_image *im = &run_images[i];
		struct dxf_region *r = image_make(im->size, im->mke2fs, false);

		im->bytes = image_snapshot(r);
		dxf_region_close(r);
	}
}

struct dxf_fs_opts run_fs_opts(const struct run_workload *w,
			       const struct run_opts *o)
{
	struct dxf_fs_opts opts;

	dxf_fs_default_opts(&opts);
	opts.atime = DXF_ATIME_NONE;
	opts.lazytime = true;
	if (w->flags & RUN_FSYNC)
		opts.durability = DXF_DURABILITY_FSYNC;
	opts.cut_always = (w->flags & RUN_CUT) != 0;
	return opts;
}

bool run_wrong(struct run_result *res, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(res->why, sizeof(res->why), fmt, ap);
	va_end(ap);
	return false;
}

bool run_step(struct script_fs *x, const struct script_step *st,
		    struct run_result *res)
{
	int e = script_step(x, st);

	if (st->may_fail || (e != 0) == st->must_fail)
		return true;
	return run_wrong(res, "%s %s: %s", st->arg[0],
			 st->nargs > 1 ? st->arg[1] : "", strerror(-e));
}

/* Mount, do all of @text, unmount: not recorded. */
bool run_setup(struct script_fs *x, const char *text, struct run_result *res)
{
	static struct script s;
	char why[256] = "";

	if (script_mount(x, why, sizeof(why)) != 0)
		return run_wrong(res, "setup: mount: %s", why);
	script_parse(&s, text);
	for (unsigned int i = 0; i < s.n; i++) {
		if (!run_step(x, &s.step[i], res))
			return false;
	}
	return script_umount(x) == 0 ? true :
		run_wrong(res, "setup: cannot unmount");
}

/* ---- recording ---- */

static bool take(struct script_fs *x, struct tree *t, struct run_result *res)
{
	char why[512];

	if (tree_take(t, x->fs, "", why, sizeof(why)) == 0)
		return true;
	return run_wrong(res, "while recording: %s", why);
}

static bool is_step(const struct script_step *st, const char *name)
{
	return strcmp(st->arg[0], name) == 0;
}

/* The step itself, and the picture behind it. */
static bool record_step(struct run *r, struct script_fs *x, unsigned int i)
{
	const struct script_step *st = &r->script.step[i];

	trace_mark(&r->trace, TRACE_BEGIN, 0, i);
	if (!run_step(x, st, r->res))
		return false;
	trace_mark(&r->trace, TRACE_END, 0, i);
	if (x->fs != NULL)
		return take(x, &r->before[i + 1], r->res);
	r->unmounted[i + 1] = true;
	return true;
}

/* What was not mounted holds what it held when it last was, or will hold. */
static const struct tree *picture(const struct run *r, unsigned int i)
{
	unsigned int k = i;

	while (k > 0 && r->unmounted[k])
		k--;
	while (k < r->script.n && r->unmounted[k])
		k++;
	return &r->before[k];
}

static bool record(struct run *r, struct script_fs *x)
{
	char why[256] = "";
	bool ok = true;

	if (r->w->flags & RUN_NOMOUNT)
		r->unmounted[0] = true;
	else if (script_mount(x, why, sizeof(why)) != 0)
		return run_wrong(r->res, "mount: %s", why);
	else if (!take(x, &r->before[0], r->res))
		return false;
	if ((r->w->flags & RUN_INDEX) &&
	    !(tree_find(&r->before[0], "C")->a.flags & FS_INDEX_FL))
		return run_wrong(r->res, "C is no htree");
	trace_start(&r->trace, x->region, true);
	for (unsigned int i = 0; i < r->script.n && ok; i++)
		ok = record_step(r, x, i);
	trace_stop(&r->trace);
	r->res->fences += r->trace.fences;
	r->res->compared += r->trace.compared;
	if (x->fs != NULL && script_umount(x) != 0 && ok)
		return run_wrong(r->res, "cannot unmount");
	return ok;
}

/* ---- what a state may be ---- */

/* With durability=fsync: the last step from which on bytes may be old. */
static unsigned int stable_since(const struct run *r, unsigned int i)
{
	if (!(r->w->flags & RUN_FSYNC))
		return i;
	while (i > 0 && !is_step(&r->script.step[i - 1], "fsync") &&
	       !is_step(&r->script.step[i - 1], "sync"))
		i--;
	return i;
}

static bool verdict_deferred(struct run *r, const struct tree *got)
{
	unsigned int from = stable_since(r, r->step), to = r->step + 1;
	const struct tree *mid[SCRIPT_STEPS];
	struct tree_between b = { .rule = TREE_BLOCKS, .path = "f",
				  .mid = mid };
	unsigned int n = 0;

	if (r->returned && (is_step(&r->script.step[r->step], "fsync") ||
			    is_step(&r->script.step[r->step], "sync")))
		from = to;
	for (unsigned int i = from; i < to; i++)
		mid[n++] = picture(r, i);
	b.after = picture(r, to);
	b.nmid = n;
	/* Any of them may be the one that the rest is as. */
	for (unsigned int i = from; i <= to; i++) {
		b.before = picture(r, i);
		if (tree_allows(&b, got, r->lab.why, sizeof(r->lab.why)))
			return true;
	}
	return false;
}

static bool verdict(struct run *r, const struct tree *got)
{
	const struct tree *after = picture(r, r->step + 1);
	struct tree_between b = { picture(r, r->step), after };
	char *why = r->lab.why;

	if (r->exact != NULL)
		return tree_equal(r->exact, got, NULL, why,
				  sizeof(r->lab.why));
	if (r->w->flags & RUN_FSYNC)
		return verdict_deferred(r, got);
	if (r->returned)
		return tree_equal(after, got, NULL, why, sizeof(r->lab.why));
	b.rule = script_rule(&r->script.step[r->step], &b.path);
	if (b.path != NULL && (tree_find(b.before, b.path) == NULL ||
			       tree_find(b.after, b.path) == NULL))
		b.rule = TREE_ATOMIC;
	return tree_allows(&b, got, why, sizeof(r->lab.why));
}

/* ---- crashing ---- */

bool run_seen(struct run *r, uint64_t key)
{
	size_t at;

	if (2 * (r->nseen + 1) > r->seen_cap) {
		uint64_t *old = r->seen;
		size_t cap = r->seen_cap;

		r->seen_cap = cap ? 2 * cap : 4096;
		r->seen = calloc(r->seen_cap, sizeof(*r->seen));
		must(r->seen != NULL);
		r->nseen = 0;
		for (size_t i = 0; i < cap; i++)
			if (old[i] != 0)
				run_seen(r, old[i]);
		free(old);
	}
	key |= key == 0;
	at = key & (r->seen_cap - 1);
	while (r->seen[at] != 0 && r->seen[at] != key)
		at = (at + 1) & (r->seen_cap - 1);
	if (r->seen[at] == key)
		return true;
	r->seen[at] = key;
	r->nseen++;
	return false;
}

static void keep_image(const struct run *r, const struct state *s)
{
	FILE *f = r->o->keep != NULL ? fopen(r->o->keep, "w") : NULL;
	uint8_t *img;

	if (f == NULL)
		return;
	img = malloc(s->m->size);
	must(img != NULL);
	memcpy(img, s->m->durable, s->m->size);
	for (size_t i = 0; i < s->n; i++)
		memcpy(img + s->w[i].off, &s->w[i].val, DXF_WORD);
	fwrite(img, 1, s->m->size, f);
	fclose(f);
	free(img);
}

static int fail(struct run *r, const struct state *s)
{
	char what[2048];

	snprintf(what, sizeof(what), "%s", r->lab.why);
	keep_image(r, s);
	run_wrong(r->res, "%s step %u \"%s\"%s, event %zu of %zu%s: %s %lx: %s",
		  r->exact != NULL ? "inside the recovery behind" : "in",
		  r->step, r->script.step[r->step].arg[0],
		  r->returned ? " (returned)" : "", r->at, r->events,
		  r->exact != NULL ? " (of the recovery)" : "", s->how,
		  s->which, what);
	return 1;
}

static int try_inside(struct run *r, struct trace *t, const struct tree *got);

/* The state's whole image. */
static uint8_t *image_of(const struct state *s)
{
	uint8_t *img = malloc(s->m->size);

	must(img != NULL);
	memcpy(img, s->m->durable, s->m->size);
	for (size_t i = 0; i < s->n; i++)
		memcpy(img + s->w[i].off, &s->w[i].val, DXF_WORD);
	return img;
}

/* One state: recover, look, judge; maybe cut that recovery again. */
static int try_state(void *ctx, const struct state *s)
{
	struct run *r = ctx;
	uint64_t phase = 2 * r->step + r->returned + 1000 * r->depth;
	bool inside = r->exact == NULL && r->want_inside > 0;
	struct trace rec;
	struct tree got;
	int ret = 0;

	if (run_seen(r, s->hash ^ dxf_hash_u64(phase ^ r->salt))) {
		r->res->same++;
		return 0;
	}
	lab_put(&r->lab, r->model, s);
	if (r->o->e2fsck) {
		if (!lab_opinions(&r->lab))
			return fail(r, s);
		lab_put(&r->lab, r->model, s);
	}
	if (r->o->checker_only) {
		r->res->states++;
		return 0;
	}
	if (inside) {
		uint8_t *img = image_of(s);

		trace_init(&rec, r->lab.region, img);
		free(img);
		r->lab.rec = &rec;
	}
	r->res->states++;
	if (!lab_look(&r->lab, &got)) {
		ret = fail(r, s);
	} else {
		if (!verdict(r, &got))
			ret = fail(r, s);
	}
	r->lab.rec = NULL;
	if (inside && ret == 0) {
		r->want_inside--;
		ret = try_inside(r, &rec, &got);
	}
	if (inside)
		trace_free(&rec);
	if (ret == 0)
		tree_free(&got);
	return ret;
}

/* Sample before the event takes effect; stores one by one behind it. */
static int try_event(struct run *r, struct trace *t, struct states_plan *p,
		     size_t i)
{
	const struct trace_event *e = &t->ev[i];
	int ret = 0;

	r->at = i;
	if (r->exact == NULL && (r->w->flags & RUN_LAST) &&
	    !(r->returned ? r->step + 2 >= r->script.n :
	      r->step + 1 == r->script.n)) {
		if (e->kind == TRACE_BEGIN || e->kind == TRACE_END) {
			r->step = e->step;
			r->returned = e->kind == TRACE_END;
		}
		model_apply(r->model, t, e);
		return 0;
	}
	if (e->kind == TRACE_FENCE || e->kind == TRACE_END) {
		r->res->points++;
		ret = states_each(r->model, p, try_state, r);
	}
	if (e->kind == TRACE_BEGIN) {
		r->step = e->step;
		r->returned = false;
		r->want_inside = r->o->inside;
	}
	model_apply(r->model, t, e);
	if (ret == 0 && e->kind == TRACE_END) {
		r->returned = true;
		ret = states_each(r->model, p, try_state, r);
	}
	if (ret == 0 && (e->kind == TRACE_STORE || e->kind == TRACE_NT))
		ret = states_all(r->model, try_state, r);
	return ret;
}

/* Crash the recovery of a state; it must end where it did uncut. */
static int try_inside(struct run *r, struct trace *t, const struct tree *got)
{
	struct model *outer = r->model, m;
	struct states_plan plan = r->plan;
	uint64_t salt = r->salt, before = r->res->states;
	size_t at = r->at, events = r->events;
	int ret = 0;

	plan.caps = r->o->inner;
	model_init(&m, t->base, t->size);
	r->model = &m;
	r->exact = got;
	r->depth = 1;
	r->salt = ++r->nsalt;
	r->events = t->n;
	for (size_t i = 0; i < t->n && ret == 0; i++)
		ret = try_event(r, t, &plan, i);
	r->res->inside += r->res->states - before;
	r->plan.rng = plan.rng;
	r->model = outer;
	r->depth = 0;
	r->salt = salt;
	r->lab.owner = NULL;
	model_free(&m);
	if (ret == 0) {
		r->exact = NULL;
		r->at = at;
		r->events = events;
	}
	return ret;
}

static void find_log(struct run *r, const uint8_t *img, uint64_t size)
{
	struct ckfs_counts n;
	char why[256];

	if (!ckfs_check(img, size, CKFS_MOUNTED, &n, why, sizeof(why)))
		return;
	r->plan.log.start = n.log_start;
	r->plan.log.end = n.log_end;
}

static bool explore(struct run *r)
{
	struct model m;
	int ret = 0;

	model_init(&m, r->trace.base, r->trace.size);
	r->model = &m;
	r->plan = (struct states_plan){ .caps = r->o->caps,
					.rng = r->o->seed };
	find_log(r, r->trace.shadow, r->trace.size);
	if (r->o->print)
		trace_print(&r->trace);
	r->events = r->trace.n;
	for (size_t i = 0; i < r->trace.n && ret == 0; i++)
		ret = try_event(r, &r->trace, &r->plan, i);
	model_free(&m);
	return ret == 0;
}

static void release(struct run *r)
{
	for (unsigned int i = 0; i <= r->script.n; i++)
		tree_free(&r->before[i]);
	r->res->compared += r->lab.compared;
	lab_free(&r->lab);
	free(r->seen);
	trace_free(&r->trace);
}

/*
 * The log's second to twelfth block in falling order: as many pieces, as
 * resize2fs may leave them.
 */
static bool scatter_log(struct dxf_region *region, struct run_result *res)
{
	static const char script[] =
		"set -- $(debugfs -R 'blocks <5>' $IMG 2>/dev/null); [ $# -ge 12 ] &&"
		" i=12 && for b in $2 $3 $4 $5 $6 $7 $8 $9 ${10} ${11} ${12}; do"
		" i=$((i - 1)); echo \"sif <5> block[$i] $b\"; done |"
		" debugfs -w -f - $IMG >/dev/null 2>&1";

	return image_run(region, script, true, NULL, 0) == 0 ? true :
		run_wrong(res, "cannot scatter the log");
}

static bool run_script(const struct run_workload *w, const struct run_opts *o,
		       struct run_result *res)
{
	const struct run_image *im = &run_images[w->image];
	static struct run r;
	struct script_fs x = { .opts = run_fs_opts(w, o) };
	bool ok = true;

	memset(&r, 0, sizeof(r));
	r.w = w;
	r.o = o;
	r.res = res;
	lab_init(&r.lab, im->size, &x.opts);
	r.lab.e2fsck = o->e2fsck;
	x.region = lab_region(im->bytes, im->size);
	script_parse(&r.script, w->script);
	if (!(w->flags & RUN_FRESH))
		ok = run_setup(&x, w->setup, res);
	if (w->flags & RUN_INDEX)
		image_run(x.region, "e2fsck -fyD $IMG", true, NULL, 0);
	if (ok && (w->flags & RUN_PIECES))
		ok = scatter_log(x.region, res);
	if (ok)
		ok = record(&r, &x) && explore(&r);
	if (x.fs != NULL)
		dxf_fs_close(x.fs);
	release(&r);
	dxf_region_close(x.region);
	return ok;
}

bool run_workload(const struct run_workload *w, const struct run_opts *o,
		  struct run_result *res)
{
	memset(res, 0, sizeof(*res));
	if (w->flags & RUN_THREADS)
		return run_threads(w, o, res);
	if (w->flags & (RUN_UNDONE | RUN_TUNED))
		return run_foreign(w, o, res);
	return run_script(w, o, res);
}
