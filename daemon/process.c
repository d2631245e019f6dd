/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.c - what the process is to the rest of the system.
 *
 * Must not know anything of the filesystem.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER	57
#endif

/* A filesystem whose daemon was killed is an I/O error for all its users. */
static void resist_oom(void)
{
	static const char never[] = "-1000";
	DXF_CLEANUP_CLOSE int fd = open("/proc/self/oom_score_adj",
					O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, never, strlen(never)) < 0)
		dxf_log_debug("oom_score_adj: %s", strerror(errno));
}

/*
 * An allocation of ours must not wait for the writing of dirty pages: they may
 * be those of our own mount, which nobody but we can write.
 */
static void avoid_io_in_reclaim(void)
{
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) != 0)
		dxf_log_debug("PR_SET_IO_FLUSHER: %s", strerror(errno));
}

/* It would hold what is in the files. */
static void leave_no_core(void)
{
	static const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		dxf_log_debug("RLIMIT_CORE: %s", strerror(errno));
}

void dxf_process_settle(bool debug)
{
	prctl(PR_SET_NAME, "daxfuse", 0, 0, 0);
	if (geteuid() == 0)
		resist_oom();
	avoid_io_in_reclaim();
	if (!debug)
		leave_no_core();
}
