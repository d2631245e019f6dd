// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * workloads.c - the tables of workloads, and those made from them.
 *
 * Must not know how they are run.
 */
#include "must.h"
#include "workloads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
	const char *setup;	/* behind the common one */
	const char *script;
	unsigned int flags;
};

/* What all find: files with one and two names, directories, a hole. */
#define BASE								\
	"mkdir A; mkdir B; mkdir C; creat A/foo; write A/foo 0 3000;"	\
	"creat A/bar; write A/bar 0 5000; link A/foo B/hard; creat baz;"\
	"write baz 4200 2500; symlink A/sl 10; setx A/foo user.a 20;"	\
	"setx A/bar user.b 700;"
#define LONG "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define SEVEN "0000000000000000000000000000000000000007"
/* Twelve direct blocks, one indirect, two doubly indirect. */
#define BIG	"creat big; write big 0 20k;"
#define HUGE	"creat big; writeb big 0 300k;"
/* More pieces than an inode's root of extents holds. */
#define PIECES	"creat f; write f 0 1k; write f 2k 1k; write f 4k 1k;" \
		"write f 6k 1k; write f 8k 1k; write f 10k 1k;"

/* Single operations: the sets seq-1 and, in pairs, seq-2. */
static const struct line seq1[] = {
	{ "", "creat A/new" },
	{ "", "creat A/" LONG LONG LONG },
	{ "", "creat new" },
	{ "", "mkdir A/d" },
	{ "", "mkdir new" },
	{ "", "fifo A/p" },
	{ "", "symlink A/s 20" },
	{ "", "symlink A/s2 500" },
	{ "", "link A/foo B/l" },
	{ "", "link A/foo A/l2" },
	{ "", "link baz A/baz2" },
	{ "", "unlink A/bar" },
	{ "", "unlink A/foo" },
	{ "", "unlink B/hard" },
	{ "", "unlink A/sl" },
	{ "", "unlink baz" },
	{ "", "rmdir C" },
	{ "", "rename A/foo A/foo2" },
	{ "", "rename A/foo B/foo" },
	{ "", "rename A/foo A/bar" },
	{ "", "rename baz A/bar" },
	{ "", "rename A/bar baz" },
	{ "", "rename A/foo B/hard" },
	{ "", "rename C A/C" },
	{ "mkdir D;", "rename C D" },
	{ "", "rename A C" },
	{ "", "exchange A/foo A/bar" },
	{ "", "exchange C A/foo" },
	{ "", "exchange A B" },
	{ "", "noreplace A/foo A/q" },
	{ "", "chmod A/foo 0600" },
	{ "", "chmod A 0700" },
	{ "", "chown A/foo 3 4" },
	{ "", "utimes A/foo 5" },
	{ "", "setflags A/foo 0x40" },
	{ "", "setx A/foo user.n 10" },
	{ "", "setx A/foo user.a 30" },
	{ "", "setx A/foo user.big 900" },
	{ "", "setx A/bar user.b 650" },
	{ "", "setx C user.dir 40" },
	{ "", "rmx A/foo user.a" },
	{ "", "rmx A/bar user.b" },
	{ "", "acl A/foo" },
	{ "", "write A/foo 0 3000" },
	{ "", "write A/foo 100 7" },
	{ "", "write A/foo 61 6" },
	{ "", "write A/foo 1000 100" },
	{ "", "write A/bar 3 4001" },
	{ "", "write A/foo 2500 2000" },
	{ "", "write A/foo 10000 100" },
	{ "", "write baz 100 900" },
	{ "", "write baz 1000 5000" },
	{ "", "append A/foo 100" },
	{ "", "append A/foo 5000" },
	{ "", "trunc A/foo 0" },
	{ "", "trunc A/foo 1" },
	{ "", "trunc A/foo 1024" },
	{ "", "trunc A/foo 2999" },
	{ "", "trunc A/foo 4000" },
	{ "", "trunc A/foo 100k" },
	{ "", "trunc baz 3000" },
	{ "", "falloc A/foo 0 8k" },
	{ "", "falloc A/foo 10k 3k" },
	{ "", "keep A/foo 4k 4k" },
	{ "", "punch A/bar 1k 2k" },
	{ "", "punch A/bar 100 3000" },
	{ "", "punch A/bar 1100 100" },
	{ "", "zero A/bar 1k 2k" },
	{ "", "zero A/bar 500 8000" },
	{ "", "copy A/foo 0 A/bar 100 2000" },
	{ "", "copy A/bar 0 A/foo 3000 4000" },
	{ "", "fsync A/foo" },
	{ "", "sync" },
};

/* On states of their own, and longer ones. */
static const struct line more[] = {
	{ BIG, "trunc big 12k; trunc big 20k" },
	{ BIG, "trunc big 5k" },
	{ BIG, "trunc big 0" },
	{ BIG, "append big 2k; append big 3" },
	{ BIG, "punch big 3k 12k" },
	{ "creat big; write big 0 12k;", "append big 1" },
	{ HUGE, "trunc big 270k" },
	{ HUGE, "trunc big 100" },
	{ HUGE, "unlink big" },
	{ HUGE, "open big 0; unlink big; close 0" },
	{ "creat big; writeb big 0 268k;", "append big 1k" },
	{ PIECES, "write f 3k 1k" },
	{ PIECES, "punch f 1k 8k" },
	{ PIECES, "write f 12k 500; write f 14k 1k" },
	{ PIECES, "trunc f 4100" },
	{ PIECES "falloc f 0 30k;", "write f 20k 1k; write f 24000 100" },
	{ PIECES, "falloc f 0 30k; punch f 3k 1k" },
	{ "many C 39 12;", "creat C/a; creat C/b; creat C/c; creat C/d" },
	{ "many C 80 12;", "unlink C/000000000001; creat C/" LONG LONG },
	{ "many C 80 12;", "rename A/foo C/" LONG LONG LONG LONG },
	{ "many C 41 12;", "mkdir C/d; creat C/e; unlink C/000000000004;"
	  "creat C/f; rename C/e C/" LONG },
	{ "setx A/bar user.c 100; link A/bar B/b2;", "unlink A/bar;unlink B/b2" },
	{ "", "open A/bar 0; unlink A/bar; hwrite 0 100 3000; close 0" },
	{ "", "open A/bar 0; rename A/foo A/bar; htrunc 0 0; close 0" },
	{ "", "tmpfile A 0; hwrite 0 0 3000; hlink 0 A/t; close 0" },
	{ "", "tmpfile A 0; tmpfile A 1; close 0; close 1" },
	{ "creat fl; fill fl 3;", "?creat C/x; ?append A/foo 9k; unlink fl;"
	  "append A/foo 2k" },
	{ "creat fl; fill fl 1;", "?write baz 0 4k; ?mkdir C/x;"
	  "?setx A/foo user.z 900; ?symlink C/s 300" },
	{ "creat fl; fill fl 0;", "open fl 0; unlink fl; close 0; creat C/x;"
	  "append C/x 3k" },
	{ "", "creat C/a; write C/a 0 1500; rename C/a A/foo; fsync A/foo" },
	{ "", "write A/foo 5 1000; write A/foo 900 300; write A/foo 0 3000;"
	  "fsync A/foo" },
	{ "", "trunc A/foo 1500; trunc A/foo 3000; write A/foo 1400 50" },
	{ "", "trunc A/foo 1500; write A/foo 2500 100" },
	{ "", "unlink A/bar; creat C/n; append C/n 5000; unlink C/n;"
	  "mkdir C/n; creat C/n/x" },
	{ "", "chmod A/foo 04755; write A/foo 0 100; chmod A/foo 0644" },
	{ "", "utimes A/foo 1; utimes A/foo 2; write A/foo 0 10;"
	  "utimes A/foo 3" },
	{ "", "mkdir C/1; mkdir C/1/2; rename C/1/2 A/2; rmdir C/1;"
	  "rename A/2 C/1" },
	{ "", "creat C/1; creat C/2; creat C/3; unlink C/2; rename C/3 C/1;"
	  "umount" },
	{ "", "unlink A/bar; umount" },
	/* What was unlinked is freed together, around what is open still. */
	{ "", "unlink A/bar; unlink baz; rmdir C; unlink A/sl; sync" },
	{ "", "unlink A/foo; unlink B/hard; open A/bar 0; unlink A/bar;"
	  "unlink baz; sync; creat C/x; append C/x 5000; close 0; sync" },
	{ "", "creat C/x; remount; unlink C/x; remount" },
	{ "", "open A/bar 0; unlink A/bar; open baz 1; unlink baz; umount" },
	{ "", "quiet; creat C/x; quiet; append C/x 3000; quiet; quiet;"
	  "rename C/x A/foo; quiet; unlink A/foo; quiet" },
	{ "", "quiet; chmod A/foo 0600; chmod A/foo 0644; quiet; umount" },
	{ "", "open A/bar 0; unlink A/bar; quiet; mkdir C/n; quiet; remount;"
	  "quiet; rmdir C/n" },
	{ "", "mount; creat C/x; umount", RUN_NOMOUNT },
	{ "", "mount; umount", RUN_NOMOUNT | RUN_FRESH },
	{ "", "mount; mkdir A; creat A/x; append A/x 2000; umount; mount;"
	  "unlink A/x", RUN_NOMOUNT | RUN_FRESH },
	{ "creat f; write f 0 6000;", "open f 0; write f 0 6000; fsync f",
	  RUN_FSYNC },
	{ "creat f; write f 0 6000;", "open f 0; write f 100 50; write f 3 1000;"
	  "fsync f; write f 1000 2000; sync", RUN_FSYNC },
	{ "creat f; write f 0 6000;", "open f 0; write f 100 100; write f 64 900;"
	  "fsync f; write f 64 64; fsync f", RUN_FSYNC },
	{ "creat f; write f 0 6000;", "open f 0; write f 100 50; write f 320 640;"
	  "fsync f", RUN_FSYNC },
	{ "many C 90 40;", "creat C/x", RUN_INDEX },
	{ "many C 90 40;", "unlink C/" SEVEN "; mkdir C/y", RUN_INDEX },
	{ "many C 90 40;", "rename C/" SEVEN " C/" LONG, RUN_INDEX },
	{ "", "open A/foo 0; falloc A/foo 8k 4k; keep A/foo 16k 4k;"
	  "append A/foo 100; trunc A/foo 500; close 0" },
	{ "", "rescue A/bar 1k 1k" },
	{ "creat big; write big 0 20k;", "rescue big 13k 1k; rescue big 2k 1k" },
	{ "litter A/foo;", "trunc A/foo 4000" },
	{ "litter A/foo;", "append A/foo 10" },
	{ "litter A/foo;", "write A/foo 5000 100" },
	{ "litter A/foo;", "falloc A/foo 3k 3k" },
	{ "litter A/foo;", "falloc A/foo 0 3070" },
	{ "litter A/foo;", "copy A/bar 0 A/foo 4000 500" },
	{ "", "chmod A/foo 0600", RUN_UNDONE },
	{ "", "rename A/foo C/foo", RUN_UNDONE },
	{ "", "creat C/x; umount", RUN_TUNED },
	{ "", "unlink A/bar; umount", RUN_TUNED },
	{ "creat f; write f 0 6000;", "open f 0; append f 100; append f 3000; fsync f;"
	  "trunc f 200; fsync f", RUN_FSYNC },
};

#define HOLES	"creat h; write h 0 1k; write h 2k 1k; write h 4k 3k;"	\
		"write h 11k 3k; write h 16k 2k; write h 272k 1k;"	\
		"write h 274k 3k; write h 540k 1k;"

/* Steps that are transactions of their own. */
static const struct line cuts[] = {
	{ HOLES, "trunc h 0" },
	{ HOLES, "trunc h 1500; append h 3000" },
	{ HOLES, "trunc h 273k; trunc h 12k" },
	{ HOLES, "punch h 0 600k" },
	{ HOLES, "punch h 1k 274k" },
	{ HOLES, "unlink h; sync" },
	{ HOLES, "open h 0; unlink h; close 0; sync; creat C/x; append C/x 9k" },
	{ HOLES, "rename A/foo h; unlink A/bar; sync" },
	{ PIECES, "trunc f 2k" },
	{ PIECES, "punch f 0 40k" },
	{ PIECES "falloc f 0 30k;", "trunc f 0" },
	{ PIECES, "zero f 1k 20k; unlink f; sync" },
	{ "setx A/foo user.big 900;", "unlink A/foo; unlink B/hard; sync" },
};

#define LANES	"mkdir T0; mkdir T1; mkdir T2; creat T2/f; creat T0/f;"	\
		"write T0/f 0 3000;"

/* Two commit in turn, a third fills data. */
static const struct line threads[] = {
	{ LANES, "creat T0/a; write T0/f 0 2000; rename T0/a T0/b; unlink T0/b|"
	  "mkdir T1/d; creat T1/d/x; unlink T1/d/x; rmdir T1/d|"
	  "append T2/f 3000; append T2/f 5000; write T2/f 100 4000" },
	{ LANES, "append T0/f 4000; trunc T0/f 100; append T0/f 4000|"
	  "creat T1/a; append T1/a 4000; unlink T1/a; creat T1/b|"
	  "append T2/f 9000; trunc T2/f 0; append T2/f 9000" },
	{ LANES, "setx T0/f user.a 500; setx T0/f user.b 300; rmx T0/f user.a|"
	  "mkdir T1/d; chmod T1/d 0700; rename T1/d T1/e; rmdir T1/e|"
	  "write T2/f 0 9000; punch T2/f 1k 5k; write T2/f 2000 3000" },
};

struct list {
	struct run_workload *w;
	unsigned int n, cap;
	bool full;
};

static char *format(const char *fmt, const char *a, const char *b)
{
	char *s;
	int n = asprintf(&s, fmt, a, b);

	must(n >= 0);
	return s;
}

static void add(struct list *l, const char *name, const char *setup,
		const char *script, unsigned int flags)
{
	for (unsigned int k = 0; k < run_nimages; k++) {
		struct run_workload *w;

		if ((flags & RUN_FULL) && !l->full)
			return;
		/* One kind of filesystem is enough for the quick set. */
		if ((flags & RUN_PIECES) && !l->full && k + 1 < run_nimages)
			continue;
		if (l->n == l->cap) {
			l->cap = l->cap ? 2 * l->cap : 256;
			l->w = realloc(l->w, l->cap * sizeof(*l->w));
			must(l->w != NULL);
		}
		w = &l->w[l->n++];
		w->name = strdup(name);
		w->setup = format(BASE "%s%s", setup, "");
		w->script = strdup(script);
		w->image = k;
		w->flags = flags;
	}
}

static void add_threads(struct list *l)
{
	for (size_t i = 0; i < DXF_ARRAY_SIZE(threads); i++) {
		char name[32];

		snprintf(name, sizeof(name), "threads %zu", i);
		add(l, name, threads[i].setup, threads[i].script, RUN_THREADS);
	}
}

static void add_lines(struct list *l, const char *set, const struct line *t,
		      size_t n, unsigned int flags)
{
	for (size_t i = 0; i < n; i++) {
		char name[96];

		snprintf(name, sizeof(name), "%s %.48s", set, t[i].script);
		add(l, name, t[i].setup, t[i].script, t[i].flags | flags);
	}
}

/* The second may fail for what the first did. */
static void add_pairs(struct list *l)
{
	for (size_t i = 0; i < DXF_ARRAY_SIZE(seq1); i++) {
		for (size_t j = 0; j < DXF_ARRAY_SIZE(seq1); j++) {
			char *s = format("%s; ?%s", seq1[i].script,
					 seq1[j].script);

			add(l, "seq2", seq1[i].setup, s, RUN_LAST);
			free(s);
		}
	}
}

static void add_random(struct list *l, uint64_t seed, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		char script[4096] = "", name[64];
		size_t at = 0;

		for (int k = 0; k < 12; k++) {
			uint64_t r = states_random(&seed) %
				     DXF_ARRAY_SIZE(seq1);

			at += (size_t)snprintf(script + at,
					       sizeof(script) - at, "?%s; ",
					       seq1[r].script);
		}
		snprintf(name, sizeof(name), "random %u", i);
		add(l, name, "", script, 0);
	}
}

struct run_workload *workloads_make(unsigned int sets, bool full,
				    uint64_t seed, unsigned int nrandom,
				    unsigned int *n)
{
	struct list l = { .full = full };

	if (sets & WORKLOADS_MORE)
		add_lines(&l, "more", more, DXF_ARRAY_SIZE(more), 0);
	if (sets & WORKLOADS_MORE)
		add_lines(&l, "cut", cuts, DXF_ARRAY_SIZE(cuts), RUN_CUT);
	if (sets & WORKLOADS_MORE)
		add_lines(&l, "pieces", seq1, DXF_ARRAY_SIZE(seq1),
			  RUN_PIECES);
	if (sets & WORKLOADS_MORE)
		add_threads(&l);
	if (sets & WORKLOADS_SEQ1)
		add_lines(&l, "seq1", seq1, DXF_ARRAY_SIZE(seq1), 0);
	if (sets & WORKLOADS_RANDOM)
		add_random(&l, seed, nrandom);
	if (sets & WORKLOADS_SEQ2)
		add_pairs(&l);
	*n = l.n;
	return l.w;
}
