/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.h - what the process is to the rest of the system.
 */
#ifndef DXF_PROCESS_H
#define DXF_PROCESS_H

#include <stdbool.h>

/*
 * Before threads are started, who inherit it: be called daxfuse whatever the
 * program's link is called; as root not be chosen when memory runs out; have
 * memory allocated without waiting for I/O that we would have to do; leave no
 * core, unless @debug.  What is not allowed is left out in silence: nothing of
 * it is needed to work.
 */
void dxf_process_settle(bool debug);

#endif
