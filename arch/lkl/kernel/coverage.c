// SPDX-License-Identifier: GPL-2.0
/*
 * What the compiler has counted (CONFIG_GCOV_KERNEL), for the host library, which keeps
 * it in files. It asks on a stack of its own at any time, also when the kernel is no
 * more: nothing here but the counters and the list of them is looked at. That list is
 * made once, by constructors, while the kernel boots.
 */
#include "lkl.h"

#ifdef CONFIG_GCOV_KERNEL

#include <gcov.h>	/* of kernel/gcov */

void *lkl_kernel_coverage_next(void *object)
{
	return gcov_info_next(object);
}

const char *lkl_kernel_coverage_file(void *object)
{
	return gcov_info_filename(object);
}

lkl_u64 lkl_kernel_coverage_data(void *object, void *data)
{
	return convert_to_gcda(data, object);
}

void lkl_kernel_coverage_reset(void)
{
	struct gcov_info *object = NULL;

	while ((object = gcov_info_next(object)))
		gcov_info_reset(object);
}

int lkl_kernel_coverage_built(void)
{
	return 1;
}

#else

void *lkl_kernel_coverage_next(void *object)
{
	return NULL;
}

const char *lkl_kernel_coverage_file(void *object)
{
	return NULL;
}

lkl_u64 lkl_kernel_coverage_data(void *object, void *data)
{
	return 0;
}

void lkl_kernel_coverage_reset(void)
{
}

int lkl_kernel_coverage_built(void)
{
	return 0;
}

#endif
