// SPDX-License-Identifier: GPL-2.0
/*
 * Faults of the application's mappings: by its own code, which come as a request of its
 * thread, and by kernel code that copies from or to there, which comes here from the
 * instruction itself.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/userfaultfd_k.h>
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

/*
 * A fault costs the host a signal and a mapping, so who reads on and on is to have few of them:
 * whatever else of the file is in memory is put in place with the page, twice as much each time.
 * Some readers are remembered by where each will be next, the last one first.
 */
#define READERS		4
#define BLOCK		(16 * PAGE_SIZE)	/* what a fault maps around itself */
#define MOST_AHEAD	(16 * BLOCK)

static struct reader {
	unsigned long next, ahead;
} readers[READERS];

static struct reader reader_at(unsigned long block)
{
	struct reader found = { block, 0 };
	unsigned int i;

	for (i = 0; i < READERS - 1; i++)
		if (readers[i].next == block)
			break;
	if (readers[i].next == block)
		found.ahead = min(max(2 * readers[i].ahead, BLOCK), MOST_AHEAD);
	memmove(readers + 1, readers, i * sizeof(readers[0]));
	return found;
}

/* Nothing is read for it. */
static void map_cached(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	struct vm_fault fault = {
		.vma		= vma,
		.address	= start,
		.real_address	= start,
		.pgoff		= linear_page_index(vma, start),
		.gfp_mask	= mapping_gfp_mask(vma->vm_file->f_mapping),
		.pmd		= pmd_off(vma->vm_mm, start),
	};

	if (!pmd_none(*fault.pmd))
		vma->vm_ops->map_pages(&fault, fault.pgoff,
				       fault.pgoff + (end - start) / PAGE_SIZE - 1);
}

/* After a fault that has put the block of this address in place. */
static void map_ahead(struct vm_area_struct *vma, unsigned long address)
{
	unsigned long block = round_down(address, BLOCK), start = block + BLOCK, end;
	struct reader reader = reader_at(block);

	reader.next = start;
	end = min3(start + reader.ahead, vma->vm_end, (block | ~PMD_MASK) + 1);
	if (start < end) {
		map_cached(vma, start, end);
		reader.next = round_down(lkl_map_ahead(vma->vm_mm, start, end), BLOCK);
	}
	readers[0] = reader;
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
	if (!(fault & VM_FAULT_ERROR)) {
		mapped = lkl_map_by_tables(mm, address, write);
		if (mapped > 0 && !write && vma->vm_file && vma->vm_ops->map_pages &&
		    !uffd_disable_fault_around(vma))
			map_ahead(vma, address);
	}
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
