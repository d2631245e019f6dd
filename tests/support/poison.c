// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * poison.c - poisoned pages, for tests.
 */
#include "poison.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "region_priv.h"

#define MAX_PAGES	64

/* A page under one address: the reader's, or persist's. */
struct page {
	char *addr;
	void *bytes;		/* the same memory, elsewhere */
};

static struct page pages[MAX_PAGES];
static int npages;		/* atomic: counts those that are set */
static int nhits;		/* atomic */
static struct sigaction next;

static void die(const char *what)
{
	fprintf(stderr, "poison: %s: %s\n", what, strerror(errno));
	abort();
}

/* Before the library's handler: it sees what the kernel says of poison. */
static void on_sigbus(int sig, siginfo_t *si, void *context)
{
	siginfo_t as = *si;

	for (int i = __atomic_load_n(&npages, __ATOMIC_ACQUIRE); i-- > 0; ) {
		if ((uintptr_t)si->si_addr - (uintptr_t)pages[i].addr >=
		    POISON_PAGE || si->si_code <= 0)
			continue;
		as.si_code = BUS_MCEERR_AR;
		as.si_addr_lsb = 12;
		__atomic_fetch_add(&nhits, 1, __ATOMIC_RELAXED);
	}
	if (next.sa_flags & SA_SIGINFO)
		next.sa_sigaction(sig, &as, context);
	else
		abort();
}

static void install(void)
{
	struct sigaction sa = {
		.sa_sigaction = on_sigbus,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};

	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGBUS, &sa, &next) != 0)
		die("sigaction");
}

static void replace(char *addr)
{
	struct page *p = &pages[npages];
	int fd = memfd_create("poison", MFD_CLOEXEC);

	if (npages == MAX_PAGES || fd < 0)
		die("page");
	/* Of length 0 the old mapping stays: this is a second one. */
	p->bytes = mremap(addr, 0, POISON_PAGE, MREMAP_MAYMOVE);
	if (p->bytes == MAP_FAILED)
		die("mremap");
	p->addr = addr;
	__atomic_store_n(&npages, npages + 1, __ATOMIC_RELEASE);
	/* A page of an empty file. */
	if (mmap(addr, POISON_PAGE, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, fd, 0) != addr)
		die("mmap");
	close(fd);
}

void poison_add_reads(struct dxf_region *r, dxf_off_t off)
{
	static bool installed;

	if (!installed)
		install();
	installed = true;
	replace((char *)r->rd + off);
}

void poison_add(struct dxf_region *r, dxf_off_t off)
{
	poison_add_reads(r, off);
	if (r->wr != NULL && r->wr != r->rd)
		replace(r->wr + off);
}

void poison_heal(struct dxf_region *r)
{
	for (; npages > 0; npages--) {
		struct page *p = &pages[npages - 1];

		if (mremap(p->bytes, POISON_PAGE, POISON_PAGE,
			   MREMAP_MAYMOVE | MREMAP_FIXED, p->addr) != p->addr)
			die("mremap back");
	}
	dxf_badblock_clear(r, 0, r->size);
	__atomic_store_n(&nhits, 0, __ATOMIC_RELAXED);
}

int poison_hits(void)
{
	return __atomic_load_n(&nhits, __ATOMIC_RELAXED);
}
