// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * foreign.c - another program changes the filesystem between our crash and our
 * next mount, without a look at the log.
 *
 * RUN_UNDONE: everything of the script is durable, its dead mark too; then each
 * word outside the log is set back, as a tool that repairs by hand would.  That
 * must stand: recovery has nothing to do any more.
 *
 * RUN_TUNED: the script has unmounted, only what was fenced is there; then the
 * superblock's write time changes.  The filesystem is clean and must mount as
 * such.
 */
#include <stdlib.h>
#include <string.h>

#include "ckfs.h"
#include "crash_priv.h"
#include "must.h"

struct foreign {
	struct run r;
	struct tree before;
};

static bool record(struct foreign *f, struct script_fs *x)
{
	struct run *r = &f->r;
	char why[512] = "";
	bool ok = true;

	if (script_mount(x, why, sizeof(why)) != 0 ||
	    tree_take(&f->before, x->fs, "", why, sizeof(why)) != 0)
		return run_wrong(r->res, "%s", why);
	trace_start(&r->trace, x->region, true);
	for (unsigned int i = 0; i < r->script.n && ok; i++)
		ok = run_step(x, &r->script.step[i], r->res);
	if (ok && x->fs != NULL &&
	    tree_take(&r->before[0], x->fs, "", why, sizeof(why)) != 0)
		ok = run_wrong(r->res, "%s", why);
	trace_stop(&r->trace);
	r->res->fences += r->trace.fences;
	r->res->compared += r->trace.compared;
	if (x->fs != NULL)
		script_umount(x);
	return ok;
}

/* What lies outside the log is as it was. */
static void take_back(struct run *r, struct model *m)
{
	struct ckfs_counts n;
	char why[256];
	bool ok = ckfs_check(r->trace.base, r->trace.size, CKFS_MOUNTED, &n,
			     why, sizeof(why));

	must(ok);
	memcpy(m->durable, r->trace.base, r->trace.size);
	memcpy(m->durable + n.log_start, r->trace.shadow + n.log_start,
	       n.log_end - n.log_start);
}

static void touch_super(uint8_t *img)
{
	uint32_t wtime;

	memcpy(&wtime, img + 1024 + 48, sizeof(wtime));
	wtime += 1000;
	memcpy(img + 1024 + 48, &wtime, sizeof(wtime));
	ckfs_seal_super(img + 1024);
}

static bool judge(struct foreign *f, struct model *m, const struct tree *want)
{
	struct run *r = &f->r;
	const struct state s = { .m = m, .how = "foreign" };
	struct tree got;
	bool ok;

	lab_put(&r->lab, m, &s);
	r->res->states++;
	if (!lab_look(&r->lab, &got))
		return run_wrong(r->res, "%s", r->lab.why);
	ok = want == NULL || tree_equal(want, &got, NULL, r->lab.why,
					sizeof(r->lab.why));
	tree_free(&got);
	return ok ? true : run_wrong(r->res, "it did not stand: %s",
				     r->lab.why);
}

static bool crash(struct foreign *f)
{
	struct run *r = &f->r;
	struct model m;
	bool ok;

	model_init(&m, r->trace.base, r->trace.size);
	for (size_t i = 0; i < r->trace.n; i++)
		model_apply(&m, &r->trace, &r->trace.ev[i]);
	if (r->w->flags & RUN_UNDONE)
		take_back(r, &m);
	else
		touch_super(m.durable);
	ok = judge(f, &m, r->w->flags & RUN_UNDONE ? &f->before : NULL);
	model_free(&m);
	return ok;
}

bool run_foreign(const struct run_workload *w, const struct run_opts *o,
		 struct run_result *res)
{
	const struct run_image *im = &run_images[w->image];
	struct foreign *f = calloc(1, sizeof(*f));
	struct script_fs x = { .opts = run_fs_opts(w, o) };
	bool ok;

	must(f != NULL);
	f->r.w = w;
	f->r.o = o;
	f->r.res = res;
	lab_init(&f->r.lab, im->size, &x.opts);
	x.region = lab_region(im->bytes, im->size);
	script_parse(&f->r.script, w->script);
	ok = run_setup(&x, w->setup, res);
	if (ok)
		ok = record(f, &x) && crash(f);
	if (x.fs != NULL)
		dxf_fs_close(x.fs);
	tree_free(&f->before);
	tree_free(&f->r.before[0]);
	lab_free(&f->r.lab);
	trace_free(&f->r.trace);
	dxf_region_close(x.region);
	free(f);
	return ok;
}
