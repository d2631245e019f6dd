/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * everythread.h - run a function in every thread of the process.
 *
 * Some things the kernel keeps per thread (capabilities) are meant for the
 * process.  A signal of ours, which threads that block all others leave
 * unblocked, carries the call to each of them.
 */
#ifndef DXF_EVERYTHREAD_H
#define DXF_EVERYTHREAD_H

/* The signal, for threads that block signals: this one not. */
int dxf_everythread_signal(void);

/*
 * Call @fn in every thread, the caller's last - it runs in a signal handler,
 * returns 0 or -errno.  Threads that are made meanwhile inherit from one that
 * it was called in, or are called too.
 * Locks: none may be needed by @fn; one caller at a time.
 * Returns: 0; -errno of /proc/self/task; -ETIMEDOUT a thread did not answer
 * for seconds; the first error of @fn.
 */
int dxf_everythread_run(int (*fn)(void));

#endif
