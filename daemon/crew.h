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
#include <stdint.h>

struct dxf_crew;

/* What a worker tells of itself; nobody else writes it. */
struct dxf_hand {
	_Alignas(64) atomic_ulong served;	/* requests */
	atomic_bool busy;			/* at one */
	unsigned int streak;	/* requests that waited when it came, in a row */
	unsigned int misses;	/* looks in vain, in a row */
	unsigned int pause;	/* sleeps left before the next look */
};

/*
 * For @n workers, whose hands are theirs and outlive the crew; with @all all
 * listen and nobody rests: for media whose requests wait for a disk.
 * Returns: 0; -ENOMEM, -errno of pthread_create.
 */
int dxf_crew_start(struct dxf_crew **out, struct dxf_hand *hands,
		   unsigned int n, bool all);
/* The workers are told to go: nobody rests any more. */
void dxf_crew_dismiss(struct dxf_crew *c);
/* When the workers have ended. */
void dxf_crew_stop(struct dxf_crew *c);

/* Do all listen?  Then a worker goes to sleep at once. */
bool dxf_crew_is_open(struct dxf_crew *c);
/*
 * Listen, *@alone, or where all do.  Returns: false: somebody else does - rest.
 */
bool dxf_crew_listen(struct dxf_crew *c, bool *alone);
void dxf_crew_listened(struct dxf_crew *c, bool alone);
/* Returns when the worker is needed, or for no reason. */
void dxf_crew_rest(struct dxf_crew *c);

/*
 * May the one that listens alone look again and again instead of sleeping, now and
 * as long as dxf_crew_look_on() says?
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
/* ... and has answered it. */
void dxf_crew_done(struct dxf_hand *h);

#endif
