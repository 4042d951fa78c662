/* SPDX-License-Identifier: GPL-2.0 */
#include <lkl.h>
#include <lkl_host.h>
#include <stdio.h>

/* the application may have functions with names that the kernel has too */
const char *kmalloc(void) { return "kmalloc of the application"; }
int schedule(void) { return 1; }
int printk(const char *text) { return puts(text); }

int main(void)
{
	lkl_host_ops.print = NULL;
	if (lkl_init(&lkl_host_ops) || lkl_start_kernel("mem=32M"))
		return 1;
	printf("pid %ld, %s\n", (long)lkl_sys_getpid() * schedule(), kmalloc());
	lkl_sys_halt();
	lkl_cleanup();
	return 0;
}
