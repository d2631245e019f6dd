/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file_model.h - one file's bytes in memory, sparse, and a file beside it that
 * must read the same.
 */
#ifndef DXF_FILE_MODEL_H
#define DXF_FILE_MODEL_H

#include "fs_fixture.h"
#include "persist.h"

#define MODEL_PAGE	4096u

struct model_page {
	uint64_t idx;
	uint8_t *bytes;		/* NULL: an empty slot */
};

struct model {
	uint64_t size;
	struct model_page *slots;	/* open addressing, a power of two */
	size_t nslots, npages;
};

void model_init(struct model *m);
void model_free(struct model *m);
void model_write(struct model *m, uint64_t off, const void *buf, size_t len);
void model_zero(struct model *m, uint64_t off, uint64_t len);
void model_truncate(struct model *m, uint64_t size);
/* Bytes at and behind the size are zeros. */
void model_read(const struct model *m, uint64_t off, void *buf, size_t len);

/* The file reads as the model in [@off, @off + @len), by both ways to read. */
void model_check_range(const struct model *m, struct fsx *x, dxf_ino_t ino,
		       uint64_t off, size_t len);
/* ... in every page that the model or the map knows, and has its size. */
void model_check(const struct model *m, struct fsx *x, dxf_ino_t ino);

/* A small generator, so that a seed is a test. */
struct rnd {
	uint64_t s;
};
uint64_t rnd_next(struct rnd *r);
/* In [0, @n). */
uint64_t rnd_below(struct rnd *r, uint64_t n);
void rnd_fill(struct rnd *r, void *buf, size_t len);

/* The calls and bytes of persist since the last call of this. */
struct dxf_persist_stats persist_delta(struct fsx *x);
/* The transactions since the last call of this. */
uint64_t txn_delta(struct fsx *x);
/* setattr that must work. */
void set_size(struct fsx *x, dxf_ino_t ino, uint64_t size);

/* Move the unmounted image into a file that needs msync (page media). */
void to_page_media(struct fsx *x);
/* Fill all free blocks with @byte, by a file that is then removed. */
void fill_free_blocks(struct fsx *x, int byte);

#endif
