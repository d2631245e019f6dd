/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rescue_rig.h"

#include <stdio.h>

#include "image.h"

struct fsx x;
dxf_ino_t ino;
uint8_t want[LEN], buf[LEN], fresh[LEN];

uint32_t block_size(void)
{
	struct statvfs s;

	ck_assert_int_eq(dxf_fs_statfs(x.fs, &s), 0);
	return (uint32_t)s.f_bsize;
}

/* A file of LEN bytes, not zero, in want[]. */
void setup(int i)
{
	struct rnd r = { .s = (uint64_t)i };

	fsx_make(&x, &fsx_images[i % fsx_nimages]);
	fsx_mount(&x);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_hold(&x, ino);
	rnd_fill(&r, want, LEN);
	rnd_fill(&r, fresh, LEN);
	ck_assert_int_eq(dxf_fs_write(x.fs, ino, 0, want, LEN, 0, &fsx_root),
			 LEN);
}

/* Where the byte at @off lies, read or not. */
dxf_off_t media_of(dxf_ino_t of, uint64_t off)
{
	struct iovec iov[1];
	struct dxf_fs_read r = { .iov = iov, .max_iov = 1 };
	const void *base;
	dxf_off_t at;

	ck_assert_int_gt(dxf_region_direct_access(x.region, 0, 1,
			 DXF_ACCESS_RECOVERY_WRITE, &base), 0);
	ck_assert_int_eq(dxf_fs_read_begin(x.fs, of, off, 1, &r), 1);
	at = (const char *)iov[0].iov_base - (const char *)base;
	dxf_fs_read_end(x.fs, &r);
	return at;
}

ssize_t put(uint64_t off, size_t len)
{
	return dxf_fs_write(x.fs, ino, off, fresh + off, len, 0, &fsx_root);
}

/* put() that must work. */
void put_all(uint64_t off, size_t len)
{
	ck_assert_int_eq(put(off, len), (ssize_t)len);
	memcpy(want + off, fresh + off, len);
}

void check_bytes(size_t len)
{
	ck_assert_uint_eq(fsx_attr(&x, ino).size, len);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 0, buf, LEN), (ssize_t)len);
	ck_assert_int_eq(memcmp(buf, want, len), 0);
}

/* How many blocks the bad-blocks inode has, and that @blk (or 0) is one. */
int count_retired(dxf_blk_t blk)
{
	char out[16384], *line, *rest = out;
	bool seen = blk == 0;
	int n = 0;

	ck_assert_int_eq(image_run(x.region, "dumpe2fs -b $IMG 2>/dev/null",
				   false, out, sizeof(out)), 0);
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (line[0] == '\0')
			continue;
		seen |= strtoull(line, NULL, 10) == blk;
		n++;
	}
	ck_assert(seen);
	return n;
}

void finish(size_t len)
{
	check_bytes(len);
	poison_heal(x.region);
	fsx_remount(&x);
	check_bytes(len);
	fsx_finish(&x);
}

/* The page of the file at @off, which lies together on media. */
dxf_off_t poison_at(uint64_t off)
{
	dxf_off_t at = media_of(ino, off);

	ck_assert_uint_eq(at % PAGE, 0);
	poison_add(x.region, at);
	return at;
}

/* An offset in the file from @from on whose bytes begin a page of media. */
uint64_t page_at(uint64_t from)
{
	while (media_of(ino, from) % PAGE != 0)
		from += block_size();
	ck_assert_uint_le(from, LEN - PAGE);
	ck_assert_uint_eq(media_of(ino, from + PAGE - 1),
			  media_of(ino, from) + PAGE - 1);
	return from;
}
