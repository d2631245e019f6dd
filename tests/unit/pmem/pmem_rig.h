/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pmem_rig.h - what the tests of lib/pmem share: scratch directories, images,
 * a captured log, and skipping with a reason.
 */
#ifndef DXF_PMEM_RIG_H
#define DXF_PMEM_RIG_H

#include <check.h>

#include "load.h"
#include "persist.h"
#include "region.h"

#define RIG_SIZE	(1 * DXF_MIB)

/* A directory of this test's own: in memory (tmpfs) and on disk. */
extern char rig_shm[64], rig_disk[64];

/* Fixture: make and remove the directories, capture the log. */
void rig_setup(void);
void rig_teardown(void);

/* The last message logged, "" for none, and how many there were. */
extern char rig_log[1024];
extern int rig_nlog;

/* Is rig_shm really a tmpfs? */
bool rig_has_tmpfs(void);

/* A file of @size bytes in @dir: a hole, or with @fill all allocated. */
const char *rig_image(const char *dir, uint64_t size, bool fill);
/* A file under @dir with that content; directories on the way are made. */
void rig_write(const char *dir, const char *name, const char *content);
/* Likewise a symbolic link. */
void rig_link(const char *dir, const char *name, const char *target);

/* Open what must open.  @granularity other than AUTO, for page media. */
struct dxf_region *rig_open(const char *path, bool ro,
			    enum dxf_granularity granularity);
struct dxf_region *rig_anon(uint64_t size, bool guard);

/*
 * Does a cache flush fault where there is no memory, as CPUs do?  Emulators
 * may do nothing at all.
 */
bool rig_flush_faults(void);

/* Different bytes, none zero. */
void rig_pattern(void *buf, size_t len, unsigned int seed);

/* Run all of @suite.  Returns: main's exit status. */
int rig_run(Suite *suite);
/* For programs that need what is not there: status 77. */
int rig_skip(const char *reason);

#endif
