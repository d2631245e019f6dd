// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libfuzzer.c - the target of libFuzzer: an input is a base, mount options, and
 * a script of changes to the base's bytes.
 *
 * Built with -Dfuzz=true by clang; see HACKING.md.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "mutate.h"
#include "persist.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint8_t *bytes;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint64_t largest = 0;

	fuzz_be_quiet();
	for (unsigned int i = 0; i < fuzz_nbases(); i++)
		largest = DXF_MAX(largest, fuzz_base(i)->size);
	bytes = malloc(largest);
	dxf_mutate_arm(DXF_MUT_EXT2_CSUM);
	return bytes == NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct fuzz_base *b;
	struct dxf_region *r;
	struct fuzz_visit how = { 0 };

	if (len < 4)
		return -1;
	b = fuzz_base(data[0] % fuzz_nbases());
	how.ro = (data[1] & 3) == 3;
	how.force = data[1] & 4;
	how.continues = data[1] & 8;
	how.nolog = data[1] & 16;
	how.rng.state = data[2];
	if (dxf_region_open_anon(&r, b->size, true) != 0)
		abort();
	memcpy(bytes, b->bytes, b->size);
	fuzz_damage_script(b, data + 3, len - 3, bytes);
	if (dxf_persist_copy(r, 0, bytes, b->size, 0) != 0)
		abort();
	fuzz_visit(r, &how);
	dxf_region_close(r);
	return 0;
}
