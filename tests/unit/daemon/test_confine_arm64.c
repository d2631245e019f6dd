/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_confine_arm64.c - the filters of system calls as an arm64 would run them.
 *
 * They are built here for that machine, and interpreted: each call that serving
 * takes and that arm64 has is allowed, those that must fail do, and calls that
 * arm64 does not have (open, dup2, time) keep nobody from building the filter.
 */
#include "../../../daemon/confine.c"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>

static int failures;

static void check(const char *what, const char *name, bool ok)
{
	printf("%s - %s %s\n", ok ? "ok" : "not ok", name, what);
	failures += !ok;
}

#if DXF_HAVE_SECCOMP

#define MAX_INSNS	4096

struct program {
	struct sock_filter insn[MAX_INSNS];
	size_t n;
};

/* Of @calls, as filter_calls() puts it together, for arm64 alone. */
static bool build(struct program *p, const int *calls, size_t n)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	FILE *out = tmpfile();
	bool ok;

	ok = f != NULL && out != NULL &&
		seccomp_arch_add(f, SCMP_ARCH_AARCH64) == 0 &&
		(seccomp_arch_native() == SCMP_ARCH_AARCH64 ||
		 seccomp_arch_remove(f, seccomp_arch_native()) == 0) &&
		fill_filter(f, calls, n) == 0 &&
		seccomp_export_bpf(f, fileno(out)) == 0;
	if (ok) {
		rewind(out);
		p->n = fread(p->insn, sizeof(p->insn[0]), MAX_INSNS, out);
		ok = p->n > 0 && p->n < MAX_INSNS;
	}
	if (out != NULL)
		fclose(out);
	seccomp_release(f);
	return ok;
}

static bool jumps(const struct sock_filter *i, uint32_t a)
{
	switch (BPF_OP(i->code)) {
	case BPF_JEQ: return a == i->k;
	case BPF_JGT: return a > i->k;
	case BPF_JGE: return a >= i->k;
	case BPF_JSET: return (a & i->k) != 0;
	default: return true;
	}
}

/* What the kernel would answer: SECCOMP_RET_*; 0 (kill) for what is unknown. */
static uint32_t run(const struct program *p, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < p->n; pc++) {
		const struct sock_filter *i = &p->insn[pc];

		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			if (i->k > sizeof(*d) - sizeof(a))
				return 0;
			memcpy(&a, (const char *)d + i->k, sizeof(a));
			break;
		case BPF_ALU:
			if (BPF_OP(i->code) != BPF_AND)
				return 0;
			a &= i->k;
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA)
				pc += i->k;
			else
				pc += jumps(i, a) ? i->jt : i->jf;
			break;
		case BPF_RET:
			return i->k;
		default:
			return 0;
		}
	}
	return 0;
}

static uint32_t answer(const struct program *p, const char *name,
		       uint64_t arg0, uint64_t arg1, uint64_t arg2)
{
	struct seccomp_data d = {
		.nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_AARCH64,
							name),
		.arch = AUDIT_ARCH_AARCH64,
		.args = { arg0, arg1, arg2 },
	};

	return d.nr < 0 ? 0 : run(p, &d);
}

static bool allows(const struct program *p, const char *name, uint64_t arg0,
		   uint64_t arg1, uint64_t arg2)
{
	return answer(p, name, arg0, arg1, arg2) == SECCOMP_RET_ALLOW;
}

static bool refuses(const struct program *p, const char *name, uint64_t arg0,
		    uint64_t arg2)
{
	return answer(p, name, arg0, 0, arg2) == (SECCOMP_RET_ERRNO | EPERM);
}

static const char *const serving[] = {
	"read", "readv", "pread64", "preadv", "write", "writev", "pwrite64",
	"pwritev", "lseek", "close", "fstat", "newfstatat", "ppoll", "dup3",
	"sendto", "sendmsg", "recvfrom", "recvmsg", "brk", "munmap", "mremap",
	"madvise", "futex", "rseq", "gettid", "exit", "exit_group",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "clock_gettime",
	"clock_nanosleep", "nanosleep", "getrandom", "getuid", "getpid",
};

static const char *const forbidden[] = {
	"openat", "openat2", "socket", "connect", "execve", "execveat",
	"mount", "umount2", "unshare", "setns", "ptrace", "kill", "unlinkat",
	"fchmodat", "bpf", "init_module", "process_vm_writev", "setuid",
};

static void check_daemon(const struct program *p)
{
	const uint64_t thread = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;

	for (size_t i = 0; i < DXF_ARRAY_SIZE(serving); i++)
		check("is allowed", serving[i], allows(p, serving[i], 0, 0, 0));
	check("is allowed", "msync", allows(p, "msync", 0, 0, 0));
	check("is allowed", "fallocate", allows(p, "fallocate", 0, 0, 0));
	check("is allowed without PROT_EXEC", "mmap",
	      allows(p, "mmap", 0, 4096, PROT_READ | PROT_WRITE));
	check("is allowed for threads", "clone",
	      allows(p, "clone", thread, 0, 0));
	for (size_t i = 0; i < DXF_ARRAY_SIZE(forbidden); i++)
		check("is refused", forbidden[i],
		      refuses(p, forbidden[i], 0, 0));
	check("is refused with PROT_EXEC", "mmap",
	      refuses(p, "mmap", 0, PROT_READ | PROT_EXEC));
	check("is refused with PROT_EXEC", "mprotect",
	      refuses(p, "mprotect", 0, PROT_EXEC));
	check("is refused for processes", "clone", refuses(p, "clone", 17, 0));
	check("is said not to exist", "clone3", answer(p, "clone3", 0, 0, 0) ==
	      (SECCOMP_RET_ERRNO | ENOSYS));
}

static void check_keeper(const struct program *p)
{
	check("is allowed to the keeper", "openat",
	      allows(p, "openat", 0, 0, 0));
	check("is allowed to the keeper", "umount2",
	      allows(p, "umount2", 0, 0, 0));
	check("is refused to the keeper", "execve",
	      refuses(p, "execve", 0, 0));
	check("is refused to the keeper", "mount", refuses(p, "mount", 0, 0));
}

int main(void)
{
	static struct program p;
	struct seccomp_data other = {
		.nr = 0,
		.arch = AUDIT_ARCH_ARM,
	};
	bool ok = build(&p, daemon_calls, DXF_ARRAY_SIZE(daemon_calls));

	check("is built", "the daemon's filter", ok);
	if (ok) {
		check_daemon(&p);
		check("is not let through", "a call of 32-bit arm",
		      run(&p, &other) != SECCOMP_RET_ALLOW);
	}
	ok = build(&p, keeper_calls, DXF_ARRAY_SIZE(keeper_calls));
	check("is built", "the keeper's filter", ok);
	if (ok)
		check_keeper(&p);
	return failures != 0;
}

#else

int main(void)
{
	printf("built without libseccomp\n");
	return 77;
}

#endif
