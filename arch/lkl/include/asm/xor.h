/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_XOR_H
#define _ASM_LKL_XOR_H

#include <asm-generic/xor.h>

/* Chosen here, not by a race at every boot: the compiler vectorises this one best. */
#define XOR_SELECT_TEMPLATE(fastest) (&xor_block_32regs)

#endif
