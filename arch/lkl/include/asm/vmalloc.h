/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_VMALLOC_H
#define _ASM_LKL_VMALLOC_H

/* Nothing to say: there are no huge entries, and without an MMU vmalloc() is an allocation of pages. */

#endif
