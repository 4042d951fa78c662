// SPDX-License-Identifier: GPL-2.0
#define COMPILE_OFFSETS	/* what is included need not have them */

#include <linux/kbuild.h>
#include <linux/sched.h>
#include <linux/stddef.h>
#include <asm/cpu.h>

int main(void)
{
	DEFINE(TASK_SP, offsetof(struct task_struct, thread.sp));
	DEFINE(TASK_STACK, offsetof(struct task_struct, stack));
	DEFINE(LKL_CPU_RUNNER, offsetof(struct lkl_cpu, runner));
	return 0;
}
