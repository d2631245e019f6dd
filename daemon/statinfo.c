/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * statinfo.c - the figures of a mounted filesystem.
 *
 * Must not know who asks.  Nothing that it gathers names a file.
 */
#include "statinfo.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "count.h"
#include "dirty.h"
#include "log.h"
#include "opstat.h"
#include "persist.h"
#include "transport.h"

static void set_text(char *to, size_t room, const char *text)
{
	snprintf(to, room, "%s", text);
	assert(to[room - 1] == '\0');
}

static const char *dax_word(enum dxf_dax_mode dax)
{
	return dax == DXF_DAX_ALWAYS ? "always" :
	       dax == DXF_DAX_NEVER ? "never" : "inode";
}

static void get_session(const struct dxf_session *s, struct dxf_stat *st)
{
	st->version = DXF_STAT_VERSION;
	st->nops = DXF_OPSTAT_OPS;
	set_text(st->program, sizeof(st->program), DXF_VERSION);
	set_text(st->transport, sizeof(st->transport),
		 dxf_transport_describe(s));
	set_text(st->durability, sizeof(st->durability),
		 s->opt->fs.durability == DXF_DURABILITY_FSYNC ? "fsync" :
		 "write");
	set_text(st->dax, sizeof(st->dax), dax_word(s->opt->dax));
	st->uptime_ns = dxf_opstat_now() - s->started_ns;
	st->workers = s->nworkers;
	st->ro = s->ro;
	st->copied_reads = s->copy_reads;
	st->proto_major = s->proto_major;
	st->proto_minor = s->proto_minor;
	st->caps = s->caps;
	st->init_flags = s->init_flags;
}

static void get_media(const struct dxf_session *s, struct dxf_stat *st)
{
	struct dxf_persist_stats p;

	set_text(st->media, sizeof(st->media),
		 dxf_region_describe(s->region));
	st->size = dxf_region_size(s->region);
	dxf_persist_get_stats(s->region, &p);
	st->stored = p.bytes_stored;
	st->stored_nt = p.bytes_nt;
	st->lines_flushed = p.lines_flushed;
	st->fences = p.calls[DXF_PERSIST_OP_FENCE];
	st->msyncs = p.calls[DXF_PERSIST_OP_MSYNC];
	st->bad_ranges = dxf_region_count_bad(s->region, &st->bad_bytes);
}

static void get_counts(struct dxf_stat *st)
{
	uint64_t n[DXF_COUNT_N];

	dxf_count_sum(n);
	st->loaded = n[DXF_COUNT_LOADED];
	st->lent = n[DXF_COUNT_LENT];
	st->faults = n[DXF_COUNT_FAULT];
	/* one may be counted before the other: never below nothing */
	if (n[DXF_COUNT_DIRTIED] > n[DXF_COUNT_CLEANED])
		st->dirty = (n[DXF_COUNT_DIRTIED] - n[DXF_COUNT_CLEANED]) *
			    DXF_DIRTY_SMALL;
	st->commits = n[DXF_COUNT_COMMIT];
	st->aborts = n[DXF_COUNT_ABORT];
	st->log_slots = n[DXF_COUNT_LOG_SLOT];
	st->log_bytes = n[DXF_COUNT_LOG_BYTES];
	st->run_hits = n[DXF_COUNT_RUN_HIT];
	st->run_misses = n[DXF_COUNT_RUN_MISS];
	st->inode_hits = n[DXF_COUNT_INODE_HIT];
	st->inode_misses = n[DXF_COUNT_INODE_MISS];
}

static void get_fs(const struct dxf_session *s, struct dxf_stat *st)
{
	struct dxf_fs_stats f;

	dxf_fs_get_stats(s->fs, &f);
	st->inodes_cached = f.inodes_cached;
	st->inodes_open = f.inodes_open;
	st->zombies = f.zombies;
	st->log_size = f.log_size;
	st->log_capacity = f.log_capacity;
	if (f.stopped)
		st->ro = 2;
}

void dxf_statinfo_get(const struct dxf_session *s, struct dxf_stat *st)
{
	memset(st, 0, sizeof(*st));
	get_session(s, st);
	get_media(s, st);
	get_counts(st);
	get_fs(s, st);
}

static void log_op(const struct dxf_stat_op *op)
{
	if (op->count == 0)
		return;
	assert(op->name[0] != '\0' && op->errors <= op->count);
	dxf_log_info("stat: %s: %" PRIu64 " times, %" PRIu64 " errors, %" PRIu64
		     " bytes, mean %" PRIu64 " ns, p50 %" PRIu64 ", p99 %"
		     PRIu64 ", max %" PRIu64, op->name, op->count, op->errors,
		     op->bytes, op->sum_ns / op->count,
		     dxf_hist_quantile(op->hist, op->count, op->max_ns, 500),
		     dxf_hist_quantile(op->hist, op->count, op->max_ns, 990),
		     op->max_ns);
}

void dxf_statinfo_log(const struct dxf_session *s)
{
	struct dxf_stat_op op = { .opcode = 0 };
	struct dxf_stat st;
	uint32_t i;

	dxf_statinfo_get(s, &st);
	dxf_log_info("stat: %" PRIu64 " s, %s%s, loaded %" PRIu64 ", lent %"
		     PRIu64 ", stored %" PRIu64 " (%" PRIu64
		     " non-temporal), %" PRIu64 " lines flushed, %" PRIu64
		     " fences, %" PRIu64 " msyncs, dirty %" PRIu64,
		     st.uptime_ns / 1000000000, st.media,
		     st.ro == 2 ? ", read-only after an error" :
		     st.ro ? ", read-only" : "", st.loaded, st.lent, st.stored,
		     st.stored_nt, st.lines_flushed, st.fences, st.msyncs,
		     st.dirty);
	dxf_log_info("stat: %" PRIu64 " transactions, %" PRIu64 " aborted, %"
		     PRIu64 " bytes in %" PRIu64 " slots, %" PRIu64
		     " inodes cached, %" PRIu64 " open, %" PRIu64
		     " bad ranges (%" PRIu64 " bytes), %" PRIu64
		     " media errors met", st.commits, st.aborts, st.log_bytes,
		     st.log_slots, st.inodes_cached, st.inodes_open,
		     st.bad_ranges, st.bad_bytes, st.faults);
	for (i = 0; i < st.nops; i++) {
		op.opcode = i;
		dxf_opstat_get(&op);
		log_op(&op);
	}
}
