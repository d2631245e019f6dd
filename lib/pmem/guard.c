// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guard.c - the SIGBUS handler and the exception table.
 *
 * Owns the process's SIGBUS disposition.  Must not know regions: it sees
 * addresses.
 *
 * Invariants: the handler changes the program counter of the interrupted
 * context, the thread's fault record and the list of announced poison, and
 * nothing else; a SIGBUS whose program counter no entry covers belongs to
 * whoever handled SIGBUS before.
 */
#include "guard.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "load.h"

struct entry {
	int32_t start, end, fixup;	/* each from its own address */
};

/*
 * The linker makes these two from the name of the section, if there is one: a
 * program may have no access loop in it, so here is an entry that covers no
 * code.
 */
asm(".pushsection dxf_extable,\"a\"\n\t"
    ".balign 4\n\t"
    ".long 0, 0, 0\n\t"
    ".popsection");
extern const struct entry __start_dxf_extable[] __attribute__((
	visibility("hidden")));
extern const struct entry __stop_dxf_extable[] __attribute__((
	visibility("hidden")));

_Thread_local volatile struct dxf_guard_fault dxf_guard_fault;

/* A call under dxf_guard_call(): its range and the way out. */
struct call {
	uintptr_t start, end;
	jmp_buf out;
};

static _Thread_local struct call *volatile cur_call;
static struct sigaction prev;

static uintptr_t at(const int32_t *rel)
{
	return (uintptr_t)rel + (uintptr_t)(intptr_t)*rel;
}

static uintptr_t find_fixup(uintptr_t pc)
{
	const struct entry *e;

	for (e = __start_dxf_extable; e < __stop_dxf_extable; e++) {
		if (pc >= at(&e->start) && pc < at(&e->end))
			return at(&e->fixup);
	}
	return 0;
}

#if defined(__x86_64__)
static uintptr_t context_pc(const ucontext_t *uc)
{
	return (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
}

static void context_jump(ucontext_t *uc, uintptr_t pc)
{
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
}

/* As if @fn had just been called: the stack is aligned for its prologue. */
static void context_call(ucontext_t *uc, void (*fn)(void))
{
	greg_t *sp = &uc->uc_mcontext.gregs[REG_RSP];

	*sp = ((*sp - 256) & ~(greg_t)15) - 8;
	context_jump(uc, (uintptr_t)fn);
}
#elif defined(__aarch64__)
static uintptr_t context_pc(const ucontext_t *uc)
{
	return (uintptr_t)uc->uc_mcontext.pc;
}

static void context_jump(ucontext_t *uc, uintptr_t pc)
{
	uc->uc_mcontext.pc = pc;
}

static void context_call(ucontext_t *uc, void (*fn)(void))
{
	context_jump(uc, (uintptr_t)fn);
}
#else
#error "daxfuse knows x86-64 and arm64"
#endif

/* Runs in the thread's ordinary context, after the handler returned. */
static __attribute__((noreturn)) void leave_call(void)
{
	longjmp(cur_call->out, 1);
}

/* ---- poison that is announced ---- */

#define NWATCHED	64
#define NANNOUNCED	64

/* Atomic; a slot with start 0 is free.  More regions are not watched. */
static struct {
	uintptr_t start, end;
} watched[NWATCHED];

/* Atomic; addr 0 is free.  What has no room is found when it is loaded. */
static struct {
	uintptr_t addr;
	unsigned int lsb;
} announced[NANNOUNCED];
unsigned int dxf_guard_nannounced;

void dxf_guard_watch(const void *start, size_t len)
{
	for (int i = 0; i < NWATCHED; i++) {
		uintptr_t none = 0;

		/* The slot is ours with end 0: nothing lies in it yet. */
		if (!__atomic_compare_exchange_n(&watched[i].start, &none,
				(uintptr_t)start, false, __ATOMIC_SEQ_CST,
				__ATOMIC_SEQ_CST))
			continue;
		__atomic_store_n(&watched[i].end, (uintptr_t)start + len,
				 __ATOMIC_SEQ_CST);
		return;
	}
}

void dxf_guard_unwatch(const void *start)
{
	for (int i = 0; i < NWATCHED; i++) {
		if (__atomic_load_n(&watched[i].start, __ATOMIC_SEQ_CST) !=
		    (uintptr_t)start)
			continue;
		__atomic_store_n(&watched[i].end, 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&watched[i].start, 0, __ATOMIC_SEQ_CST);
		return;
	}
}

static bool is_watched(uintptr_t addr)
{
	for (int i = 0; i < NWATCHED; i++) {
		if (addr >= __atomic_load_n(&watched[i].start,
					    __ATOMIC_SEQ_CST) &&
		    addr < __atomic_load_n(&watched[i].end, __ATOMIC_SEQ_CST))
			return true;
	}
	return false;
}

/* In the handler: no lock, no memory. */
static void announce(const siginfo_t *si)
{
	for (int i = 0; i < NANNOUNCED; i++) {
		uintptr_t none = 0;

		if (!__atomic_compare_exchange_n(&announced[i].addr, &none,
				(uintptr_t)si->si_addr, false,
				__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			continue;
		__atomic_store_n(&announced[i].lsb,
				 (unsigned int)si->si_addr_lsb,
				 __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&dxf_guard_nannounced, 1, __ATOMIC_SEQ_CST);
		return;
	}
}

/* The range that contains @addr, of the size told. */
static void poisoned_range(uintptr_t addr, unsigned int lsb, uintptr_t *start,
			   uint64_t *len)
{
	/* A kernel that cannot tell says a whole page, or nothing. */
	if (lsb < 9 || lsb > 30)
		lsb = 12;
	*len = (uint64_t)1 << lsb;
	*start = dxf_align_down(addr, *len);
}

bool dxf_guard_announced(const void *start, size_t len, uintptr_t *addr,
			 uint64_t *plen)
{
	uintptr_t a;

	if (__atomic_load_n(&dxf_guard_nannounced, __ATOMIC_RELAXED) == 0)
		return false;
	for (int i = 0; i < NANNOUNCED; i++) {
		a = __atomic_load_n(&announced[i].addr, __ATOMIC_SEQ_CST);
		if (a == 0 || a - (uintptr_t)start >= len)
			continue;
		poisoned_range(a, __atomic_load_n(&announced[i].lsb,
						  __ATOMIC_SEQ_CST), addr,
			       plen);
		/* Another thread may have taken it at the same time. */
		if (!__atomic_compare_exchange_n(&announced[i].addr, &a, 0,
				false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			continue;
		__atomic_sub_fetch(&dxf_guard_nannounced, 1, __ATOMIC_SEQ_CST);
		return true;
	}
	return false;
}

/* ---- the handler ---- */

static void to_previous(int sig, siginfo_t *si, void *context)
{
	if (prev.sa_flags & SA_SIGINFO) {
		prev.sa_sigaction(sig, si, context);
	} else if (prev.sa_handler == SIG_DFL ||
		   (prev.sa_handler == SIG_IGN && si->si_code > 0)) {
		/* Blocked until we return: then it is deadly. */
		signal(sig, SIG_DFL);
		raise(sig);
	} else if (prev.sa_handler != SIG_IGN) {
		prev.sa_handler(sig);
	}
}

static void note_fault(const siginfo_t *si)
{
	bool poison = si->si_code == BUS_MCEERR_AR;

	dxf_guard_fault.addr = (uintptr_t)si->si_addr;
	dxf_guard_fault.code = si->si_code;
	dxf_guard_fault.lsb = poison ? (unsigned int)si->si_addr_lsb : 0;
}

static void on_sigbus(int sig, siginfo_t *si, void *context)
{
	uintptr_t addr = (uintptr_t)si->si_addr;
	struct call *call = cur_call;
	ucontext_t *uc = context;
	uintptr_t fixup = 0;

	/* What was sent, or poison that nobody read, is no fault. */
	if (si->si_code > 0 && si->si_code != BUS_MCEERR_AO)
		fixup = find_fixup(context_pc(uc));
	if (fixup != 0) {
		note_fault(si);
		context_jump(uc, fixup);
	} else if (call != NULL && si->si_code > 0 &&
		   addr >= call->start && addr < call->end) {
		note_fault(si);
		context_call(uc, leave_call);
	} else if (si->si_code == BUS_MCEERR_AO && is_watched(addr)) {
		announce(si);
	} else {
		to_previous(sig, si, context);
	}
}

static void install(void)
{
	struct sigaction sa = {
		.sa_sigaction = on_sigbus,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	int err;

	sigemptyset(&sa.sa_mask);
	err = sigaction(SIGBUS, NULL, &prev);
	assert(err == 0);
	err = sigaction(SIGBUS, &sa, NULL);
	assert(err == 0);
	(void)err;
}

void dxf_load_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install);
}

bool dxf_guard_poison(uintptr_t *start, uint64_t *len)
{
	if (dxf_guard_fault.code != BUS_MCEERR_AR)
		return false;
	poisoned_range(dxf_guard_fault.addr, dxf_guard_fault.lsb, start, len);
	return true;
}

static void call_each(struct call *call, void (*fn)(const void *, size_t),
		      const struct dxf_guard_range *range, unsigned int n)
{
	for (; n > 0; range++, n--) {
		uintptr_t addr = (uintptr_t)range->addr;

		call->start = dxf_align_down(addr, DXF_CACHELINE);
		call->end = dxf_align_up(addr + range->len, DXF_CACHELINE);
		cur_call = call;
		fn(range->addr, range->len);
	}
}

int dxf_guard_call(void (*fn)(const void *addr, size_t len),
		   const struct dxf_guard_range *range, unsigned int n)
{
	/*
	 * No initializer: it would zero the jmp_buf, by a string instruction
	 * whose end the next load waits for, and all stores before it.
	 */
	struct call call;

	assert(cur_call == NULL);
	if (_setjmp(call.out) != 0) {
		cur_call = NULL;
		return -EIO;
	}
	call_each(&call, fn, range, n);
	cur_call = NULL;
	return 0;
}
