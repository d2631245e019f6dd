// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pagerun.c - running a script on a region that needs msync, and what a loss of
 * power, or the death of the daemon, may leave of it.
 *
 * Its record is gone through again step by step: at each barrier and after each
 * step some of the images that a loss of power may leave are put to e2fsck -fy.
 * The kernel keeps inodes that it knows; so does this: each that a step names
 * has a lookup until it is unlinked.
 *
 * Must not know what is promised.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs_priv.h"
#include "image.h"
#include "must.h"
#include "pagerun.h"
#include "script_priv.h"

bool pagerun_wrong(struct pagerun *r, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(r->why, sizeof(r->why), "step %u (%s %s %s): %s", r->step + 1,
		 r->script.step[r->step].arg[0],
		 r->script.step[r->step].arg[1] ?: "",
		 r->script.step[r->step].arg[2] ?: "", text);
	return false;
}

static uint64_t rnd(struct pagerun *r, uint64_t n)
{
	r->rnd = dxf_hash_u64(r->rnd + 1);
	return r->rnd % n;
}

/* ---- looking at an image ---- */

static void put_image(struct pagerun *r)
{
	for (uint64_t off = 0; off < r->lab.size; off += PAGEMODEL_PAGE)
		if (memcmp(r->lab.img + off, r->img + off, PAGEMODEL_PAGE) != 0)
			dxf_persist_copy(r->lab.region, off, r->img + off,
					 PAGEMODEL_PAGE, DXF_PERSIST_TEMPORAL);
}

static bool was_seen(struct pagerun *r)
{
	struct dxf_hash_key key = { 1, r->npromises };
	uint64_t h = dxf_hash(&key, r->img, r->lab.size);

	for (unsigned int i = 0; i < r->nseen; i++)
		if (r->seen[i] == h)
			return true;
	if (r->nseen < DXF_ARRAY_SIZE(r->seen))
		r->seen[r->nseen++] = h;
	return false;
}

static bool take_as_it_lies(struct pagerun *r, struct tree *got)
{
	struct dxf_fs_opts o = r->lab.opts;
	struct dxf_err err = { "" };
	struct dxf_fs *fs;
	char why[512] = "";
	int e;

	o.ro = o.norecovery = true;
	e = dxf_fs_open(&fs, r->lab.region, &o, &err);
	if (e != 0)
		return pagerun_wrong(r, "mount after e2fsck: %s", err.text);
	e = tree_take(got, fs, "", why, sizeof(why));
	dxf_fs_close(fs);
	if (e == 0)
		return true;
	tree_free(got);
	return pagerun_wrong(r, "after e2fsck: %s", why);
}

static bool repair(struct pagerun *r)
{
	char out[4096];
	int status = image_run(r->lab.region, "e2fsck -fy $IMG", true, out,
			       sizeof(out));

	return status <= 3 || pagerun_wrong(r, "e2fsck -fy says %d: %s", status, out);
}

/* The power fails, e2fsck -fy repairs. */
static bool look_after_power_loss(struct pagerun *r)
{
	struct tree got = { NULL };
	bool ok;

	if (was_seen(r))
		return true;
	r->opt->states++;
	put_image(r);
	if (!repair(r))
		return false;
	if (!take_as_it_lies(r, &got))
		return false;
	ok = promises_kept(r, &got);
	tree_free(&got);
	return ok;
}

/* ---- the states ---- */

struct choice {
	struct pagerun *r;
	enum { NONE, ALL, ONE, BUT_ONE, RANDOM } kind;
	uint64_t page;			/* of ONE and BUT_ONE */
};

static uint32_t pick(void *ctx, uint64_t p, uint32_t n)
{
	const struct choice *c = ctx;

	switch (c->kind) {
	case NONE:
		return 0;
	case ALL:
		return n;
	case ONE:
		return p == c->page ? n : 0;
	case BUT_ONE:
		return p == c->page ? 0 : n;
	default:
		return rnd(c->r, 2) ? (uint32_t)rnd(c->r, n + 1) :
		       rnd(c->r, 2) ? n : 0;
	}
}

static bool try_one(struct pagerun *r, int kind, uint64_t page)
{
	struct choice c = { .r = r, .kind = kind, .page = page };

	pagemodel_image(&r->model, r->img, pick, &c);
	return look_after_power_loss(r);
}

/* A page that has more than one version, from a random one on. */
static uint64_t some_page(struct pagerun *r)
{
	uint64_t p = rnd(r, r->model.npages);

	for (uint64_t i = 0; i < r->model.npages; i++, p++)
		if (r->model.page[p % r->model.npages].n > 0)
			break;
	return p % r->model.npages;
}

static bool try_point(struct pagerun *r)
{
	bool ok;

	r->opt->points++;
	ok = try_one(r, NONE, 0) && try_one(r, ALL, 0) &&
		try_one(r, ONE, some_page(r)) &&
		try_one(r, BUT_ONE, some_page(r));
	for (unsigned int i = 0; ok && i < r->opt->per_point; i++)
		ok = try_one(r, RANDOM, 0);
	return ok;
}

/* The daemon dies; the page cache has it all, in order. */
static bool try_daemon_crash(struct pagerun *r, const struct tree *before,
			     const struct tree *after)
{
	const struct script_step *st = &r->script.step[r->step];
	struct tree_between b = { .before = before, .after = after };
	struct tree got = { NULL };
	bool ok;

	r->opt->daemon++;
	memcpy(r->img, r->model.newest, r->lab.size);
	put_image(r);
	if (!lab_look(&r->lab, &got))
		return pagerun_wrong(r, "the daemon died: %s", r->lab.why);
	b.rule = script_rule(st, &b.path);
	ok = tree_allows(&b, &got, r->lab.why, sizeof(r->lab.why)) ||
		pagerun_wrong(r, "the daemon died: %s", r->lab.why);
	tree_free(&got);
	return ok;
}

/* ---- running ---- */

static void hold(struct pagerun *r, const char *path)
{
	struct dxf_attr a;

	if (script_lookup(&r->x, path, &a) != 0 || a.ino == DXF_ROOT_INO)
		return;
	for (unsigned int i = 0; i < r->nheld; i++) {
		if (r->held[i] != a.ino)
			continue;
		script_forget(&r->x, a.ino);
		return;
	}
	must(r->nheld < MAX_HELD);
	r->held[r->nheld++] = a.ino;
}

static void let_go_of_removed(struct pagerun *r)
{
	struct dxf_attr a;

	for (unsigned int i = r->nheld; i-- > 0; ) {
		if (dxf_fs_getattr(r->x.fs, r->held[i], &a) == 0 && a.nlink > 0)
			continue;
		script_forget(&r->x, r->held[i]);
		r->held[i] = r->held[--r->nheld];
	}
}

/* As the kernel does, which keeps what it has made. */
static int make(struct pagerun *r, const char *path, mode_t mode)
{
	struct dxf_attr a;
	const char *name;
	dxf_ino_t dir;
	int e = script_parent(&r->x, path, &dir, &name);

	if (e != 0)
		return e;
	e = dxf_fs_mknod(r->x.fs, &script_root, dir, name, mode, 0, &a);
	script_forget(&r->x, dir);
	must(r->nheld < MAX_HELD);
	if (e == 0)
		r->held[r->nheld++] = a.ino;
	return e;
}

static int call_step(struct pagerun *r, const struct script_step *st)
{
	if (strcmp(st->arg[0], "creat") == 0)
		return make(r, st->arg[1], S_IFREG | 0644);
	if (strcmp(st->arg[0], "mkdir") == 0)
		return make(r, st->arg[1], S_IFDIR | 0755);
	return script_step(&r->x, st);
}

static bool do_step(struct pagerun *r)
{
	const struct script_step *st = &r->script.step[r->step];
	char why[512];
	int e = call_step(r, st);

	if (e != 0 && !st->may_fail)
		return pagerun_wrong(r, "%s", strerror(-e));
	r->failed = e != 0;
	for (int i = 1; i < st->nargs; i++)
		hold(r, st->arg[i]);
	let_go_of_removed(r);
	e = tree_take(&r->tree[r->step + 1], r->x.fs, "", why, sizeof(why));
	return e == 0 || pagerun_wrong(r, "%s", why);
}

/* Several operations, each by itself atomic. */
static bool is_many(const struct script_step *st)
{
	return strcmp(st->arg[0], "many") == 0;
}

static bool is_sync(const struct script_step *st)
{
	return strcmp(st->arg[0], "fsync") == 0 ||
		strcmp(st->arg[0], "sync") == 0;
}

/* Events [@from, @to) of the record are those of the step. */
static bool replay_step(struct pagerun *r, size_t from, size_t to)
{
	const struct script_step *st = &r->script.step[r->step];
	const struct tree *before = &r->tree[r->step];
	const struct tree *after = &r->tree[r->step + 1];
	size_t every = (to - from) / 3 + 1;

	for (int i = 1; i < st->nargs && !is_sync(st); i++)
		promise_withdraw(r, st->arg[i]);
	for (size_t i = from; i < to; i++) {
		pagemodel_apply(&r->model, i);
		if ((i - from) % every == every / 2 && !is_many(st) &&
		    !try_daemon_crash(r, before, after))
			return false;
		if (r->rec.ev[i].kind == PAGEEV_BARRIER && !try_point(r))
			return false;
	}
	promise_after(r);
	return try_point(r) && try_daemon_crash(r, after, after);
}

static struct dxf_region *page_region(const uint8_t *img, uint64_t size)
{
	const struct dxf_region_opts o = {
		.granularity = DXF_GRANULARITY_PAGE,
	};
	char path[] = "/dev/shm/dxf-crash-XXXXXX";
	struct dxf_region *region;
	int fd = mkstemp(path), e;

	e = fd < 0 || write(fd, img, size) != (ssize_t)size;
	must(e == 0);
	close(fd);
	e = dxf_region_open(&region, path, &o, NULL);
	must(e == 0);
	unlink(path);
	return region;
}

static bool run_steps(struct pagerun *r)
{
	size_t from = r->rec.n;

	for (; r->step < r->script.n; r->step++) {
		if (!do_step(r))
			return false;
		if (!replay_step(r, from, r->rec.n))
			return false;
		from = r->rec.n;
	}
	/* No store escaped the record. */
	r->step--;
	return memcmp(r->model.newest, lab_bytes(r->x.region), r->lab.size) == 0
		|| pagerun_wrong(r, "the record is not what the region holds");
}

static bool start(struct pagerun *r, const struct run_image *im)
{
	char why[512];
	int e;

	dxf_fs_default_opts(&r->x.opts);
	r->x.opts.atime = DXF_ATIME_NONE;
	r->x.opts.lazytime = true;
	r->x.opts.commit = 3600;
	r->x.region = page_region(im->bytes, im->size);
	lab_init(&r->lab, im->size, &r->x.opts);
	dxf_region_close(r->lab.region);
	r->lab.region = page_region(im->bytes, im->size);
	r->lab.img = lab_bytes(r->lab.region);
	r->img = malloc(im->size);
	if (script_mount(&r->x, why, sizeof(why)) != 0)
		return pagerun_wrong(r, "mount: %s", why);
	/* Its turns come by the clock, between any two stores of a slow run. */
	dxf_bg_stop(r->x.fs);
	/* From here on everything that is dirty is known. */
	e = dxf_fs_sync(r->x.fs);
	if (e == 0)
		e = tree_take(&r->tree[0], r->x.fs, "", why, sizeof(why));
	must(e == 0 && r->img != NULL);
	pagemodel_init(&r->model, &r->rec, lab_bytes(r->x.region), im->size);
	pagerec_attach(&r->rec, r->x.region);
	return true;
}

static void finish(struct pagerun *r)
{
	dxf_persist_set_trace(r->x.region, NULL, NULL);
	dxf_persist_set_hook(r->x.region, NULL, NULL);
	script_umount(&r->x);
	promises_drop(r);
	for (unsigned int i = 0; i <= r->script.n; i++)
		tree_free(&r->tree[i]);
	pagerec_clear(&r->rec);
	free(r->rec.ev);
	pagemodel_free(&r->model);
	dxf_region_close(r->x.region);
	lab_free(&r->lab);
	free(r->img);
}

bool pagerun_script(const char *text, const struct run_image *im,
		    struct page_opts *opt)
{
	struct pagerun *r = calloc(1, sizeof(*r));
	bool ok;

	must(r != NULL);
	r->opt = opt;
	r->rnd = opt->seed;
	script_parse(&r->script, text);
	ok = start(r, im) && run_steps(r);
	if (!ok && !opt->quiet)
		printf("FAILED on %s: %s\n  script: %s\n", im->name, r->why,
		       text);
	finish(r);
	free(r);
	return ok;
}
