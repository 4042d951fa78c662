// SPDX-License-Identifier: GPL-2.0
/* What the host knows of randomness goes into the kernel's generator. */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/host_random.h>
#include "lkl.h"

static const void *boot_seed;

void lkl_kernel_seed(const void *bytes)
{
	boot_seed = bytes;
}

void __init lkl_random_setup(void)
{
	u8 seed[LKL_SEED_SIZE];

	/* a fuzzer wants the same kernel each time */
	if (!boot_seed || IS_ENABLED(CONFIG_LKL_FUZZ_COVERAGE))
		return;
	/* memory of the host, which KASAN knows nothing of */
	if (raw_copy_from_user(seed, (const void __user *)boot_seed, sizeof(seed)))
		return;
	add_bootloader_randomness(seed, sizeof(seed));
	memzero_explicit(seed, sizeof(seed));
	boot_seed = NULL;
}

/* The process has forked: from here on this kernel's numbers are not its parent's. */
long lkl_random_reseed(const void __user *bytes, size_t size)
{
	const struct cred *caller;
	u8 seed[LKL_SEED_SIZE];
	long ret;

	if (IS_ENABLED(CONFIG_LKL_FUZZ_COVERAGE))
		return 0;
	if (size > sizeof(seed))
		return -EINVAL;
	if (copy_from_user(seed, bytes, size))
		return -EFAULT;
	add_device_randomness(seed, size);
	memzero_explicit(seed, sizeof(seed));
	/* The generator looks at that only when it is time, or when one who may asks for it. */
	caller = override_creds(rcu_dereference_raw(init_task.cred));
	ret = random_fops.unlocked_ioctl(NULL, RNDRESEEDCRNG, 0);
	revert_creds(caller);
	return ret;
}
