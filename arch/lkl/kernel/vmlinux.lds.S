/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Gathers vmlinux.o into one relocatable object with four sections: .text,
 * .rodata, .data and .bss, plus .data.rel.ro for constants that hold addresses.
 * The final link of the host program places them, and keeps the alignment that
 * each of them has as a whole: ALIGN() inside counts from an aligned start. What may change after the link
 * is all between lkl_kernel_data_start and _end, and lkl_kernel_bss_start and
 * _end: the host library resets it to boot again.
 */
#include <asm/page.h>
#include <asm/thread_info.h>
#include <asm/cache.h>

#define RO_AFTER_INIT_DATA
#include <asm-generic/vmlinux.lds.h>
#include <isa/vmlinux.lds.h>

jiffies = jiffies_64;

#ifndef BOUNDED_SECTION_BY	/* before 6.3 */
#define BOUNDED_SECTION_BY(section, label)	\
	__start##label = .;			\
	KEEP(*(section))			\
	__stop##label = .;
#endif

SECTIONS
{
	.text : ALIGN(PAGE_SIZE) {
		_text = .;
		_stext = .;
		TEXT_TEXT
#ifdef CPUIDLE_TEXT	/* until 6.2 */
		CPUIDLE_TEXT
#endif
		SCHED_TEXT
		LOCK_TEXT
		KPROBES_TEXT
		IRQENTRY_TEXT
		SOFTIRQENTRY_TEXT
		HEAD_TEXT
		_etext = .;
		_sinittext = .;
		INIT_TEXT
		_einittext = .;
	}
	.rodata : ALIGN(PAGE_SIZE) {
		/* up to __end_rodata below: every linker puts constants in this order */
		__start_rodata = .;
		*(.rodata) *(.rodata.*)
		*(__tracepoints_strings)
		*(__ksymtab_strings)
		*(.ref.rodata)
	}
	.data.rel.ro : ALIGN(PAGE_SIZE) {
		*(.data.rel.ro*)
		SCHED_DATA
		. = ALIGN(8);
		BOUNDED_SECTION_BY(__tracepoints_ptrs, ___tracepoints_ptrs)
		. = ALIGN(8);
		__start___ksymtab = .;
		KEEP(*(SORT(___ksymtab+*)))
		__stop___ksymtab = .;
		__start___ksymtab_gpl = .;
		KEEP(*(SORT(___ksymtab_gpl+*)))
		__stop___ksymtab_gpl = .;
		__start___kcrctab = .;
		__stop___kcrctab = .;
		__start___kcrctab_gpl = .;
		__stop___kcrctab_gpl = .;
		. = ALIGN(8);
		BOUNDED_SECTION_BY(__param, ___param)
		. = ALIGN(8);
		BOUNDED_SECTION_BY(__modver, ___modver)
#ifdef BOUNDED_SECTION_PRE_LABEL
		/* what drivers for real busses bring; there may be none */
		. = ALIGN(8);
		BOUNDED_SECTION_PRE_LABEL(.pci_fixup_early, _pci_fixups_early, __start, __end)
		BOUNDED_SECTION_PRE_LABEL(.pci_fixup_header, _pci_fixups_header, __start, __end)
		BOUNDED_SECTION_PRE_LABEL(.pci_fixup_final, _pci_fixups_final, __start, __end)
		BOUNDED_SECTION_PRE_LABEL(.pci_fixup_enable, _pci_fixups_enable, __start, __end)
		BOUNDED_SECTION_PRE_LABEL(.pci_fixup_resume, _pci_fixups_resume, __start, __end)
		BOUNDED_SECTION_PRE_LABEL(.pci_fixup_suspend, _pci_fixups_suspend, __start, __end)
		BOUNDED_SECTION_PRE_LABEL(.pci_fixup_resume_early, _pci_fixups_resume_early, __start, __end)
		BOUNDED_SECTION_PRE_LABEL(.pci_fixup_suspend_late, _pci_fixups_suspend_late, __start, __end)
		BOUNDED_SECTION_PRE_LABEL(.builtin_fw, _builtin_fw, __start, __end)
#endif
		__end_rodata = .;
	}
	.data : ALIGN(PAGE_SIZE) {
		lkl_kernel_data_start = .;
		_sdata = .;
		INIT_TASK_DATA(THREAD_SIZE)
		NOSAVE_DATA
		PAGE_ALIGNED_DATA(PAGE_SIZE)
		CACHELINE_ALIGNED_DATA(L1_CACHE_BYTES)
		READ_MOSTLY_DATA(L1_CACHE_BYTES)
		DATA_DATA
		*(.data.rel .data.rel.local .data.rel.local.* .data.local*)
		CONSTRUCTORS
		. = ALIGN(8);
		__start_ro_after_init = .;
		*(.data..ro_after_init)
		JUMP_TABLE_DATA
		STATIC_CALL_DATA
		__end_ro_after_init = .;
		/* sorted at boot */
		. = ALIGN(4);
		BOUNDED_SECTION_BY(__ex_table, ___ex_table)
		. = ALIGN(PAGE_SIZE);
		__per_cpu_load = .;
		PERCPU_INPUT(L1_CACHE_BYTES)
		. = ALIGN(PAGE_SIZE);
		__init_begin = .;
		INIT_DATA
		INIT_SETUP(16)
		INIT_CALLS
		CON_INITCALL
		INIT_RAM_FS
		. = ALIGN(8);
		/* kernel/boottest.c; what kernel.sh links in */
		__start_lkl_boot_tests = .;
		KEEP(*(.lkl_boot_tests))
		__stop_lkl_boot_tests = .;
		__init_end = .;
		_edata = .;
		lkl_kernel_data_end = .;
	}
	.bss : ALIGN(PAGE_SIZE) {
		lkl_kernel_bss_start = .;
		__bss_start = .;
		*(.bss..page_aligned)
		. = ALIGN(PAGE_SIZE);
		*(.bss .bss.*)
		*(COMMON)
		__bss_stop = .;
		lkl_kernel_bss_end = .;
		_end = .;
	}
	.note.GNU-stack : { *(.note.GNU-stack) }
	/DISCARD/ : {
		*(.note.gnu.property)
	}
	/* CONFIG_CONSTRUCTORS would have it discarded */
	.eh_frame 0 : { *(.eh_frame) }
	.notes : {
		BOUNDED_SECTION_BY(.note.*, _notes)
	}

	DWARF_DEBUG
	.debug_gdb_scripts 0 : { *(.debug_gdb_scripts) }
	.comment 0 : { *(.comment) }
	DISCARDS
}
