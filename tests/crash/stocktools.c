// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stocktools.c - other programs work on the filesystem between our crash and
 * our next mount, without a look at the log.
 *
 * At sampled points of some operations: each program has its turn on what the
 * crash left; then we mount.  A program that changed something must find its
 * change standing and the log discarded, whether we mount it or ask for e2fsck
 * first; one that changed nothing must not keep us from recovering.
 *
 * Fails if a single case does; programs that are missing, or may not mount
 * here, are named and left out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image.h"
#include "lab.h"
#include "log.h"
#include "crash_priv.h"
#include "must.h"
#include "script.h"

#define SETUP								\
	"mkdir A; mkdir B; creat A/foo; write A/foo 0 3000; creat A/bar;"	\
	"write A/bar 0 5000; creat baz; write baz 4200 2500;"

static const char *const scripts[] = {
	"rename A/foo baz",
	"mkdir C",
	"unlink A/bar",
	"append A/foo 5000",
	"open A/bar 0; unlink A/bar",
};

#define POINTS		4	/* of each script */
/* A mount wants a file with a name: a copy, and it is copied back. */
#define COPY								\
	"t=$(mktemp -d); trap 'rm -r $t' EXIT; mkdir $t/m; "		\
	"cat $IMG >$t/i; cp $t/i $t/was; "
#define BACK	"; cmp -s $t/i $t/was || cat $t/i >$IMG"
#define MOUNT(options)							\
	COPY "l=$(losetup -f --show $t/i) || exit 99; "			\
	"mount" options " $l $t/m || r=99; "
#define UMOUNT	"; umount $t/m; losetup -d $l" BACK "; exit $r"

struct tool {
	const char *name;
	const char *command;		/* 99: it is not to be had here */
	bool makes;			/* it makes /made, if it does anything */
	/*
	 * What it changes may be just what was done by half, put back: then
	 * there is nothing that the log would undo.
	 */
	bool takes_back;
};

static const struct tool tools[] = {
	{ "nobody", ":" },
	{ "e2fsck -fy", "e2fsck -fy $IMG; [ $? -le 1 ]" },
	{ "tune2fs -L", "tune2fs -L new $IMG" },
	{ "debugfs mkdir", "debugfs -w -R 'mkdir made' $IMG", true },
	{ "debugfs write", "debugfs -w -R 'write /proc/version made' $IMG",
	  true },
	{ "debugfs rm", "debugfs -w -R 'rm A/foo' $IMG" },
	{ "fuse2fs", COPY "command -v fuse2fs >/dev/null || exit 99; "
	  "fuse2fs -f $t/i $t/m >/dev/null 2>&1 & p=$!; "
	  "for i in $(seq 100); do mountpoint -q $t/m && break; "
	  "kill -0 $p || break; sleep 0.05; done; "
	  "if mountpoint -q $t/m; then mkdir $t/m/made; umount $t/m; "
	  "else kill $p; fi; wait $p" BACK, true },
	{ "kernel, rw", MOUNT("") "mkdir $t/m/made" UMOUNT, true },
	{ "kernel, ro", MOUNT(" -r") "ls $t/m" UMOUNT, false, true },
};

static struct {
	unsigned int cases, failed;
	unsigned int changed[DXF_ARRAY_SIZE(tools)];
	bool recovered;			/* our mount said so */
	bool missing[DXF_ARRAY_SIZE(tools)];
} sum;

static void listen(void *ctx, enum dxf_log_level level, const char *text)
{
	if (strstr(text, ": recovered") != NULL)
		sum.recovered = true;
}

static bool is_there(struct dxf_fs *fs, const char *name)
{
	struct dxf_attr at;

	if (dxf_fs_lookup(fs, DXF_ROOT_INO, name, &at) != 0)
		return false;
	dxf_fs_forget(fs, at.ino, 1);
	return true;
}

static const char gone[] = "what it made is gone";

/* Unmount; is the tool's work there?  Returns: NULL, or what is wrong. */
static const char *look(struct dxf_region *r, struct dxf_fs *fs, bool made)
{
	static char out[4096];
	bool there = !made || is_there(fs, "made");

	if (dxf_fs_close(fs) != 0)
		return "unmount failed";
	if (!there)
		return gone;
	return image_passes(r, out, sizeof(out)) ? NULL : out;
}

/*
 * It could not be mounted read-write, or only until the first error: e2fsck
 * is the way out.  What it makes of a half-changed filesystem is its own
 * business.  With checksums it stops at an orphan that is half changed; the
 * manual has the way round that.
 */
static const char *repair(struct dxf_region *r, const struct dxf_fs_opts *opts)
{
	static struct dxf_err err;
	static char out[4096];
	struct dxf_fs *fs;

	if (image_run(r, "e2fsck -fy $IMG || e2fsck -fy $IMG || "
		      "{ debugfs -w -R 'ssv last_orphan 0' $IMG; "
		      "e2fsck -fy $IMG; }", true, out, sizeof(out)) > 1)
		return out;
	if (dxf_fs_open(&fs, r, opts, &err) != 0)
		return err.text;
	return look(r, fs, false);
}

/* The tool was there; @changed: it changed something. */
static const char *judge(struct dxf_region *r, const struct dxf_fs_opts *opts,
			 const struct tool *t, bool changed, bool made)
{
	char *before = image_snapshot(r);
	struct dxf_err err = { "" };
	const char *why = NULL;
	struct dxf_fs *fs;
	int e;

	sum.recovered = false;
	e = dxf_fs_open(&fs, r, opts, &err);
	if (e == 0)
		why = look(r, fs, made);
	if (sum.recovered && changed && !t->takes_back)
		why = "the log was applied after it";
	else if (!sum.recovered && !changed)
		why = "the log was not applied";
	else if (e != 0 && memcmp(before, lab_bytes(r), dxf_region_size(r)) != 0)
		why = "refused, but something changed";
	/* What another program called clean may be broken all the same. */
	if (changed && !sum.recovered && why != gone &&
	    (e != 0 || why != NULL))
		why = repair(r, opts);
	free(before);
	return why;
}

static void try_tool(const uint8_t *img, uint64_t size, unsigned int k,
		     const struct dxf_fs_opts *opts, const char *where)
{
	const struct tool *t = &tools[k];
	struct dxf_region *r = lab_region(img, size);
	const char *why;
	bool changed, made;

	/* It may refuse what it finds: then it has changed nothing. */
	image_run(r, t->command, true, NULL, 0);
	changed = memcmp(img, lab_bytes(r), size) != 0;
	made = t->makes && image_run(r, "debugfs -R 'stat made' $IMG | "
				     "grep -q Inode:", false, NULL, 0) == 0;
	sum.cases++;
	sum.changed[k] += changed;
	why = judge(r, opts, t, changed, made);
	if (why != NULL) {
		printf("FAILED %s, %s: %s\n", where, t->name, why);
		sum.failed++;
	}
	dxf_region_close(r);
}

static void at_point(const struct model *m, const struct dxf_fs_opts *opts,
		     const char *where)
{
	for (unsigned int k = 0; k < DXF_ARRAY_SIZE(tools); k++)
		if (!sum.missing[k])
			try_tool(m->vol, m->size, k, opts, where);
}

/* Crash at POINTS places of the recorded operation, evenly. */
static void crash(struct trace *t, const struct dxf_fs_opts *opts,
		  const char *name)
{
	struct model m;
	char where[256];
	size_t next = t->n / (2 * POINTS);

	model_init(&m, t->base, t->size);
	for (size_t i = 0; i < t->n; i++) {
		model_apply(&m, t, &t->ev[i]);
		if (i != next)
			continue;
		next += t->n / POINTS;
		snprintf(where, sizeof(where), "%s, event %zu of %zu", name, i,
			 t->n);
		at_point(&m, opts, where);
	}
	model_free(&m);
}

static void run(const struct run_image *im, const char *text)
{
	const struct run_workload none = { .name = "" };
	const struct run_opts ro = { .seed = 1 };
	struct script_fs x = { .opts = run_fs_opts(&none, &ro) };
	struct run_result res = { .states = 0 };
	static struct script script;
	struct trace t = { .n = 0 };
	char name[128], why[256];
	bool ok;

	snprintf(name, sizeof(name), "%s [%s]", text, im->name);
	x.region = lab_region(im->bytes, im->size);
	ok = run_setup(&x, SETUP, &res) &&
		script_mount(&x, why, sizeof(why)) == 0;
	must(ok);
	script_parse(&script, text);
	trace_start(&t, x.region, true);
	for (unsigned int i = 0; i < script.n; i++) {
		ok = run_step(&x, &script.step[i], &res);
		must(ok);
	}
	trace_stop(&t);
	script_umount(&x);
	crash(&t, &x.opts, name);
	trace_free(&t);
	dxf_region_close(x.region);
}

/* Can the tools be had here?  Those that mount need more than a package. */
static void look_for_tools(void)
{
	const struct run_image *im = &run_images[0];

	for (unsigned int k = 0; k < DXF_ARRAY_SIZE(tools); k++) {
		struct dxf_region *r = lab_region(im->bytes, im->size);

		sum.missing[k] = image_run(r, tools[k].command, false, NULL,
					   0) == 99;
		dxf_region_close(r);
	}
}

int main(void)
{
	if (!image_tools_present()) {
		printf("needs e2fsprogs\n");
		return 77;
	}
	dxf_log_set_sink(listen, NULL);
	run_make_images();
	look_for_tools();
	for (unsigned int k = 0; k < run_nimages; k++)
		for (size_t i = 0; i < DXF_ARRAY_SIZE(scripts); i++)
			run(&run_images[k], scripts[i]);
	for (unsigned int k = 0; k < DXF_ARRAY_SIZE(tools); k++)
		printf("%s: %s, changed something %u times\n", tools[k].name,
		       sum.missing[k] ? "not to be had" : "done",
		       sum.changed[k]);
	printf("%u cases, %u failed\n", sum.cases, sum.failed);
	return sum.failed != 0;
}
