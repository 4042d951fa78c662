// SPDX-License-Identifier: GPL-2.0
/*
 * Settings of the kernel that are to be others here, and can be changed by the file only that they
 * are a matter of: when it tells sysctl of them. The application may set them otherwise.
 */
#include <linux/array_size.h>
#include <linux/init.h>
#include <linux/string.h>
#include <linux/sysctl.h>
#include <asm/kernel_version.h>
#include "lkl.h"

static const struct {
	const char *name;	/* in /proc/sys/vm */
	int value;
} settings[] __initconst = {
#ifdef CONFIG_DEFERRED_STRUCT_PAGE_INIT
	/*
	 * Who takes pages of another kind's block raises the watermarks, for kswapd to make room
	 * that keeps the kinds apart. While the zone is small (grow.c) that happens often, and
	 * near the ceiling it would take 4 MiB from who could still have them: no boost.
	 */
	{ "watermark_boost_factor", 0 },
#endif
#if defined(CONFIG_MMU) && LKL_PRIVATE_OVERCOMMIT_RATIO
	{ "overcommit_ratio", LKL_OVERCOMMIT_RATIO },	/* mapped.c */
#endif
};

void __real___register_sysctl_init(const char *path, const struct ctl_table *table,
				   const char *table_name, size_t table_size);
void __wrap___register_sysctl_init(const char *path, const struct ctl_table *table,
				   const char *table_name, size_t table_size);
void __init __wrap___register_sysctl_init(const char *path, const struct ctl_table *table,
					  const char *table_name, size_t table_size)
{
	size_t i, j;

	for (i = 0; i < table_size && !strcmp(path, "vm"); i++)
		for (j = 0; j < ARRAY_SIZE(settings); j++)
			if (table[i].procname && !strcmp(table[i].procname, settings[j].name))
				*(int *)table[i].data = settings[j].value;
	__real___register_sysctl_init(path, table, table_name, table_size);
}
