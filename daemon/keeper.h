/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keeper.h - the small process that keeps what the daemon gives up.
 *
 * A confined daemon cannot unmount (CAP_SYS_ADMIN, or the setuid fusermount3)
 * and cannot ask /proc for the groups of a caller.  The keeper can: it is
 * forked before anything is opened, holds nothing of the filesystem, and does
 * five things on request: unmount the one mount that it was told of, detach
 * it, write its dirty pages, say whether a process is in a group, and open the
 * file of /proc that says on which CPU a thread is.
 *
 * It ends when the daemon's end of its sockets is closed, so also when the
 * daemon is killed; with `auto_unmount` it then detaches a mount that nobody
 * serves.  Signals do not end it.  Root's keeper is confined (confine.h) to
 * CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH; a user's has no capability, and must
 * be able to start fusermount3.
 */
#ifndef DXF_KEEPER_H
#define DXF_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct dxf_keeper;

/*
 * Fork it, while there is one thread and nothing is open.
 * Ownership: dxf_keeper_stop() ends *@out.
 * Returns: 0; -errno of socketpair or fork; -ENOMEM.
 */
int dxf_keeper_start(struct dxf_keeper **out);
/* Let it end, and wait for it.  NULL is allowed. */
void dxf_keeper_stop(struct dxf_keeper *k);

/* Confine it, unless it has to start fusermount3. */
void dxf_keeper_confine(struct dxf_keeper *k);

/*
 * The mount to care for: @path, absolute and shorter than PATH_MAX, and its
 * mount id.  @auto_unmount: detach it should the daemon die.
 * Returns: 0; -EPIPE the keeper is gone.
 */
int dxf_keeper_watch(struct dxf_keeper *k, const char *path, uint64_t mount_id,
		     bool auto_unmount);

/*
 * Unmount it.
 * Returns: 0; -EBUSY files are open in it; -ESTALE: another mount, or none, is
 * seen at its path; -EPIPE the keeper is gone; -errno of umount2.
 */
int dxf_keeper_umount(struct dxf_keeper *k);
/* The same, lazily: open files live on. */
int dxf_keeper_detach(struct dxf_keeper *k);
/* Write what shared mappings of its files left dirty.  0, -errno. */
int dxf_keeper_sync(struct dxf_keeper *k);

/*
 * Is @gid a supplementary group of process @pid?  No answer (another pid
 * namespace, the process is gone) counts as no.  Any thread may ask, also while
 * one of the above runs.
 */
bool dxf_keeper_in_group(struct dxf_keeper *k, pid_t pid, gid_t gid);

/* The stat file of a thread, whatever its process. */
#define DXF_KEEPER_STAT	"/proc/%d/task/%d/stat"
/*
 * Open it for thread @tid.  Any thread may ask.
 * Returns: a descriptor of the caller's own; -ESRCH: no answer; -EPIPE.
 */
int dxf_keeper_open_stat(struct dxf_keeper *k, pid_t tid);

#endif
