// SPDX-License-Identifier: GPL-2.0
/* The function tracer. Called by each function of the kernel while it is on. */
#include <linux/ftrace.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include "lkl.h"

extern ftrace_func_t ftrace_trace_function;
extern struct ftrace_ops *function_trace_op;

/* Some functions serve the host's fault handler, which may have a stack of its own. */
void lkl_ftrace(unsigned long ip, unsigned long parent_ip)
{
	unsigned long sp = (unsigned long)__builtin_frame_address(0);

	if (lkl_on_kernel_stack(sp))
		ftrace_trace_function(ip, parent_ip, function_trace_op, NULL);
}
