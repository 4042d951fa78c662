// SPDX-License-Identifier: GPL-2.0
/*
 * Memory with page tables. The tables say what is where in two windows of host addresses,
 * one of the kernel's (vmalloc(), vmap()) and one of the application's (mmap()). The host's
 * mappings there are a TLB of the tables: after each flush they are a part of what the tables
 * say. What is missing is put there when it faults, and any of them may be dropped, as all are
 * when the host has no room for more. The memory itself is at one place for good and needs none
 * of this.
 *
 * An entry with _PAGE_HOST is what the host has, if it has anything there. Tables belong to
 * the holder of the CPU; a fault of its own finds them whole, since no access to a window is
 * in the midst of a change.
 */
#include <linux/export.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pgtable.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>
#include <asm/cacheflush.h>
#include <asm/host_memory.h>
#include <asm/kernel_version.h>
#include <asm/mmu_context.h>
#include <asm/pgalloc.h>
#include <asm/tlbflush.h>
#include "lkl.h"

/*
 * Both windows side by side, a quarter for the kernel, and between them some room for users that
 * are not the application. Addresses cost nothing, but a process may be limited in them.
 */
#define MOST_WINDOWS		(128UL * SZ_1G)
#define LEAST_WINDOWS		((unsigned long)SZ_1G)

/* What one fault puts in place, if it is there in the tables. */
#define KERNEL_BATCH		64
#define USER_BATCH		16

pgd_t swapper_pg_dir[PTRS_PER_PGD] __aligned(PAGE_SIZE);

unsigned long lkl_vmalloc_start, lkl_vmalloc_end;
EXPORT_SYMBOL(lkl_vmalloc_start);
EXPORT_SYMBOL(lkl_vmalloc_end);
unsigned long lkl_user_start, lkl_user_end;
EXPORT_SYMBOL(lkl_user_start);
EXPORT_SYMBOL(lkl_user_end);

/*
 * Whose tables the host follows in the application's window, and before it, from other_start
 * on: there those of an address space that a kernel thread has taken for itself
 * (kthread_use_mm()). The host has one, in which threads of the application may be at work
 * meanwhile.
 */
static struct mm_struct *user_mm, *other_mm;
static unsigned long other_start;

static struct mm_struct *mm_of(unsigned long address)
{
	if (address < other_start || address >= lkl_user_end)
		return &init_mm;
	return address < lkl_user_start ? other_mm : user_mm;
}

bool lkl_is_followed(struct mm_struct *mm, unsigned long address)
{
	return mm == mm_of(address);
}

static const pgprot_t protection_map[16] = {
	[VM_NONE]					= PAGE_NONE,
	[VM_READ]					= PAGE_READONLY,
	[VM_WRITE]					= PAGE_COPY,
	[VM_WRITE | VM_READ]				= PAGE_COPY,
	[VM_EXEC]					= PAGE_READONLY_EXEC,
	[VM_EXEC | VM_READ]				= PAGE_READONLY_EXEC,
	[VM_EXEC | VM_WRITE]				= PAGE_READONLY_EXEC,
	[VM_EXEC | VM_WRITE | VM_READ]			= PAGE_READONLY_EXEC,
	[VM_SHARED]					= PAGE_NONE,
	[VM_SHARED | VM_READ]				= PAGE_READONLY,
	[VM_SHARED | VM_WRITE]				= PAGE_SHARED,
	[VM_SHARED | VM_WRITE | VM_READ]		= PAGE_SHARED,
	[VM_SHARED | VM_EXEC]				= PAGE_READONLY_EXEC,
	[VM_SHARED | VM_EXEC | VM_READ]			= PAGE_READONLY_EXEC,
	[VM_SHARED | VM_EXEC | VM_WRITE]		= PAGE_SHARED_EXEC,
	[VM_SHARED | VM_EXEC | VM_WRITE | VM_READ]	= PAGE_SHARED_EXEC,
};
DECLARE_VM_GET_PAGE_PROT

static bool reserve_windows(void)
{
	unsigned long size;
	void *start;

	for (size = MOST_WINDOWS; size >= LEAST_WINDOWS; size /= 2) {
		start = lkl_memory->window(lkl_memory->instance, size, PMD_SIZE);
		if (!start)
			continue;
		lkl_vmalloc_start = (unsigned long)start;
		lkl_vmalloc_end = lkl_vmalloc_start + size / 4;
		other_start = lkl_vmalloc_end;
		lkl_user_start = other_start + size / 16;
		lkl_user_end = lkl_vmalloc_start + size;
		return true;
	}
	return false;
}

/*
 * Who maps more than there is gets an error, as without page tables, not a page that can't be
 * had when it is written: there is one process, and nobody to kill for it. A part is left to
 * the kernel itself. The application may set it otherwise (vm.overcommit_memory). For the
 * ratio see settings.c, too.
 */
static int __init promise_what_there_is(void)
{
	sysctl_overcommit_memory = OVERCOMMIT_NEVER;
#if !LKL_PRIVATE_OVERCOMMIT_RATIO
	sysctl_overcommit_ratio = LKL_OVERCOMMIT_RATIO;
#endif
	return 0;
}
core_initcall(promise_what_there_is);

/* On the host stack of the thread that boots. */
void *lkl_memory_alloc(unsigned long size, unsigned long align)
{
	return reserve_windows() ? lkl_memory->alloc(lkl_memory->instance, size, align) : NULL;
}

/* Nobody maps it, and it is at the end of the memory. */
void lkl_page_array_begins(void *array)
{
	if (!lkl_memory->never_map(lkl_memory->instance, array, memory_end - (unsigned long)array))
		panic("The host has no memory for the array of pages");
}

pgd_t *pgd_alloc(struct mm_struct *mm)
{
	/* what the kernel has is in its own */
	return (pgd_t *)get_zeroed_page(GFP_KERNEL);
}

/* ---- the tables ---- */

/* The table of entries of an address, NULL if there is none; *end is where the next one begins. */
static pte_t *table_of(struct mm_struct *mm, unsigned long address, unsigned long *end)
{
	pgd_t *pgd = pgd_offset(mm, address);
	p4d_t *p4d = p4d_offset(pgd, address);
	pud_t *pud;
	pmd_t *pmd;

	*end = (address | ~PGDIR_MASK) + 1;
	if (p4d_none(*p4d))
		return NULL;
	pud = pud_offset(p4d, address);
	*end = (address | ~PUD_MASK) + 1;
	if (pud_none(*pud))
		return NULL;
	pmd = pmd_offset(pud, address);
	*end = (address | ~PMD_MASK) + 1;
	if (pmd_none(*pmd))
		return NULL;
	return (pte_t *)pmd_page_vaddr(*pmd);
}

/* What the host may let happen there: writing only after the entry says that it has been. */
static int host_access(pte_t pte)
{
	int access = 0;

	if (!pte_present(pte) || !pfn_valid(pte_pfn(pte)))
		return 0;
	if (pte_val(pte) & _PAGE_READ)
		access |= LKL_MAP_READ;
	if (pte_write(pte) && pte_dirty(pte))
		access |= LKL_MAP_READ | LKL_MAP_WRITE;
	if (pte_val(pte) & _PAGE_EXEC)
		access |= LKL_MAP_EXECUTE;
	return access;
}

/* ---- the host ---- */

/*
 * All that the host has of both windows; tables need not know. By one call, which ends no mapping
 * in the middle: the host always does that.
 */
static bool drop_all(void)
{
	return !lkl_memory->unmap(lkl_memory->instance, (void *)lkl_vmalloc_start,
				  lkl_user_end - lkl_vmalloc_start);
}

static int map_run(unsigned long address, pte_t *entry, unsigned int pages)
{
	void *memory = pfn_to_virt(pte_pfn(*entry));
	int access = host_access(*entry);
	unsigned int i;

	if (lkl_memory->map(lkl_memory->instance, (void *)address, memory, pages * PAGE_SIZE,
			    access))
		return -1;
	for (i = 0; i < pages; i++)
		entry[i].pte |= _PAGE_HOST;
	return 0;
}

/* Two entries, one after the other, that one call to the host can map; the second is to be. */
static bool is_continued_by(const pte_t *entry, const pte_t *next)
{
	return host_access(*entry) == host_access(*next) && pte_pfn(*entry) + 1 == pte_pfn(*next);
}

static bool is_missing(const pte_t *entry)
{
	return host_access(*entry) && !(pte_val(*entry) & _PAGE_HOST);
}

/* How many entries one call can map, from this one on: all but the first if they are missing. */
static unsigned int length_of_run(const pte_t *entry, unsigned int most)
{
	unsigned int pages = 1;

	while (pages < most && is_missing(entry + pages) &&
	       is_continued_by(entry + pages - 1, entry + pages))
		pages++;
	return pages;
}

/*
 * The page of this address, and by the same call its neighbours in memory between the two
 * others: that is what takes the time. -1 if the host has no room.
 */
static int map_with_neighbours(pte_t *table, unsigned long address, unsigned long start,
			       unsigned long end)
{
	pte_t *entry = table + pte_index(address);
	unsigned int before = 0, most = (address - start) / PAGE_SIZE;
	unsigned int pages = length_of_run(entry, (end - address) / PAGE_SIZE);

	while (before < most && is_missing(entry - before - 1) &&
	       is_continued_by(entry - before - 1, entry - before))
		before++;
	return map_run(address - before * PAGE_SIZE, entry - before, before + pages);
}

/*
 * Puts in place what the tables say between two addresses of one table, neighbours together
 * where they are in memory, but for what is there already. False if the host has no room.
 */
static bool map_entries(pte_t *table, unsigned long start, unsigned long end)
{
	unsigned long address = start;

	while (address < end) {
		pte_t *entry = table + pte_index(address);
		unsigned int pages;

		if (!is_missing(entry)) {
			address += PAGE_SIZE;
			continue;
		}
		pages = length_of_run(entry, (end - address) / PAGE_SIZE);
		if (map_run(address, entry, pages))
			return false;
		address += pages * PAGE_SIZE;
	}
	return true;
}

/*
 * What the unit that walks tables does in a processor: marks the entry and has the mapping
 * made; 1 then. 0 if the tables do not allow the access, -1 if the host does not allow the
 * mapping. Runs in the host's handler, too.
 */
int lkl_map_by_tables(struct mm_struct *mm, unsigned long address, bool write)
{
	unsigned long page = address & PAGE_MASK, start, end, table_end;
	pte_t *table = table_of(mm, address, &table_end), *entry;
	pte_t pte;

	if (!table || !lkl_is_followed(mm, address))
		return 0;
	entry = table + pte_index(address);
	pte = *entry;
	if (!pte_present(pte) || !pfn_valid(pte_pfn(pte)))
		return 0;
	if (write ? !pte_write(pte) : !(pte_val(pte) & (_PAGE_READ | _PAGE_WRITE | _PAGE_EXEC)))
		return 0;
	pte = pte_mkyoung(pte);
	if (write)
		pte = pte_mkdirty(pte);
	if (!pte_same(pte, *entry))
		set_pte(entry, pte);
	/* its neighbours are a favour */
	if (mm == &init_mm) {
		start = page;
		end = min(page + KERNEL_BATCH * PAGE_SIZE, table_end);
	} else {
		start = round_down(page, USER_BATCH * PAGE_SIZE);
		end = start + USER_BATCH * PAGE_SIZE;
	}
	if (map_with_neighbours(table, page, start, end)) {
		/* the host has so many mappings, and no more */
		if (!drop_all() || map_run(page, entry, 1))
			return -1;
	}
	map_entries(table, start, end);
	return 1;
}

/*
 * What the tables have from here on is about to be used, as far as it goes without a gap. Up to
 * one table. Where it ends.
 */
unsigned long lkl_map_ahead(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	unsigned long table_end;
	pte_t *table = table_of(mm, start, &table_end), *entry;

	if (!table || !map_entries(table, start, min(end, table_end)))
		return start;
	for (entry = table + pte_index(start); start < min(end, table_end); start += PAGE_SIZE)
		if (!(pte_val(*entry++) & _PAGE_HOST))
			break;
	return start;
}

/* Pages that were just mapped are about to be used: cheaper now than by faults. */
void lkl_map_kernel_range(unsigned long start, unsigned long end)
{
	unsigned long table_end;
	pte_t *table;

	for (; start < end; start = table_end) {
		table = table_of(&init_mm, start, &table_end);
		table_end = min(table_end, end);
		if (table && !map_entries(table, start, table_end))
			return;
	}
}

static void unmap(unsigned long start, unsigned long end)
{
	if (start < end && lkl_memory->unmap(lkl_memory->instance, (void *)start, end - start) &&
	    !drop_all())
		panic("The host can't take back a mapping of memory");
}

/* The host keeps what is as the tables say. */
static void flush(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	unsigned long address = start, gap = start, table_end;
	pte_t *table;

	while (address < end) {
		table = table_of(mm, address, &table_end);
		/* beyond the last table nothing ends */
		table_end = table_end ? min(table_end, end) : end;
		if (!table)
			address = table_end;
		for (; address < table_end; address += PAGE_SIZE) {
			if (!(pte_val(table[pte_index(address)]) & _PAGE_HOST))
				continue;
			unmap(gap, address);
			gap = address + PAGE_SIZE;
		}
	}
	unmap(gap, end);
}

void flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	flush(&init_mm, max(start & PAGE_MASK, lkl_vmalloc_start),
	      min(PAGE_ALIGN(end), lkl_vmalloc_end));
}

/* The application has one address space, and no other one is that of a process. */
void lkl_user_memory_begins(void)
{
	user_mm = current->mm;
	lkl_forget_mm(user_mm);
}

/* What the host has of the one before is none of its; entries that say it is there cost nothing. */
void lkl_switch_mm(struct mm_struct *next)
{
	if (next == user_mm || next == other_mm)
		return;
	unmap(other_start, lkl_user_start);
	other_mm = next;
	next->mmap_base = other_start;
}

/* It has no pages any more. */
void lkl_forget_mm(struct mm_struct *mm)
{
	if (mm == other_mm)
		other_mm = NULL;
}

static void flush_user(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	if (mm == user_mm)
		flush(mm, max(start & PAGE_MASK, lkl_user_start),
		      min(PAGE_ALIGN(end), lkl_user_end));
	else if (mm == other_mm)
		flush(mm, max(start & PAGE_MASK, other_start),
		      min(PAGE_ALIGN(end), lkl_user_start));
}

void flush_tlb_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	flush_user(vma->vm_mm, start, end);
}

void flush_tlb_page(struct vm_area_struct *vma, unsigned long address)
{
	flush_user(vma->vm_mm, address, address + PAGE_SIZE);
}

void flush_tlb_mm(struct mm_struct *mm)
{
	flush_user(mm, other_start, lkl_user_end);
}

void flush_tlb_all(void)
{
	flush_tlb_kernel_range(lkl_vmalloc_start, lkl_vmalloc_end);
	if (user_mm)
		flush_tlb_mm(user_mm);
	if (other_mm)
		flush_tlb_mm(other_mm);
}

bool lkl_is_mapped_for_user(const void __user *address)
{
	return mm_of((unsigned long)address) != &init_mm;
}

/*
 * Only tables are looked at here: not in the midst of what others do with them. On stacks of the
 * application, too: as host_side.c, see the Makefile.
 */
int __no_sanitize_address lkl_kernel_page_fault(lkl_u64 address, int write, int in_kernel)
{
	struct mm_struct *mm;

	if (in_kernel && address - lkl_vmalloc_start < lkl_vmalloc_end - lkl_vmalloc_start)
		return lkl_map_by_tables(&init_mm, address, write) > 0 ? LKL_FAULT_SERVED :
									 LKL_FAULT_OTHER;
	mm = mm_of(address);
	if (mm == &init_mm || !mm)
		return LKL_FAULT_OTHER;
	if (in_kernel && lkl_map_by_tables(mm, address, write) > 0)
		return LKL_FAULT_SERVED;
	return LKL_FAULT_USER;
}

int lkl_mmap_check(unsigned long address, unsigned long size, unsigned long flags)
{
	unsigned long start = lkl_user_start, end = lkl_user_end;

	if (flags & MAP_GROWSDOWN)
		return -EINVAL;
	if (!(flags & MAP_FIXED))
		return 0;
	if (current->mm != user_mm) {
		start = other_start;
		end = lkl_user_start;
	}
	if (address < start || size > end - start || address > end - size)
		return -ENOMEM;
	return 0;
}
