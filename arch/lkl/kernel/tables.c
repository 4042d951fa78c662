// SPDX-License-Identifier: GPL-2.0
/*
 * Tables that the kernel makes at boot, of sizes that are a part of the memory there may be. They
 * cost what is used of them, or are no larger than a kernel can write while it boots.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/memblock.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include "lkl.h"

/* Of how much memory those are that are written at boot, at most. */
#define MOST_MEMORY	SZ_512M

/*
 * What memblock gives is zeros. That it is already where nobody has had anything yet, and memblock
 * goes downwards: there it stays untouched. The tables of dentries and inodes are such.
 */
void *__wrap_memblock_alloc_try_nid(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr,
				    phys_addr_t max_addr, int nid);
void *__init __wrap_memblock_alloc_try_nid(phys_addr_t size, phys_addr_t align,
					   phys_addr_t min_addr, phys_addr_t max_addr, int nid)
{
	static void *lowest __initdata;
	void *got = memblock_alloc_try_nid_raw(size, align, min_addr, max_addr, nid);

	if (!got)
		return NULL;
	if (lowest && got + size > lowest)
		memset(got, 0, size);
	if (!lowest || got < lowest)
		lowest = got;
	return got;
}

/*
 * Tables of the page allocator are those of networks, and written as a whole by who asks for them.
 * With 8 GiB they would take longer than the rest of the boot.
 */
void *__real_alloc_large_system_hash(const char *name, unsigned long bucket_size,
				     unsigned long buckets, int scale, int flags,
				     unsigned int *shift, unsigned int *mask,
				     unsigned long low_limit, unsigned long high_limit);
void *__wrap_alloc_large_system_hash(const char *name, unsigned long bucket_size,
				     unsigned long buckets, int scale, int flags,
				     unsigned int *shift, unsigned int *mask,
				     unsigned long low_limit, unsigned long high_limit);
void *__init __wrap_alloc_large_system_hash(const char *name, unsigned long bucket_size,
					    unsigned long buckets, int scale, int flags,
					    unsigned int *shift, unsigned int *mask,
					    unsigned long low_limit, unsigned long high_limit)
{
	unsigned long most = max(MOST_MEMORY >> scale, low_limit);

	if (!buckets && !(flags & HASH_EARLY) && (!high_limit || high_limit > most))
		high_limit = most;
	return __real_alloc_large_system_hash(name, bucket_size, buckets, scale, flags, shift,
					      mask, low_limit, high_limit);
}

/*
 * Words for the command line: tables of connections for as many as there would be else, when each
 * bucket has eight of them.
 */
const char *__init lkl_words_for_tables(unsigned long memory)
{
	if (!IS_ENABLED(CONFIG_NF_CONNTRACK) || memory <= SZ_1G)
		return "";
	return memory <= 4UL * SZ_1G ? "nf_conntrack.hashsize=8192" : "nf_conntrack.hashsize=32768";
}
