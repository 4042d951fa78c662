// SPDX-License-Identifier: GPL-2.0
/*
 * The first user process. kernel_init() wants to execute a file called /init: a
 * binary format that accepts this one, once, takes pid 1 to user mode with a
 * memory map of its own and no program. Application threads become its threads.
 */
#include <linux/binfmts.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/init_syscalls.h>
#include <linux/kdev_t.h>
#include <linux/major.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/personality.h>
#include <linux/sched.h>
#include "lkl.h"

static const char init_path[] = "/init";
static const char console_path[] = "/dev/console";

static int load_init(struct linux_binprm *bprm)
{
	unsigned int fd;
	int err;

	if (!is_global_init(current) || strcmp(bprm->filename, init_path))
		return -ENOEXEC;
	err = begin_new_exec(bprm);
	if (err)
		return err;
	set_personality(PER_LINUX);
	setup_new_exec(bprm);
	finalize_exec(bprm);
	/* where the words for the program would be: they are for nobody */
	if (IS_ENABLED(CONFIG_MMU))
		vm_munmap(TASK_UNMAPPED_BASE, STACK_TOP - TASK_UNMAPPED_BASE);
	lkl_user_memory_begins();
	/* its console: applications expect their first file to be 0 */
	for (fd = 0; fd < 3; fd++)
		close_fd(fd);
	return 0;
}

static struct linux_binfmt init_format = {
	.module		= THIS_MODULE,
	.load_binary	= load_init,
};

/*
 * The kernel opens a console for its first process, and warns if there is none.
 * There is none, but the null device does as well.
 */
static void __init make_console(void)
{
	init_unlink(console_path);
	init_mknod(console_path, S_IFCHR | 0600, new_encode_dev(MKDEV(MEM_MAJOR, 3)));
}

static int __init make_init(void)
{
	/* for reading: after a write the file would stay busy until a return to user mode */
	struct file *file = filp_open(init_path, O_CREAT | O_RDONLY, 0700);

	if (IS_ERR(file))
		return PTR_ERR(file);
	filp_close(file, NULL);
	flush_delayed_fput();
	make_console();
	register_binfmt(&init_format);
	return 0;
}
late_initcall(make_init);
