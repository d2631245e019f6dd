/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree_dump.h - all that can be seen of a small filesystem, but times: to
 * compare what is there with what should be.
 */
#ifndef DXF_TREE_DUMP_H
#define DXF_TREE_DUMP_H

#include "fs_fixture.h"

#define TREE_HEAD	(64 * 1024u)	/* of each file, and its last bytes */
#define TREE_TAIL	(8 * 1024u)
#define TREE_MAX	128

struct tree_entry {
	char path[512];
	struct dxf_attr attr;
	bool attr_ok;
	char xattr[16];		/* names and lengths, hashed */
	uint8_t *bytes;		/* a file's; a symlink's target */
	size_t len;		/* what could be read of the head */
	size_t tail;		/* ... behind it */
};

struct tree {
	int n;
	struct tree_entry e[TREE_MAX];
};

/*
 * Fill @t, whose old content is freed.  @tolerant: what gets -EIO is left out
 * or cut short; without it nothing may fail.
 */
void tree_dump(struct fsx *x, struct tree *t, bool tolerant);
void tree_free(struct tree *t);

void tree_must_equal(const struct tree *t, const struct tree *want,
		     const char *what, uint64_t blk);
/* Each byte and each size is that of one of the two, or a size between. */
void tree_must_lie_between(const struct tree *t, const struct tree *a,
			   const struct tree *b, const char *what,
			   uint64_t blk);
/* What @t has is in @whole too, as far as it could be read. */
void tree_must_be_part(const struct tree *t, const struct tree *whole);

/* The inode at @path ("dir/name"); no lookup is kept.  0, -errno. */
int tree_find(struct fsx *x, const char *path, dxf_ino_t *ino);

#endif
