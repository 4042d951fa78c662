// SPDX-License-Identifier: GPL-2.0
/* /sys/kernel/debug/lkl */
#include <linux/debugfs.h>
#include "lkl.h"

/* From initcalls only. */
struct dentry *lkl_debugfs(void)
{
	static struct dentry *folder;

	if (!folder)
		folder = debugfs_create_dir("lkl", NULL);
	return folder;
}
