/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.c - daxfuse-probe: what udev needs to know of a dax device.
 *
 *	daxfuse-probe DEVICE
 *
 * Prints DAXFUSE_UUID= and DAXFUSE_LABEL_ENC= of the ext2 filesystem that
 * begins at the start of DEVICE, for IMPORT{program} of a rule.  Status 1:
 * there is none, or it cannot be read.
 *
 * It runs as root on whatever appears, so it is small and bounded: it reads
 * 1024 bytes, once; it ends after seconds whatever the device does, dies of
 * nothing (poison is status 1), takes no lock, and writes nothing.  A dax
 * device can be mapped only, a file is read.
 */
#include <ctype.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SUPER_AT	1024
#define SUPER_LEN	1024
#define SECONDS		5

/* In a superblock (FORMAT.md of ext2). */
#define MAGIC_AT	56
#define UUID_AT		104
#define LABEL_AT	120
#define LABEL_LEN	16

static sigjmp_buf out;

static void on_fault(int sig)
{
	siglongjmp(out, sig);
}

/* ---- reading ---- */

/* What mappings of the device are multiples of; 2 MiB where nobody says. */
static size_t alignment(dev_t dev)
{
	char path[80];
	unsigned long v = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/align", major(dev),
		 minor(dev));
	f = fopen(path, "re");
	if (f != NULL) {
		if (fscanf(f, "%lu", &v) != 1)
			v = 0;
		fclose(f);
	}
	return v >= 4096 && v <= (1ul << 32) && (v & (v - 1)) == 0 ? v :
		2ul << 20;
}

static bool read_mapped(int fd, size_t len, uint8_t super[SUPER_LEN])
{
	const uint8_t *p = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return false;
	if (sigsetjmp(out, 1) != 0)
		return false;
	signal(SIGBUS, on_fault);
	for (size_t i = 0; i < SUPER_LEN; i++)
		super[i] = ((const volatile uint8_t *)p)[SUPER_AT + i];
	return true;
}

static bool read_super(const char *device, uint8_t super[SUPER_LEN])
{
	int fd = open(device, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return false;
	if (S_ISCHR(st.st_mode))
		return read_mapped(fd, alignment(st.st_rdev), super);
	return pread(fd, super, SUPER_LEN, SUPER_AT) == SUPER_LEN;
}

/* ---- telling ---- */

static bool is_plain(uint8_t c)
{
	return isalnum(c) || c >= 0x80 || (c != 0 && strchr("#+-.:=@_", c));
}

static void print_label(const uint8_t *label)
{
	if (label[0] == '\0')
		return;
	printf("DAXFUSE_LABEL_ENC=");
	for (int i = 0; i < LABEL_LEN && label[i] != '\0'; i++) {
		if (is_plain(label[i]))
			putchar(label[i]);
		else
			printf("\\x%02x", label[i]);
	}
	putchar('\n');
}

static void print_uuid(const uint8_t *u)
{
	static const uint8_t none[16];

	if (memcmp(u, none, sizeof(none)) == 0)
		return;
	printf("DAXFUSE_UUID=");
	for (int i = 0; i < 16; i++)
		printf("%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" :
		       "", u[i]);
	putchar('\n');
}

static void bound(void)
{
	const struct rlimit cpu = { SECONDS, SECONDS }, none = { 0, 0 };

	/* 16 GiB: a mapping of 1 GiB pages is address space only */
	const struct rlimit space = { 16ull << 30, 16ull << 30 };

	alarm(SECONDS);
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_AS, &space);
	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_FSIZE, &none);
}

int main(int argc, char **argv)
{
	uint8_t super[SUPER_LEN];

	if (argc != 2) {
		fprintf(stderr, "usage: daxfuse-probe DEVICE\n");
		return 1;
	}
	bound();
	if (!read_super(argv[1], super) || super[MAGIC_AT] != 0x53 ||
	    super[MAGIC_AT + 1] != 0xef)
		return 1;
	print_uuid(super + UUID_AT);
	print_label(super + LABEL_AT);
	return fflush(stdout) == 0 ? 0 : 1;
}
