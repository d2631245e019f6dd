/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pagemodel.h - page media at a loss of power: each page is what it was when it
 * was last made durable, or as the stores up to any later fence left it,
 * whatever other pages are.  The host writes pages when it likes, but not just
 * between two stores of one commit (DESIGN.md, "Page media").
 */
#ifndef CRASH_PAGEMODEL_H
#define CRASH_PAGEMODEL_H

#include <pthread.h>

#include "persist.h"

#define PAGEMODEL_PAGE	4096u

enum pageev_kind {
	PAGEEV_STORE,
	PAGEEV_FENCE,
	PAGEEV_WAIT,		/* written out, not yet durable */
	PAGEEV_BARRIER,		/* what was written out, and the range, is */
};

struct pageev {
	enum pageev_kind kind;
	dxf_off_t off;
	uint64_t len;
	uint8_t *bytes;		/* of a store */
};

/* What a region does, while it is attached. */
struct pagerec {
	pthread_mutex_t lock;
	struct pageev *ev;
	size_t n, cap;
};
void pagerec_attach(struct pagerec *r, struct dxf_region *region);
void pagerec_clear(struct pagerec *r);

struct pagestore {
	uint32_t ev;		/* the event that stored to the page */
	uint32_t era;		/* fences before it */
};

struct pageversions {
	struct pagestore *store;	/* in order */
	uint32_t nstores, cap;
	uint32_t n;		/* versions: eras that stored to it */
	uint32_t written;	/* so many of them were written out */
};

struct pagemodel {
	const struct pagerec *rec;
	uint64_t npages;
	uint8_t *durable, *newest;
	struct pageversions *page;
	uint32_t era;
};
void pagemodel_init(struct pagemodel *m, const struct pagerec *rec,
		    const uint8_t *img, uint64_t size);
void pagemodel_free(struct pagemodel *m);
/* Event @i of the record happens. */
void pagemodel_apply(struct pagemodel *m, size_t i);

/*
 * The image after a loss of power: @pick says which version of page @p is
 * there, of @n + 1 (0: the durable one).
 */
void pagemodel_image(const struct pagemodel *m, uint8_t *img,
	uint32_t (*pick)(void *ctx, uint64_t p, uint32_t n), void *ctx);

#endif
