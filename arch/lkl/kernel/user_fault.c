// SPDX-License-Identifier: GPL-2.0
/*
 * Faults of the application's mappings: by its own code, which come as a request of its
 * thread, and by kernel code that copies from or to there, which comes here from the
 * instruction itself.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <asm/host_memory.h>
#include "lkl.h"

static bool allowed(const struct vm_area_struct *vma, bool write)
{
	if (write)
		return vma->vm_flags & VM_WRITE;
	return vma->vm_flags & (VM_READ | VM_WRITE | VM_EXEC);
}

static long signal_of(vm_fault_t fault)
{
	if (fault & VM_FAULT_OOM) {
		pagefault_out_of_memory();
		return 0;
	}
	return fault & (VM_FAULT_SIGBUS | VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE) ?
		LKL_FAULT_BUS : LKL_FAULT_SEGV;
}

/* 0 if the access can be tried again, or the signal for who has made it. */
long lkl_user_page_fault(unsigned long address, bool write)
{
	unsigned int flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | FAULT_FLAG_USER |
			     (write ? FAULT_FLAG_WRITE : 0);
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	vm_fault_t fault;
	int mapped;

	if (!mm || !lkl_is_followed(mm, address))
		return LKL_FAULT_SEGV;
	mapped = lkl_map_by_tables(mm, address, write);
	if (mapped)
		return mapped > 0 ? 0 : LKL_FAULT_BUS;
	for (;;) {
		if (mmap_read_lock_killable(mm))
			return LKL_FAULT_SEGV;
		vma = vma_lookup(mm, address);
		if (!vma || !allowed(vma, write)) {
			mmap_read_unlock(mm);
			return LKL_FAULT_SEGV;
		}
		fault = handle_mm_fault(vma, address, flags, NULL);
		if (fault & VM_FAULT_COMPLETED)
			continue;
		if (fault & VM_FAULT_RETRY) {
			if (fatal_signal_pending(current))
				return LKL_FAULT_SEGV;
			flags |= FAULT_FLAG_TRIED;
			continue;
		}
		break;
	}
	if (!(fault & VM_FAULT_ERROR))
		mapped = lkl_map_by_tables(mm, address, write);
	mmap_read_unlock(mm);
	if (fault & VM_FAULT_ERROR)
		return signal_of(fault);
	/* if it is not there: gone again already, and the access is made once more */
	return mapped < 0 ? LKL_FAULT_BUS : 0;
}

#define TO_BE_WRITTEN	(1UL << 63)

asmlinkage unsigned long lkl_user_fault(unsigned long what, unsigned long pc);

/* From lkl_kernel_user_fault_entry(): where to go on. */
asmlinkage unsigned long lkl_user_fault(unsigned long what, unsigned long pc)
{
	unsigned long address = what & ~TO_BE_WRITTEN;
	bool write = what & TO_BE_WRITTEN;
	unsigned long go_on;

	if (!irqs_disabled() && !faulthandler_disabled() && current->mm &&
	    !lkl_user_page_fault(address, write))
		return pc;
	go_on = lkl_kernel_fixup(pc);
	if (!go_on)
		lkl_fault(address, pc);
	return go_on;
}
