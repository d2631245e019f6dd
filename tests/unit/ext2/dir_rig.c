// SPDX-License-Identifier: GPL-2.0-or-later
/* dir_rig.c - see dir_rig.h. */
#include "dir_rig.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* One image per program: what a failed test leaves goes when main ends. */
static char image_path[64];
static pid_t owner;

__attribute__((constructor)) static void name_image(void)
{
	const char *path = getenv("PATH");
	char buf[1024];

	/* mke2fs and e2fsck are not in every user's path. */
	snprintf(buf, sizeof(buf), "%s:/usr/sbin:/sbin", path ? path : "/bin");
	setenv("PATH", buf, 1);
	owner = getpid();
	snprintf(image_path, sizeof(image_path), "/dev/shm/dxf-dir-%d.img",
		 (int)owner);
}

__attribute__((destructor)) static void remove_image(void)
{
	if (getpid() == owner)
		unlink(image_path);
}

int rig_run(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd);
}

static void count_message(void *ctx, enum dxf_log_level level,
			  const char *text)
{
	struct rig *r = ctx;

	r->messages++;
}

uint32_t rig_random(struct rig *r, uint32_t bound)
{
	r->seed++;
	return (dxf_hash_u64(r->seed * 0x9e3779b97f4a7c15u) >> 32) % bound;
}

size_t rig_name(const struct rig *r, uint32_t i, char name[256])
{
	uint64_t h = dxf_hash_u64(i + 12345);
	size_t len, want = r->long_names ? 1 + h % 255 : 2 + h % 23;

	len = snprintf(name, 256, "%x_", i);
	for (; len < want; len++) {
		h = dxf_hash_u64(h);
		name[len] = h & 0xff;
		if (name[len] == '/' || name[len] == '\0')
			name[len] = 'x';
	}
	return len;
}

struct dxf_txn *rig_begin(struct rig *r)
{
	struct dxf_txn *t;

	ck_assert_int_eq(dxf_txn_begin(r->mgr, 0, &t), 0);
	return t;
}

int rig_commit(struct rig *r, struct dxf_txn *t, const struct dxf_dinode *di)
{
	int err = dxf_dinode_write(r->e2, t, r->dir.ino, di);

	if (err) {
		dxf_txn_abort(t);
		return err;
	}
	err = dxf_txn_commit(t);
	if (!err)
		r->dir.di = *di;
	return err;
}

static dxf_ino_t new_inode(struct rig *r, struct dxf_txn *t, mode_t mode,
			   struct dxf_dinode *di)
{
	struct timespec now = { .tv_sec = 1700000000 };
	dxf_ino_t ino;
	uint32_t gen;

	ck_assert_int_eq(dxf_ialloc_new(r->e2, t, DXF_ROOT_INO, mode, &ino,
					&gen), 0);
	dxf_dinode_fresh(r->e2, di, mode, 0, &now);
	di->nlink = 1;
	di->generation = gen;
	return ino;
}

static void make_files(struct rig *r)
{
	struct dxf_txn *t = rig_begin(r);
	struct dxf_dinode di;

	for (int i = 0; i < RIG_FILES; i++) {
		r->file[i] = new_inode(r, t, S_IFREG | 0644, &di);
		ck_assert_int_eq(dxf_dinode_create(r->e2, t, r->file[i], &di),
				 0);
	}
	ck_assert_int_eq(dxf_txn_commit(t), 0);
}

static void insert_into_root(struct rig *r, struct dxf_node *root,
			     struct dxf_dinode *di, struct dxf_txn *t)
{
	char name[16];

	for (int i = 0; i < RIG_FILES; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		ck_assert_int_eq(dxf_dir_insert(root, di, t, name, strlen(name),
						r->file[i], DT_REG), 0);
		r->nlink[i] = 1;
	}
	ck_assert_int_eq(dxf_dir_insert(root, di, t, "d", 1, r->dir.ino,
					DT_DIR), 0);
	di->nlink++;
}

static void make_dir(struct rig *r)
{
	struct dxf_txn *t = rig_begin(r);
	struct dxf_node root;
	struct dxf_dinode di;
	dxf_ino_t ino;

	ino = new_inode(r, t, S_IFDIR | 0755, &di);
	di.nlink = 2;
	dxf_node_init(&r->dir, r->e2, ino);
	ck_assert_int_eq(dxf_dinode_create(r->e2, t, ino, &di), 0);
	ck_assert_int_eq(dxf_dir_make_empty(&r->dir, &di, t, DXF_ROOT_INO), 0);
	ck_assert_int_eq(rig_commit(r, t, &di), 0);

	dxf_node_init(&root, r->e2, DXF_ROOT_INO);
	ck_assert_int_eq(dxf_dinode_read(r->e2, DXF_ROOT_INO, &root.di), 0);
	t = rig_begin(r);
	di = root.di;
	insert_into_root(r, &root, &di, t);
	ck_assert_int_eq(dxf_dinode_write(r->e2, t, DXF_ROOT_INO, &di), 0);
	ck_assert_int_eq(dxf_txn_commit(t), 0);
	dxf_node_fini(&root);
}

static void open_image(struct rig *r)
{
	struct dxf_ext2_opts o = { .errors = DXF_ERRORS_CONTINUE };
	struct dxf_region_opts ro = { 0 };
	struct dxf_err err = { "" };

	dxf_log_set_sink(count_message, r);
	ck_assert_msg(dxf_region_open(&r->region, r->path, &ro, &err) == 0,
		      "%s", err.text);
	ck_assert_int_eq(dxf_txnmgr_open(&r->mgr, r->region), 0);
	ck_assert_msg(dxf_ext2_open(&r->e2, r->mgr, &o, &err) == 0, "%s",
		      err.text);
	r->g = dxf_ext2_geom(r->e2);
	ck_assert_int_eq(dxf_ext2_mark_mounted(r->e2), 0);
}

void rig_open(struct rig *r, const char *opts, unsigned int mib,
	      uint32_t nnames)
{
	memset(r, 0, sizeof(*r));
	r->nnames = nnames;
	r->model = calloc(nnames, sizeof(*r->model));
	ck_assert_ptr_nonnull(r->model);
	snprintf(r->path, sizeof(r->path), "%s", image_path);
	unlink(r->path);
	ck_assert_int_eq(rig_run("mke2fs -q -F %s %s %uM >/dev/null 2>&1",
				 opts, r->path, mib), 0);
	open_image(r);
	make_files(r);
	make_dir(r);
}

void rig_close(struct rig *r)
{
	dxf_node_fini(&r->dir);
	dxf_ext2_close(r->e2);
	dxf_txnmgr_close(r->mgr);
	dxf_region_close(r->region);
	dxf_log_set_sink(NULL, NULL);
}

void rig_drop(struct rig *r)
{
	rig_close(r);
	free(r->model);
	unlink(r->path);
}

static bool is_expected_line(const char *line)
{
	return strncmp(line, "Pass ", 5) == 0 ||
		strstr(line, " files (") != NULL;
}

static void check_quiet(const struct rig *r)
{
	char cmd[128], line[512];
	FILE *f;

	snprintf(cmd, sizeof(cmd), "e2fsck -fn %s 2>/dev/null", r->path);
	f = popen(cmd, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		ck_assert_msg(is_expected_line(line), "e2fsck: %s", line);
	ck_assert_int_eq(pclose(f), 0);
}

static void write_link_counts(struct rig *r)
{
	struct dxf_txn *t = rig_begin(r);
	struct dxf_dinode di;

	for (int i = 0; i < RIG_FILES; i++) {
		ck_assert_int_eq(dxf_dinode_read(r->e2, r->file[i], &di), 0);
		di.nlink = r->nlink[i];
		ck_assert_int_eq(dxf_dinode_write(r->e2, t, r->file[i], &di),
				 0);
	}
	ck_assert_int_eq(dxf_txn_commit(t), 0);
}

void rig_check(struct rig *r)
{
	write_link_counts(r);
	ck_assert_int_eq(dxf_ext2_mark_clean(r->e2), 0);
	rig_close(r);
	check_quiet(r);
}

void rig_reopen(struct rig *r)
{
	dxf_ino_t ino = r->dir.ino;

	open_image(r);
	dxf_node_init(&r->dir, r->e2, ino);
	ck_assert_int_eq(dxf_dinode_read(r->e2, ino, &r->dir.di), 0);
}

void rig_forget(struct rig *r)
{
	dxf_dir_forget_index(&r->dir);
	ck_assert_int_eq(dxf_dinode_read(r->e2, r->dir.ino, &r->dir.di), 0);
}

/* ---- operations ---- */

static int file_of(const struct rig *r, dxf_ino_t ino)
{
	for (int i = 0; i < RIG_FILES; i++)
		if (r->file[i] == ino)
			return i;
	ck_abort_msg("inode %u is none of the files", ino);
	return -1;
}

static void set_model(struct rig *r, uint32_t i, dxf_ino_t ino)
{
	if (r->model[i])
		r->nlink[file_of(r, r->model[i])]--;
	if (ino)
		r->nlink[file_of(r, ino)]++;
	r->model[i] = ino;
}

/* End an operation that returned @err.  Returns: what it comes to. */
static int finish(struct rig *r, struct dxf_txn *t,
		  const struct dxf_dinode *di, int err, bool commit)
{
	if (!err && commit)
		return rig_commit(r, t, di);
	dxf_txn_abort(t);
	return err;
}

int rig_insert(struct rig *r, uint32_t i, bool commit)
{
	dxf_ino_t ino = r->file[rig_random(r, RIG_FILES)];
	struct dxf_dirent de;
	struct dxf_dinode di;
	struct dxf_txn *t;
	char name[256];
	size_t len = rig_name(r, i, name);
	int err;

	ck_assert_uint_eq(r->model[i], 0);
	err = dxf_dir_lookup(&r->dir, name, len, &de);
	if (err != -ENOENT)
		return err;
	err = dxf_txn_begin(r->mgr, 0, &t);
	if (err)
		return err;
	di = r->dir.di;
	err = dxf_dir_insert(&r->dir, &di, t, name, len, ino, DT_REG);
	err = finish(r, t, &di, err, commit);
	if (!err && commit)
		set_model(r, i, ino);
	return err;
}

/* @ino 0: remove */
static int change(struct rig *r, uint32_t i, dxf_ino_t ino, bool commit)
{
	struct dxf_dirent de;
	struct dxf_dinode di;
	struct dxf_txn *t;
	char name[256];
	size_t len = rig_name(r, i, name);
	int err;

	err = dxf_dir_lookup(&r->dir, name, len, &de);
	if (err)
		return err;
	ck_assert_uint_eq(de.ino, r->model[i]);
	err = dxf_txn_begin(r->mgr, 0, &t);
	if (err)
		return err;
	di = r->dir.di;
	if (ino)
		err = dxf_dir_replace(&r->dir, &di, t, &de, ino, DT_REG);
	else
		err = dxf_dir_remove(&r->dir, &di, t, &de);
	err = finish(r, t, &di, err, commit);
	if (!err && commit)
		set_model(r, i, ino);
	return err;
}

int rig_remove(struct rig *r, uint32_t i, bool commit)
{
	return change(r, i, 0, commit);
}

int rig_replace(struct rig *r, uint32_t i, bool commit)
{
	return change(r, i, r->file[rig_random(r, RIG_FILES)], commit);
}

int rig_rename(struct rig *r, uint32_t i, uint32_t to, bool commit)
{
	char name[256], new_name[256];
	struct dxf_dir_new n = { .name = new_name, .type = DT_REG };
	struct dxf_dirent de;
	struct dxf_dinode di;
	struct dxf_txn *t;
	int err;

	n.len = rig_name(r, to, new_name);
	ck_assert(r->model[i] && !r->model[to]);
	err = dxf_dir_lookup(&r->dir, name, rig_name(r, i, name), &de);
	if (err)
		return err;
	n.ino = de.ino;
	err = dxf_txn_begin(r->mgr, 0, &t);
	if (err)
		return err;
	di = r->dir.di;
	err = dxf_dir_rename(&r->dir, &di, t, &de, &n);
	r->renamed[err > 0] += err >= 0;
	if (err > 0)
		err = dxf_dir_remove(&r->dir, &di, t, &de) ?:
		      dxf_dir_add(&r->dir, &di, t, &n);
	err = finish(r, t, &di, err, commit);
	if (!err && commit) {
		set_model(r, i, 0);
		set_model(r, to, n.ino);
	}
	return err;
}

int rig_step(struct rig *r, uint32_t i, bool commit)
{
	uint32_t to = rig_random(r, r->nnames);

	if (!r->model[i])
		return rig_insert(r, i, commit);
	if (!r->model[to] && rig_random(r, 2))
		return rig_rename(r, i, to, commit);
	if (rig_random(r, 4))
		return rig_remove(r, i, commit);
	return rig_replace(r, i, commit);
}

/* ---- verification ---- */

void rig_verify_name(struct rig *r, uint32_t i)
{
	struct dxf_dirent de;
	char name[256];
	size_t len = rig_name(r, i, name);
	int err = dxf_dir_lookup(&r->dir, name, len, &de);

	if (!r->model[i]) {
		ck_assert_int_eq(err, -ENOENT);
		return;
	}
	ck_assert_int_eq(err, 0);
	ck_assert_uint_eq(de.ino, r->model[i]);
	ck_assert_uint_eq(de.name_len, len);
	ck_assert_mem_eq(de.name, name, len);
	ck_assert_uint_eq(de.type, r->g->has_filetype ? DT_REG : DT_UNKNOWN);
}

struct seen {
	struct rig *r;
	uint8_t *count;			/* of each name */
	uint64_t last;			/* cookie */
	uint32_t ndots;
};

static int see(void *ctx, const struct dxf_dirent *de)
{
	struct seen *s = ctx;
	char name[256];
	uint32_t i;

	ck_assert_uint_ge(de->off, s->last);
	ck_assert_uint_gt(de->next, de->off);
	s->last = de->next;
	if (dxf_dir_is_dot(de->name, de->name_len)) {
		s->ndots++;
		return 0;
	}
	i = strtoul(de->name, NULL, 16);
	ck_assert_uint_lt(i, s->r->nnames);
	ck_assert_uint_eq(rig_name(s->r, i, name), de->name_len);
	ck_assert_mem_eq(name, de->name, de->name_len);
	ck_assert_uint_eq(de->ino, s->r->model[i]);
	s->count[i]++;
	return 0;
}

void rig_verify(struct rig *r)
{
	struct seen s = { .r = r };
	uint32_t names = 0;

	s.count = calloc(r->nnames, 1);
	ck_assert_ptr_nonnull(s.count);
	ck_assert_int_eq(dxf_dir_iterate(&r->dir, 0, see, &s), 0);
	ck_assert_uint_eq(s.ndots, 2);
	for (uint32_t i = 0; i < r->nnames; i++) {
		ck_assert_uint_eq(s.count[i], r->model[i] != 0);
		names += s.count[i];
		rig_verify_name(r, i);
	}
	ck_assert_int_eq(dxf_dir_is_empty(&r->dir), names == 0);
	free(s.count);
}

/* ---- the bytes on media ---- */

void rig_snapshot(struct rig *r, struct image *im)
{
	uint64_t size = r->g->nblocks << r->g->block_bits;

	im->bytes = malloc(size);
	im->used = calloc(r->g->nblocks, 1);
	ck_assert(im->bytes && im->used);
	ck_assert_int_eq(dxf_load(r->region, 0, im->bytes, size), 0);
	for (dxf_blk_t b = 0; b < r->g->nblocks; b++) {
		uint32_t rel = b - DXF_MIN(b, r->g->first_block);
		const struct dxf_group *gr =
			&r->e2->groups[rel / r->g->blocks_per_group];
		uint32_t bit = rel % r->g->blocks_per_group;

		im->used[b] = b < r->g->first_block ||
			(gr->flags & EXT2_BG_BLOCK_UNINIT) ||
			(im->bytes[dxf_blk_off(r->g, gr->block_bitmap) +
				   bit / 8] >> bit % 8 & 1);
	}
}

void rig_same(struct rig *r, const struct image *im)
{
	uint8_t buf[DXF_DIR_MAX_BLOCK];

	for (dxf_blk_t b = 0; b < r->g->nblocks; b++) {
		if (!im->used[b])
			continue;
		ck_assert_int_eq(dxf_load(r->region, dxf_blk_off(r->g, b), buf,
					  r->g->block_size), 0);
		ck_assert_msg(!memcmp(buf, im->bytes + dxf_blk_off(r->g, b),
				      r->g->block_size),
			      "block %llu changed", (unsigned long long)b);
	}
}

void rig_free_image(struct image *im)
{
	free(im->bytes);
	free(im->used);
}
