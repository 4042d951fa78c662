/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ISA_ELF_H
#define _ISA_ELF_H

#define ELF_ARCH	EM_X86_64
#define ELF_CLASS	ELFCLASS64
#define ELF_DATA	ELFDATA2LSB

#endif
