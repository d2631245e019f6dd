// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * threads.c - workloads of several threads, each in a directory of its own.
 *
 * A lane is a thread with its script.  Every step is marked in the trace by
 * its own thread, which also takes the pictures of its directory: so a crash
 * leaves of each lane, by itself, what lies before or behind its own step.
 *
 * Which step meets which is the scheduler's choice; what happened is in the
 * trace, and that is what is crashed.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash_priv.h"
#include "must.h"

#define MAX_LANES	4

struct lane {
	struct run *r;
	unsigned int no;
	char root[8];			/* its directory */
	struct script script;
	struct script_fs x;
	struct tree before[SCRIPT_STEPS + 1];
	struct run_result res;
	bool ok;
	pthread_t thread;
	/* where it is at the crash */
	unsigned int step;
	bool running;
};

struct lanes {
	struct run r;
	struct lane lane[MAX_LANES];
	unsigned int n;
};

static bool take(struct lane *l, unsigned int i)
{
	char why[512];

	if (tree_take(&l->before[i], l->x.fs, l->root, why, sizeof(why)) == 0)
		return true;
	return run_wrong(&l->res, "lane %u: %s", l->no, why);
}

static void *lane_main(void *arg)
{
	struct lane *l = arg;

	for (unsigned int i = 0; i < l->script.n && l->ok; i++) {
		trace_mark(&l->r->trace, TRACE_BEGIN, l->no, i);
		l->ok = run_step(&l->x, &l->script.step[i], &l->res);
		trace_mark(&l->r->trace, TRACE_END, l->no, i);
		if (l->ok)
			l->ok = take(l, i + 1);
		sched_yield();
	}
	return NULL;
}

/* "lane script | lane script | ..." */
static void parse_lanes(struct lanes *ls, const char *text)
{
	char *copy = strdup(text), *rest = copy, *one;

	must(copy != NULL);
	while ((one = strsep(&rest, "|")) != NULL) {
		struct lane *l = &ls->lane[ls->n];

		must(ls->n < MAX_LANES);
		l->r = &ls->r;
		l->no = ls->n++;
		l->ok = true;
		snprintf(l->root, sizeof(l->root), "T%u", l->no);
		script_parse(&l->script, one);
	}
	free(copy);
}

static bool record(struct lanes *ls, struct script_fs *x)
{
	struct run *r = &ls->r;
	char why[256] = "";
	bool ok = true;

	if (script_mount(x, why, sizeof(why)) != 0)
		return run_wrong(r->res, "mount: %s", why);
	for (unsigned int i = 0; i < ls->n; i++) {
		ls->lane[i].x = *x;
		ls->lane[i].x.seq = 20 * i;
		ok = ok && take(&ls->lane[i], 0);
	}
	trace_start(&r->trace, x->region, false);
	for (unsigned int i = 0; i < ls->n; i++)
		ok = pthread_create(&ls->lane[i].thread, NULL, lane_main,
				    &ls->lane[i]) == 0 && ok;
	must(ok);
	for (unsigned int i = 0; i < ls->n; i++) {
		pthread_join(ls->lane[i].thread, NULL);
		ok = ok && ls->lane[i].ok;
		if (!ls->lane[i].ok)
			*r->res = ls->lane[i].res;
	}
	trace_stop(&r->trace);
	r->res->fences += r->trace.fences;
	r->res->compared += r->trace.compared;
	if (script_umount(x) != 0 && ok)
		return run_wrong(r->res, "cannot unmount");
	return ok;
}

/* The part of a picture that is below the lane's directory. */
static struct tree part_of(const struct tree *t, const char *root)
{
	struct tree part = { 0 };
	size_t len = strlen(root);

	for (size_t i = 0; i < t->n; i++) {
		const char *p = t->node[i].path;

		if (strncmp(p, root, len) != 0 ||
		    (p[len] != '\0' && p[len] != '/'))
			continue;
		if (part.n++ == 0)
			part.node = &t->node[i];
	}
	return part;
}

static bool lane_verdict(struct lane *l, const struct tree *got, char *why,
			 size_t cap)
{
	struct tree part = part_of(got, l->root);
	unsigned int next = l->step + l->running;
	struct tree_between b = {
		&l->before[l->step], &l->before[next], TREE_ATOMIC, NULL
	};

	if (!l->running)
		return tree_equal(b.after, &part, NULL, why, cap);
	b.rule = script_rule(&l->script.step[l->step], &b.path);
	return tree_allows(&b, &part, why, cap);
}

static int try_state(void *ctx, const struct state *s)
{
	struct lanes *ls = ctx;
	struct run *r = &ls->r;
	struct tree got;
	bool ok = true;

	if (run_seen(r, s->hash ^ dxf_hash_u64(r->salt))) {
		r->res->same++;
		return 0;
	}
	lab_put(&r->lab, r->model, s);
	r->res->states++;
	if (!lab_look(&r->lab, &got)) {
		run_wrong(r->res, "event %zu of %zu: %s %lx: %s", r->at,
			  r->trace.n, s->how, s->which, r->lab.why);
		return 1;
	}
	for (unsigned int i = 0; i < ls->n && ok; i++) {
		struct lane *l = &ls->lane[i];

		ok = lane_verdict(l, &got, r->lab.why, sizeof(r->lab.why));
		if (!ok)
			run_wrong(r->res, "lane %u step %u%s, event %zu of "
				  "%zu: %s %lx: %s", i, l->step,
				  l->running ? "" : " (returned)", r->at,
				  r->trace.n, s->how, s->which, r->lab.why);
	}
	tree_free(&got);
	return !ok;
}

static void move_lane(struct lanes *ls, const struct trace_event *e)
{
	struct lane *l = &ls->lane[e->lane];

	l->running = e->kind == TRACE_BEGIN;
	l->step = e->step + !l->running;
	ls->r.salt = 0;
	for (unsigned int i = 0; i < ls->n; i++)
		ls->r.salt = ls->r.salt * 1024 + 2 * ls->lane[i].step +
			     ls->lane[i].running;
}

static bool explore(struct lanes *ls)
{
	struct run *r = &ls->r;
	struct model m;
	int ret = 0;

	model_init(&m, r->trace.base, r->trace.size);
	r->model = &m;
	r->plan = (struct states_plan){ .caps = r->o->caps,
					.rng = r->o->seed };
	for (size_t i = 0; i < r->trace.n && ret == 0; i++) {
		const struct trace_event *e = &r->trace.ev[i];
		bool mark = e->kind == TRACE_BEGIN || e->kind == TRACE_END;

		r->at = i;
		if (e->kind == TRACE_FENCE || e->kind == TRACE_END) {
			r->res->points++;
			ret = states_each(&m, &r->plan, try_state, ls);
		}
		model_apply(&m, &r->trace, e);
		if (mark)
			move_lane(ls, e);
		if (ret == 0 && e->kind == TRACE_END)
			ret = states_each(&m, &r->plan, try_state, ls);
		else if (ret == 0 && !mark && e->kind != TRACE_FENCE &&
			 e->kind != TRACE_FLUSH)
			ret = states_all(&m, try_state, ls);
	}
	model_free(&m);
	return ret == 0;
}

bool run_threads(const struct run_workload *w, const struct run_opts *o,
		 struct run_result *res)
{
	const struct run_image *im = &run_images[w->image];
	struct lanes *ls = calloc(1, sizeof(*ls));
	struct script_fs x = { .opts = run_fs_opts(w, o) };
	bool ok;

	must(ls != NULL);
	ls->r.w = w;
	ls->r.o = o;
	ls->r.res = res;
	lab_init(&ls->r.lab, im->size, &x.opts);
	x.region = lab_region(im->bytes, im->size);
	parse_lanes(ls, w->script);
	ok = run_setup(&x, w->setup, res);
	if (ok)
		ok = record(ls, &x) && explore(ls);
	if (x.fs != NULL)
		dxf_fs_close(x.fs);
	for (unsigned int i = 0; i < ls->n; i++) {
		for (unsigned int k = 0; k <= ls->lane[i].script.n; k++)
			tree_free(&ls->lane[i].before[k]);
	}
	lab_free(&ls->r.lab);
	free(ls->r.seen);
	trace_free(&ls->r.trace);
	dxf_region_close(x.region);
	free(ls);
	return ok;
}
