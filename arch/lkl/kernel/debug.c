// SPDX-License-Identifier: GPL-2.0
/*
 * For debuggers: where in this kernel's structures is what they look for. It is there
 * in a kernel without debug information as well; tools/gdb reads it.
 */
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/stddef.h>
#include <asm/host_debug.h>
#include <../kernel/printk/printk_ringbuffer.h>
#include "lkl.h"

#define VALUE(name, value)		{ name, (unsigned long)(value) }
#define OFFSET(name, type, member)	VALUE(name, offsetof(struct type, member))

const struct lkl_debug_value lkl_kernel_debug[] = {
	VALUE("thread_size", THREAD_SIZE),
	VALUE("stack_reserve", LKL_STACK_TOP_RESERVE),
	VALUE("init_task", &init_task),
	OFFSET("task.tasks", task_struct, tasks),
	OFFSET("task.thread_node", task_struct, thread_node),
	OFFSET("task.signal", task_struct, signal),
	OFFSET("task.pid", task_struct, pid),
	OFFSET("task.tgid", task_struct, tgid),
	OFFSET("task.comm", task_struct, comm),
	OFFSET("task.state", task_struct, __state),
	OFFSET("task.exit_state", task_struct, exit_state),
	OFFSET("task.flags", task_struct, flags),
	OFFSET("task.stack", task_struct, stack),
	OFFSET("task.sp", task_struct, thread.sp),
	OFFSET("task.host_thread", task_struct, thread.host_thread),
	OFFSET("signal.thread_head", signal_struct, thread_head),

	OFFSET("cpu.word", lkl_cpu, word),
	OFFSET("cpu.minder_deadline", lkl_cpu, minder_deadline),
	OFFSET("cpu.next_event", lkl_cpu, next_event),
	OFFSET("cpu.sp", lkl_cpu, sp),
	OFFSET("cpu.runner", lkl_cpu, runner),
	OFFSET("cpu.user", lkl_cpu, user),
	OFFSET("cpu.mode", lkl_cpu, mode),
	OFFSET("cpu.irqs_off", lkl_cpu, irqs_off),
	OFFSET("cpu.switches", lkl_cpu, switches),
	OFFSET("cpu.hand_overs", lkl_cpu, hand_overs),
	OFFSET("thread.nr", lkl_host_thread, nr),
	OFFSET("thread.state", lkl_host_thread, state),
	OFFSET("thread.task", lkl_host_thread, task),

	/* the kernel's log: what "prb" points to */
	OFFSET("log.desc_bits", printk_ringbuffer, desc_ring.count_bits),
	OFFSET("log.descs", printk_ringbuffer, desc_ring.descs),
	OFFSET("log.infos", printk_ringbuffer, desc_ring.infos),
	OFFSET("log.head_id", printk_ringbuffer, desc_ring.head_id),
	OFFSET("log.tail_id", printk_ringbuffer, desc_ring.tail_id),
	OFFSET("log.text_bits", printk_ringbuffer, text_data_ring.size_bits),
	OFFSET("log.text", printk_ringbuffer, text_data_ring.data),
	VALUE("desc.size", sizeof(struct prb_desc)),
	OFFSET("desc.state", prb_desc, state_var),
	OFFSET("desc.begin", prb_desc, text_blk_lpos.begin),
	OFFSET("desc.next", prb_desc, text_blk_lpos.next),
	VALUE("info.size", sizeof(struct printk_info)),
	OFFSET("info.ts_nsec", printk_info, ts_nsec),
	OFFSET("info.text_len", printk_info, text_len),
	{ "" }
};
