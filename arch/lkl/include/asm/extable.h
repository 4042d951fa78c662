/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_EXTABLE_H
#define _ASM_LKL_EXTABLE_H

/*
 * Instructions that touch user memory, and where to go on if they fault. The
 * host's fault handler asks lkl_kernel_fixup(). Entries are relative to
 * themselves, so that they need no relocation in a shared library.
 */
#define ARCH_HAS_RELATIVE_EXTABLE

struct exception_table_entry {
	int insn, fixup;
};

#endif
