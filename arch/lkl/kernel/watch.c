// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors that become readable when one of the host's is ready: a thread waits for both
 * worlds by one call, of this kernel. What is read is what the host has said, and with that it is
 * asked again.
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/irqflags.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <asm/host_watch.h>
#include "lkl.h"
#include "shared_word.h"

/* Beside the events, which poll(2) has in 16 bits: it is on the list. */
#define WATCH_QUEUED	BIT(31)

struct watch {
	u32 events;		/* that nobody has read */
	struct watch *next;
	void *of_host;
	wait_queue_head_t wait;
};

static const struct lkl_watch_calls *host_watches;
static unsigned int watch_irq;
/* Those that are ready; threads of the host put them there. */
static struct watch *ready_list;

LKL_ABI void lkl_kernel_watch_calls(const struct lkl_watch_calls *calls)
{
	host_watches = calls;
}

LKL_ABI void lkl_kernel_watch_ready(void *kernel, lkl_u32 events)
{
	struct watch *watch = kernel, *head;

	if (!(LKL_FETCH_OR(watch->events, (events & 0xffff) | WATCH_QUEUED) & WATCH_QUEUED)) {
		do {
			head = LKL_LOAD_RELAXED(ready_list);
			watch->next = head;
		} while (!LKL_CAS(ready_list, head, watch));
	}
}

static u32 unread(const struct watch *watch)
{
	return LKL_LOAD(watch->events) & ~WATCH_QUEUED;
}

static irqreturn_t wake_ready(int irq, void *unused)
{
	struct watch *watch = LKL_XCHG(ready_list, NULL), *next;

	for (; watch; watch = next) {
		next = watch->next;
		/* from here on it may be put on the list again */
		LKL_FETCH_AND(watch->events, ~WATCH_QUEUED);
		wake_up_interruptible_poll(&watch->wait, EPOLLIN | EPOLLRDNORM);
	}
	return IRQ_HANDLED;
}

static __poll_t watch_poll(struct file *file, poll_table *table)
{
	struct watch *watch = file->private_data;

	poll_wait(file, &watch->wait, table);
	return unread(watch) ? EPOLLIN | EPOLLRDNORM : 0;
}

static ssize_t watch_read(struct file *file, char __user *to, size_t size, loff_t *pos)
{
	struct watch *watch = file->private_data;
	u64 events;
	int error;

	if (size < sizeof(events))
		return -EINVAL;
	while (!(events = LKL_FETCH_AND(watch->events, WATCH_QUEUED) & ~WATCH_QUEUED)) {
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		error = wait_event_interruptible(watch->wait, unread(watch));
		if (error)
			return error;
	}
	host_watches->begin(host_watches->instance, watch->of_host, watch);
	if (put_user(events, (u64 __user *)to))
		return -EFAULT;
	return sizeof(events);
}

static void free_watch(struct watch *watch)
{
	unsigned long flags;

	host_watches->end(host_watches->instance, watch->of_host);
	/* it may have become ready before: off the list */
	local_irq_save(flags);
	wake_ready(watch_irq, NULL);
	local_irq_restore(flags);
	kfree(watch);
}

static int watch_release(struct inode *inode, struct file *file)
{
	free_watch(file->private_data);
	return 0;
}

static const struct file_operations watch_operations = {
	.release = watch_release,
	.poll = watch_poll,
	.read = watch_read,
	.llseek = noop_llseek,
};

long lkl_watch_create(void *of_host, unsigned int irq, int flags)
{
	struct watch *watch = NULL;
	int result = -EINVAL;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		goto fail;
	if (!watch_irq) {
		result = request_irq(irq, wake_ready, 0, "lkl-watch", NULL);
		if (result)
			goto fail;
		watch_irq = irq;
	}
	result = -ENOMEM;
	watch = kzalloc(sizeof(*watch), GFP_KERNEL);
	if (!watch)
		goto fail;
	init_waitqueue_head(&watch->wait);
	watch->of_host = of_host;
	host_watches->begin(host_watches->instance, of_host, watch);
	result = anon_inode_getfd("[lkl-watch]", &watch_operations, watch, O_RDONLY | flags);
	if (result >= 0)
		return result;
	free_watch(watch);
	return result;
fail:
	host_watches->end(host_watches->instance, of_host);
	return result;
}
