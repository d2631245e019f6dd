/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * txlog_fmt.h - the log's bytes (FORMAT.md).  Little-endian, offsets from the
 * start of the log.
 */
#ifndef DXF_TXLOG_FMT_H
#define DXF_TXLOG_FMT_H

#include <assert.h>
#include <stdint.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	      "the disk's structures are used as they are");

#define TXLOG_SESSION_MAGIC	0x31474f4c46584144u	/* "DAXFLOG1" */
#define TXLOG_SLOT_MAGIC	0x31544f4c53465844u	/* "DXFSLOT1" */

enum {
	TXLOG_SESSION_AT = 0,		/* two copies, a sector each */
	TXLOG_SESSION_STEP = 512,
	TXLOG_PRINT_AT = 1024,		/* two fingerprints, a line each */
	TXLOG_PRINT_STEP = 64,
	TXLOG_DEAD_AT = 1536,		/* one word */
	TXLOG_SLOT_AT = 2048,
};

struct txlog_session {
	uint64_t magic;
	uint64_t turn;		/* of two valid copies the higher one counts */
	uint32_t state;		/* enum dxf_txlog_state */
	uint32_t flags;
	uint64_t first;		/* sequence numbers below are of older sessions */
	uint64_t seed[2];
	uint8_t uuid[16];
	uint8_t boot_id[16];
	uint64_t place;		/* hash of the runs */
	uint64_t print;		/* fingerprint when the session began */
	uint64_t cookie;
	uint64_t csum;		/* keyed with the UUID */
};
#define TXLOG_WAS_CLEAN		1u

struct txlog_print {
	uint64_t seq;
	uint64_t print;
	uint64_t csum;		/* keyed with the session */
};

struct txlog_slot {
	uint64_t magic;
	uint64_t seq;
	uint64_t len;		/* of the records, bytes */
	uint64_t print;		/* fingerprint after this transaction */
	uint64_t csum;		/* keyed with the session; of header, records */
	uint64_t zero[3];
};
static_assert(sizeof(struct txlog_slot) == 64, "a line");

/*
 * A record: a head word, then for each bit of its mask the new words, then the
 * old ones.  Head: bits 0-7 mask, bits 8-63 number of the 64-byte line.
 */
#define TXLOG_HEAD(off, mask)	((uint64_t)(off) / 64 << 8 | (mask))
#define TXLOG_HEAD_OFF(head)	((uint64_t)(head) >> 8 << 6)
#define TXLOG_HEAD_MASK(head)	((uint8_t)(head))

#endif
