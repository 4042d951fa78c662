/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_ELF_H
#define _ASM_LKL_ELF_H

#include <isa/elf.h>

/* No program is ever loaded: user code is the host process itself. */
#define elf_check_arch(x) 0

typedef unsigned long elf_greg_t;
typedef elf_greg_t elf_gregset_t[1];
typedef double elf_fpregset_t;

/* What the loader wants to know all the same, where it is built for its tests. */
#define ELF_EXEC_PAGESIZE	PAGE_SIZE
#define ELF_ET_DYN_BASE		TASK_UNMAPPED_BASE
#define ELF_HWCAP		0
#define ELF_PLATFORM		NULL

#endif
