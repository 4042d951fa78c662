// SPDX-License-Identifier: GPL-2.0
/*
 * For valgrind's memcheck: memory of the slab and page allocators has no content when it
 * is handed out. The linker puts these functions in front of the allocators' own; calls
 * within a file of the allocators (krealloc(), __get_free_pages()) are not seen, which
 * costs reports but makes no false ones.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/host_debug.h>
#include <../mm/slab.h>
#include "lkl.h"

static void *fresh(void *object, size_t size, gfp_t flags)
{
	if (object && !(flags & __GFP_ZERO) && lkl_debug_calls)
		lkl_debug_calls->no_content(object, size);
	return object;
}

/* What a constructor has made is kept from one use to the next. */
static void *fresh_of(struct kmem_cache *s, void *object, gfp_t flags)
{
	return s->ctor ? object : fresh(object, s->object_size, flags);
}

#define WRAP(type, name, parameters, arguments, result)	\
	type __real_##name parameters;			\
	type __wrap_##name parameters;			\
	type __wrap_##name parameters			\
	{						\
		type got = __real_##name arguments;	\
							\
		return result;				\
	}

WRAP(void *, kmem_cache_alloc_noprof, (struct kmem_cache *s, gfp_t flags), (s, flags),
     fresh_of(s, got, flags))
WRAP(void *, kmem_cache_alloc_lru_noprof,
     (struct kmem_cache *s, struct list_lru *lru, gfp_t flags), (s, lru, flags),
     fresh_of(s, got, flags))
WRAP(void *, kmem_cache_alloc_node_noprof, (struct kmem_cache *s, gfp_t flags, int node),
     (s, flags, node), fresh_of(s, got, flags))

WRAP(void *, __kmalloc_noprof, (size_t size, gfp_t flags), (size, flags),
     fresh(got, size, flags))
WRAP(void *, __kmalloc_node_noprof, (DECL_BUCKET_PARAMS(size, b), gfp_t flags, int node),
     (PASS_BUCKET_PARAMS(size, b), flags, node), fresh(got, size, flags))
WRAP(void *, __kmalloc_node_track_caller_noprof,
     (DECL_BUCKET_PARAMS(size, b), gfp_t flags, int node, unsigned long caller),
     (PASS_BUCKET_PARAMS(size, b), flags, node, caller), fresh(got, size, flags))
WRAP(void *, __kmalloc_cache_noprof, (struct kmem_cache *s, gfp_t flags, size_t size),
     (s, flags, size), fresh(got, size, flags))
WRAP(void *, __kmalloc_cache_node_noprof,
     (struct kmem_cache *s, gfp_t flags, int node, size_t size), (s, flags, node, size),
     fresh(got, size, flags))
WRAP(void *, __kmalloc_large_noprof, (size_t size, gfp_t flags), (size, flags),
     fresh(got, size, flags))
WRAP(void *, __kmalloc_large_node_noprof, (size_t size, gfp_t flags, int node),
     (size, flags, node), fresh(got, size, flags))

static struct page *fresh_pages(struct page *page, unsigned int order, gfp_t flags)
{
	if (page)
		fresh(page_address(page), PAGE_SIZE << order, flags);
	return page;
}

static struct folio *fresh_folio(struct folio *folio, unsigned int order, gfp_t flags)
{
	if (folio)
		fresh(folio_address(folio), PAGE_SIZE << order, flags);
	return folio;
}

WRAP(struct page *, __alloc_pages_noprof,
     (gfp_t flags, unsigned int order, int node, nodemask_t *mask), (flags, order, node, mask),
     fresh_pages(got, order, flags))
WRAP(struct folio *, __folio_alloc_noprof,
     (gfp_t flags, unsigned int order, int node, nodemask_t *mask), (flags, order, node, mask),
     fresh_folio(got, order, flags))

/* What was below the stack pointer of a stack, and could not be accessed, is memory again. */
void __real___free_pages(struct page *page, unsigned int order);
void __wrap___free_pages(struct page *page, unsigned int order);
void __wrap___free_pages(struct page *page, unsigned int order)
{
	fresh_pages(page, order, 0);
	__real___free_pages(page, order);
}

int __real_kmem_cache_alloc_bulk_noprof(struct kmem_cache *s, gfp_t flags, size_t size, void **p);
int __wrap_kmem_cache_alloc_bulk_noprof(struct kmem_cache *s, gfp_t flags, size_t size, void **p);
int __wrap_kmem_cache_alloc_bulk_noprof(struct kmem_cache *s, gfp_t flags, size_t size, void **p)
{
	int i, got = __real_kmem_cache_alloc_bulk_noprof(s, flags, size, p);

	for (i = 0; i < got; i++)
		fresh_of(s, p[i], flags);
	return got;
}

/*
 * Strings by bytes. The kernel's functions read words, and what lies behind the end of a
 * string is none of its content.
 */
long __wrap_strncpy_from_user(char *dst, const char __user *src, long count);
long __wrap_strncpy_from_user(char *dst, const char __user *src, long count)
{
	long i;

	for (i = 0; i < count; i++) {
		if (get_user(dst[i], src + i))
			return -EFAULT;
		if (!dst[i])
			break;
	}
	return i;
}

long __wrap_strnlen_user(const char __user *text, long count);
long __wrap_strnlen_user(const char __user *text, long count)
{
	char c;
	long i;

	for (i = 0; i < count; i++) {
		if (get_user(c, text + i))
			return 0;
		if (!c)
			return i + 1;
	}
	return count + 1;
}

ssize_t __wrap_sized_strscpy(char *dst, const char *src, size_t count);
ssize_t __wrap_sized_strscpy(char *dst, const char *src, size_t count)
{
	size_t i;

	if (!count || WARN_ON_ONCE(count > INT_MAX))
		return -E2BIG;
	for (i = 0; i < count; i++) {
		dst[i] = src[i];
		if (!dst[i])
			return i;
	}
	dst[count - 1] = 0;
	return -E2BIG;
}
