/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mutate.h"

#include <stddef.h>

enum dxf_mutation dxf_mutate_site;

void dxf_mutate_arm(enum dxf_mutation site)
{
	dxf_mutate_site = site;
}

const char *dxf_mutate_name(enum dxf_mutation site)
{
	static const char *const names[] = {
#define X(name) [DXF_MUT_##name] = #name,
		DXF_MUTATIONS(X)
#undef X
	};

	return site > DXF_MUT_NONE && site < DXF_NMUTATIONS ? names[site] :
		NULL;
}
