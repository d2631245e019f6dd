/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * txlog_rig.h - a log in three pieces on an anonymous region, and crashes made
 * by hand: the bytes of a moment are put back and read by a new manager.
 */
#ifndef TXLOG_RIG_H
#define TXLOG_RIG_H

#include <check.h>
#include <string.h>

#include "txlog_priv.h"
#include "txn.h"

enum {
	RIG_SPACE = 256 * 1024,
	RIG_FS_END = 250 * 1024,
	RIG_WATCHED = 1024,		/* and its length */
	RIG_DATA = 8192,		/* what the tests change */
	RIG_FORBIDDEN = 4096,
	RIG_FORBIDDEN_LEN = 128,
};

struct rig {
	struct dxf_region *r;
	struct dxf_txnmgr *m;
	struct dxf_txlog *l;
	uint8_t *crash;			/* media of the moment to go back to */
	enum dxf_recovery found;
	bool replayed;
};

extern struct rig rig;

void rig_setup(void);
void rig_teardown(void);
struct dxf_txlog_place rig_place(void);

/* A new manager and a new log on the same media, loaded. */
void rig_reopen(void);
/* reopen, then recover. */
int rig_recover(unsigned int flags);

/* Commit one transaction that puts @byte into @len bytes at each of @n places. */
void rig_commit(const dxf_off_t *off, unsigned int n, int byte, size_t len);
/*
 * Commit as rig_commit(), and put media back to between F1 and the stores in
 * place: the slot is whole, nothing else has happened.
 */
void rig_commit_to_slot(const dxf_off_t *off, unsigned int n, int byte,
			size_t len);

/* Media as they are; the caller frees them. */
uint8_t *rig_media(void);
void rig_put(const uint8_t *media);
void rig_poke(dxf_off_t off, const void *buf, size_t len);
/* The same at a place of the log. */
void rig_poke_log(uint64_t at, const void *buf, size_t len);
/* All of [@off, @off + @len) is @byte. */
bool rig_is(dxf_off_t off, int byte, size_t len);

#endif
