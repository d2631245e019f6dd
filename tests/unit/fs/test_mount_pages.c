/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounting on page media: what the mount promises has reached the host's file
 * when it returns.
 */
#include "file_model.h"

#include "ext2_priv.h"
#include "load.h"
#include "persist.h"

static struct fsx x;
static bool super_waits;	/* stored, and not written back since */

static void watch(void *ctx, const struct dxf_persist_event *ev)
{
	bool super = ev->off < 2048 && ev->off + ev->len > 1024;

	if (!super)
		return;
	if (ev->op == DXF_PERSIST_OP_COPY)
		super_waits = true;
	else if (ev->op == DXF_PERSIST_OP_WAIT ||
		 ev->op == DXF_PERSIST_OP_MSYNC)
		super_waits = false;
}

/*
 * The host may write back anything before the superblock; after a power loss
 * that said "clean" nobody would look for the damage.
 */
START_TEST(test_mount_on_page_media_writes_back_not_clean)
{
	struct ext2_super_block sb;

	fsx_make(&x, &fsx_images[_i]);
	to_page_media(&x);
	x.opts.commit = 3600;
	dxf_persist_set_hook(x.region, watch, NULL);
	fsx_mount(&x);
	ck_assert_int_eq(dxf_load(x.region, 1024, &sb, sizeof(sb)), 0);
	ck_assert_uint_eq(sb.s_state & EXT2_VALID_FS, 0);
	ck_assert(!super_waits);
	fsx_umount(&x);
	ck_assert(!super_waits);
	dxf_persist_set_hook(x.region, NULL, NULL);
	fsx_check(&x);
	fsx_remove(&x);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, test_mount_on_page_media_writes_back_not_clean,
			    0, fsx_nimages);
}

int main(void)
{
	return run_tests("mount_pages", add);
}
