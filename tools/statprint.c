/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * statprint.c - the figures of daxfuse-stat as a table and as JSON.
 *
 * Owns the names of the figures: both forms and the subtraction come from one
 * table.
 */
#include "statprint.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum unit { BYTES, COUNT };

/* In the order of printing; a group begins where .group is set. */
static const struct figure {
	const char *group;
	const char *name;
	size_t at;		/* a uint64_t in struct dxf_stat */
	enum unit unit;
	bool state;		/* describes now: not subtracted */
} figures[] = {
#define AT(m)	offsetof(struct dxf_stat, m)
	{ "media", "size", AT(size), BYTES, true },
	{ NULL, "loaded", AT(loaded), BYTES, false },
	{ NULL, "lent_to_kernel", AT(lent), BYTES, false },
	{ NULL, "stored", AT(stored), BYTES, false },
	{ NULL, "stored_nontemporal", AT(stored_nt), BYTES, false },
	{ NULL, "lines_flushed", AT(lines_flushed), COUNT, false },
	{ NULL, "fences", AT(fences), COUNT, false },
	{ NULL, "msyncs", AT(msyncs), COUNT, false },
	{ NULL, "dirty", AT(dirty), BYTES, true },
	{ NULL, "bad_ranges", AT(bad_ranges), COUNT, true },
	{ NULL, "bad_bytes", AT(bad_bytes), BYTES, true },
	{ NULL, "media_errors_met", AT(faults), COUNT, false },
	{ "transactions", "commits", AT(commits), COUNT, false },
	{ NULL, "aborts", AT(aborts), COUNT, false },
	{ NULL, "log_size", AT(log_size), BYTES, true },
	{ NULL, "log_capacity", AT(log_capacity), BYTES, true },
	{ NULL, "log_slots", AT(log_slots), COUNT, false },
	{ NULL, "log_bytes", AT(log_bytes), BYTES, false },
	{ "caches", "inodes_cached", AT(inodes_cached), COUNT, true },
	{ NULL, "inodes_open", AT(inodes_open), COUNT, true },
	{ NULL, "unlinked_open", AT(zombies), COUNT, true },
	{ NULL, "inode_hits", AT(inode_hits), COUNT, false },
	{ NULL, "inode_misses", AT(inode_misses), COUNT, false },
	{ NULL, "block_run_hits", AT(run_hits), COUNT, false },
	{ NULL, "block_run_misses", AT(run_misses), COUNT, false },
#undef AT
};

#define NFIGURES	(sizeof(figures) / sizeof(figures[0]))

static uint64_t *figure_of(const struct dxf_stat *st, const struct figure *f)
{
	assert(f->at % sizeof(uint64_t) == 0 && f->at < sizeof(*st));
	return (uint64_t *)((char *)st + f->at);
}

/* ---- differences ---- */

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static void subtract_op(const struct dxf_stat_op *now,
			const struct dxf_stat_op *old, struct dxf_stat_op *d)
{
	unsigned int i, last = 0;

	*d = *now;
	d->count = minus(now->count, old->count);
	d->errors = minus(now->errors, old->errors);
	d->bytes = minus(now->bytes, old->bytes);
	d->sum_ns = minus(now->sum_ns, old->sum_ns);
	for (i = 0; i < DXF_HIST_N; i++) {
		d->hist[i] = minus(now->hist[i], old->hist[i]);
		if (d->hist[i] > 0)
			last = i;
	}
	if (now->max_ns == old->max_ns && dxf_hist_bound(last) < d->max_ns)
		d->max_ns = dxf_hist_bound(last);
}

void snapshot_subtract(const struct snapshot *now, const struct snapshot *old,
		       struct snapshot *diff)
{
	const struct figure *f;
	uint32_t i;

	*diff = *now;
	for (f = figures; f < figures + NFIGURES; f++)
		if (!f->state)
			*figure_of(&diff->general, f) =
				minus(*figure_of(&now->general, f),
				      *figure_of(&old->general, f));
	diff->general.uptime_ns = minus(now->general.uptime_ns,
					old->general.uptime_ns);
	for (i = 0; i < now->nops; i++)
		subtract_op(&now->op[i], &old->op[i], &diff->op[i]);
}

/* ---- what both forms say in words ---- */

/* Bits that have a name; others are printed as a number. */
static const struct bit {
	uint64_t bit;
	const char *name;
} cap_bits[] = {
	/* libfuse's FUSE_CAP_* */
	{ 1u << 0, "async_read" },
	{ 1u << 3, "atomic_o_trunc" },
	{ 1u << 4, "export_support" },
	{ 1u << 6, "dont_mask" },
	{ 1u << 11, "ioctl_dir" },
	{ 1u << 13, "readdirplus" },
	{ 1u << 14, "readdirplus_auto" },
	{ 1u << 15, "async_dio" },
	{ 1u << 16, "writeback_cache" },
	{ 1u << 18, "parallel_dirops" },
	{ 1u << 19, "posix_acl" },
	{ 1u << 23, "cache_symlinks" },
	{ 1u << 25, "explicit_inval_data" },
	{ 0, NULL },
}, init_bits[] = {
	/* the kernel's FUSE_INIT flags that the daemon asks for itself */
	{ UINT64_C(1) << 28, "handle_killpriv_v2" },
	{ UINT64_C(1) << 29, "setxattr_ext" },
	{ UINT64_C(1) << 41, "over_io_uring" },
	{ UINT64_C(1) << 36, "direct_io_mmap" },
	{ 0, NULL },
};

#define NAMES_MAX	40

struct names {
	const char *name[NAMES_MAX];
	unsigned int n;
	char other[2][32];	/* bits without a name */
};

static void add_names(struct names *n, uint64_t bits, const struct bit *table,
		      char other[32])
{
	for (; table->name != NULL; table++) {
		if (bits & table->bit)
			n->name[n->n++] = table->name;
		bits &= ~table->bit;
	}
	if (bits) {
		snprintf(other, 32, "%#" PRIx64, bits);
		n->name[n->n++] = other;
	}
	assert(n->n <= NAMES_MAX);
}

static void capability_names(const struct dxf_stat *st, struct names *n)
{
	n->n = 0;
	add_names(n, st->caps, cap_bits, n->other[0]);
	add_names(n, st->init_flags, init_bits, n->other[1]);
}

static const char *access_word(const struct dxf_stat *st)
{
	return st->ro == 2 ? "ro after an error" : st->ro ? "ro" : "rw";
}

static uint64_t mean(const struct dxf_stat_op *op)
{
	return op->count ? op->sum_ns / op->count : 0;
}

static uint64_t quantile(const struct dxf_stat_op *op, unsigned int per_mille)
{
	return dxf_hist_quantile(op->hist, op->count, op->max_ns, per_mille);
}

/* ---- the table ---- */

static const char *scaled(char buf[16], double v, const char *const *units,
			  double step)
{
	unsigned int i = 0;

	while (v >= step && units[i + 1] != NULL) {
		v /= step;
		i++;
	}
	snprintf(buf, 16, i == 0 ? "%.0f%s" : v < 10 ? "%.2f%s" :
		 v < 100 ? "%.1f%s" : "%.0f%s", v, units[i]);
	return buf;
}

static const char *time_text(char buf[16], uint64_t ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s", NULL };

	return scaled(buf, (double)ns, units, 1000);
}

static const char *byte_text(char buf[16], uint64_t n)
{
	static const char *const units[] = { "", "K", "M", "G", "T", NULL };

	return scaled(buf, (double)n, units, 1024);
}

static void table_head(const struct dxf_stat *st, FILE *to)
{
	struct names caps;
	unsigned int i;

	capability_names(st, &caps);
	fprintf(to, "daxfuse %s, %.1f s, %s, %s, dax=%s, durability=%s%s\n",
		st->program, (double)st->uptime_ns / 1e9, st->media,
		access_word(st), st->dax, st->durability,
		st->copied_reads ? ", mcsafe" : "");
	fprintf(to, "transport %s, %u workers, FUSE %u.%u\ncapabilities",
		st->transport, st->workers, st->proto_major, st->proto_minor);
	for (i = 0; i < caps.n; i++)
		fprintf(to, " %s", caps.name[i]);
	fprintf(to, "\n\n");
}

static void table_op(const struct dxf_stat_op *op, FILE *to)
{
	char b[16], m[16], p50[16], p90[16], p99[16], max[16];

	fprintf(to, "%-16s %10" PRIu64 " %8" PRIu64
		" %8s %8s %8s %8s %8s %8s\n", op->name, op->count, op->errors,
		op->bytes ? byte_text(b, op->bytes) : "-",
		time_text(m, mean(op)), time_text(p50, quantile(op, 500)),
		time_text(p90, quantile(op, 900)),
		time_text(p99, quantile(op, 990)), time_text(max, op->max_ns));
}

static void table_figures(const struct dxf_stat *st, FILE *to)
{
	const struct figure *f;
	char b[16];

	for (f = figures; f < figures + NFIGURES; f++) {
		uint64_t v = *figure_of(st, f);

		if (f->group != NULL)
			fprintf(to, "\n%s\n", f->group);
		if (f->unit == BYTES)
			fprintf(to, "  %-20s %15" PRIu64 "  %s\n", f->name, v,
				byte_text(b, v));
		else
			fprintf(to, "  %-20s %15" PRIu64 "\n", f->name, v);
	}
}

void print_table(const struct snapshot *s, FILE *to)
{
	uint32_t i;

	table_head(&s->general, to);
	fprintf(to, "%-16s %10s %8s %8s %8s %8s %8s %8s %8s\n", "operation",
		"count", "errors", "bytes", "mean", "p50", "p90", "p99", "max");
	for (i = 0; i < s->nops; i++)
		if (s->op[i].count > 0)
			table_op(&s->op[i], to);
	table_figures(&s->general, to);
	fprintf(to, "\n");
}

/* ---- JSON ---- */

/* Words of ours and of the kernel; quotes and controls are not in them. */
static void json_string(FILE *to, const char *text)
{
	putc('"', to);
	for (; *text != '\0'; text++)
		if (*text != '"' && *text != '\\' &&
		    (unsigned char)*text >= ' ')
			putc(*text, to);
	putc('"', to);
}

static void json_capabilities(const struct dxf_stat *st, FILE *to)
{
	struct names caps;
	unsigned int i;

	capability_names(st, &caps);
	fprintf(to, "\"capabilities\":[");
	for (i = 0; i < caps.n; i++) {
		if (i > 0)
			putc(',', to);
		json_string(to, caps.name[i]);
	}
	putc(']', to);
}

static void json_head(const struct dxf_stat *st, FILE *to)
{
	fprintf(to, "{\"version\":%u,\"program\":", st->version);
	json_string(to, st->program);
	fprintf(to, ",\"seconds\":%.3f,\"access\":",
		(double)st->uptime_ns / 1e9);
	json_string(to, access_word(st));
	fprintf(to, ",\"medium\":");
	json_string(to, st->media);
	fprintf(to, ",\"dax\":");
	json_string(to, st->dax);
	fprintf(to, ",\"durability\":");
	json_string(to, st->durability);
	fprintf(to, ",\"mcsafe\":%s,\"transport\":",
		st->copied_reads ? "true" : "false");
	json_string(to, st->transport);
	fprintf(to, ",\"workers\":%u,\"fuse\":\"%u.%u\",", st->workers,
		st->proto_major, st->proto_minor);
	json_capabilities(st, to);
}

static void json_figures(const struct dxf_stat *st, FILE *to)
{
	const struct figure *f;
	bool first = true;

	for (f = figures; f < figures + NFIGURES; f++) {
		if (f->group != NULL) {
			fprintf(to, "%s,\"%s\":{", f == figures ? "" : "}",
				f->group);
			first = true;
		}
		fprintf(to, "%s\"%s\":%" PRIu64, first ? "" : ",", f->name,
			*figure_of(st, f));
		first = false;
	}
	putc('}', to);
}

/* [bound in ns, count] of each bucket that has something. */
static void json_hist(const struct dxf_stat_op *op, FILE *to)
{
	bool first = true;
	unsigned int i;

	fprintf(to, "\"histogram\":[");
	for (i = 0; i < DXF_HIST_N; i++) {
		if (op->hist[i] == 0)
			continue;
		fprintf(to, "%s[%" PRIu64 ",%" PRIu64 "]", first ? "" : ",",
			dxf_hist_bound(i), op->hist[i]);
		first = false;
	}
	putc(']', to);
}

static void json_op(const struct dxf_stat_op *op, FILE *to)
{
	json_string(to, op->name);
	fprintf(to, ":{\"count\":%" PRIu64 ",\"errors\":%" PRIu64
		",\"bytes\":%" PRIu64 ",\"mean_ns\":%" PRIu64 ",\"p50_ns\":%"
		PRIu64 ",\"p90_ns\":%" PRIu64 ",\"p99_ns\":%" PRIu64
		",\"max_ns\":%" PRIu64 ",", op->count, op->errors, op->bytes,
		mean(op), quantile(op, 500), quantile(op, 900),
		quantile(op, 990), op->max_ns);
	json_hist(op, to);
	putc('}', to);
}

void print_json(const struct snapshot *s, FILE *to)
{
	bool first = true;
	uint32_t i;

	json_head(&s->general, to);
	json_figures(&s->general, to);
	fprintf(to, ",\"operations\":{");
	for (i = 0; i < s->nops; i++) {
		if (s->op[i].count == 0)
			continue;
		if (!first)
			putc(',', to);
		json_op(&s->op[i], to);
		first = false;
	}
	fprintf(to, "}}\n");
}
