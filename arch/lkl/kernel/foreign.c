// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of the application that the kernel has not mapped, most of it: user pointers go there
 * as everywhere, but no page table has it.
 */
#include <linux/mutex.h>
#include <linux/futex.h>
#include <linux/mm.h>
#include <asm/kernel_version.h>
#include "futex.h"
#include "lkl.h"

/*
 * A futex that may be shared with other processes is found by its page. There are no others, and
 * where there is no page the address says it.
 */
#if !LKL_FUTEX_HAS_FLAGS
int __real_get_futex_key(u32 __user *uaddr, bool shared, union futex_key *key,
			 enum futex_access rw);
int __wrap_get_futex_key(u32 __user *uaddr, bool shared, union futex_key *key,
			 enum futex_access rw);
int __wrap_get_futex_key(u32 __user *uaddr, bool shared, union futex_key *key,
			 enum futex_access rw)
{
	return __real_get_futex_key(uaddr, shared && lkl_is_mapped_for_user(uaddr), key, rw);
}
#else
int __real_get_futex_key(u32 __user *uaddr, unsigned int flags, union futex_key *key,
			 enum futex_access rw);
int __wrap_get_futex_key(u32 __user *uaddr, unsigned int flags, union futex_key *key,
			 enum futex_access rw);
int __wrap_get_futex_key(u32 __user *uaddr, unsigned int flags, union futex_key *key,
			 enum futex_access rw)
{
	if (!lkl_is_mapped_for_user(uaddr))
		flags &= ~FLAGS_SHARED;
	return __real_get_futex_key(uaddr, flags, key, rw);
}
#endif
