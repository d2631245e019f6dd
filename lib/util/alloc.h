/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alloc.h - malloc and friends, under the fault plan.
 *
 * Ownership: what they return is released with free(3).
 * Returns: NULL when there is no memory (or the fault plan says so).
 */
#ifndef DXF_ALLOC_H
#define DXF_ALLOC_H

#include <stddef.h>

void *dxf_malloc(size_t len);
void *dxf_calloc(size_t n, size_t len);
void *dxf_realloc(void *p, size_t len);
/* @align is a power of two and a multiple of sizeof(void *). */
void *dxf_aligned_alloc(size_t align, size_t len);
char *dxf_strdup(const char *s);

#endif
