/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountinfo.h - what is mounted where, as this process sees it.
 */
#ifndef DXF_MOUNTINFO_H
#define DXF_MOUNTINFO_H

#include <stdbool.h>

/*
 * The source of what was mounted last on @target, an absolute name.
 * Ownership: released with free(3).
 * Returns: NULL: nothing is mounted there.
 */
char *dxf_mountinfo_source(const char *target);

/* Is @source mounted anywhere? */
bool dxf_mountinfo_is_mounted(const char *source);

#endif
