/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ISA_STACK_POINTER_H
#define _ISA_STACK_POINTER_H

register unsigned long current_stack_pointer asm("rsp");

#endif
