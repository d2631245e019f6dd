/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crew.h - how many workers are about: who listens, who rests.
 *
 * One worker listens for the next request at a time, so that a request wakes
 * no thread in vain.  The others are at a request, or they rest, until
 * requests wait although a CPU is free, or until nobody listens for long.
 */
#ifndef DXF_CREW_H
#define DXF_CREW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "escort.h"

struct dxf_crew;

/* A worker's own; what others write is said in escort.h. */
struct dxf_hand {
	_Alignas(64) atomic_ulong served;	/* requests */
	atomic_ulong found;			/* of them, by looking */
	atomic_bool busy;			/* at one */
	unsigned int streak;	/* requests that waited when it came, in a row */
	unsigned int misses;	/* looks in vain, in a row */
	unsigned int pause;	/* sleeps left before the next look */
	struct dxf_escort escort;
};

struct dxf_crew_conf {
	struct dxf_hand *hands;	/* outlive the crew */
	unsigned int n;
	bool all;		/* all listen: requests wait for a disk */
	/* is there a request to be read? */
	bool (*waits)(void *ctx);
	void *ctx;
};

/* Returns: 0; -ENOMEM, -errno of pthread_create. */
int dxf_crew_start(struct dxf_crew **out, const struct dxf_crew_conf *conf);
/* The workers are told to go: nobody rests any more. */
void dxf_crew_dismiss(struct dxf_crew *c);
/* When the workers have ended. */
void dxf_crew_stop(struct dxf_crew *c);

/* Do all listen, or does this one escort?  Then it goes to sleep at once. */
bool dxf_crew_sleeps(struct dxf_crew *c, const struct dxf_hand *h);
/*
 * Listen, *@alone, or where all do.  Returns: false: somebody else does, or is
 * to - rest.
 */
bool dxf_crew_listen(struct dxf_crew *c, const struct dxf_hand *h,
		     bool *alone);
void dxf_crew_listened(struct dxf_crew *c, bool alone);
/* Returns when the worker is needed, or for no reason. */
void dxf_crew_rest(struct dxf_crew *c);

/*
 * May the one that listens alone look again and again instead of sleeping, now
 * and as long as dxf_crew_look_on() says?
 */
struct dxf_look {
	uint64_t start, before;
};
bool dxf_crew_look(struct dxf_crew *c, struct dxf_hand *h, struct dxf_look *l);
bool dxf_crew_look_on(struct dxf_crew *c, struct dxf_look *l);
/* It ended: was there a request? */
void dxf_crew_looked(struct dxf_hand *h, bool found);

/*
 * The worker got a request - @slept: in a sleep; @waited: it was there before
 * anybody looked.
 */
void dxf_crew_got(struct dxf_crew *c, struct dxf_hand *h, bool slept,
		  bool waited);
/* ... of thread @caller; 0: nobody's. */
void dxf_crew_turn(struct dxf_crew *c, struct dxf_hand *h, pid_t caller);
static inline void dxf_crew_caller(struct dxf_crew *c, struct dxf_hand *h,
				   pid_t caller)
{
	if (dxf_escort_request(&h->escort, caller))
		dxf_crew_turn(c, h, caller);
}
/* ... and has answered it. */
void dxf_crew_done(struct dxf_hand *h);

#endif
