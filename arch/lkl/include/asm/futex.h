/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_FUTEX_H
#define _ASM_LKL_FUTEX_H

#include <linux/futex.h>
#include <linux/uaccess.h>

/* Futex words are changed by application threads at any time, CPU or not. */

static inline int futex_atomic_cmpxchg_inatomic(u32 *uval, u32 __user *uaddr, u32 oldval,
						u32 newval)
{
	return isa_cmpxchg_user((u32 __force *)uaddr, oldval, newval, uval);
}

static inline int arch_futex_atomic_op_inuser(int op, u32 oparg, int *oval, u32 __user *uaddr)
{
	u32 old, new, found;
	int err = __get_user(old, uaddr);

	while (!err) {
		switch (op) {
		case FUTEX_OP_SET:
			new = oparg;
			break;
		case FUTEX_OP_ADD:
			new = old + oparg;
			break;
		case FUTEX_OP_OR:
			new = old | oparg;
			break;
		case FUTEX_OP_ANDN:
			new = old & ~oparg;
			break;
		case FUTEX_OP_XOR:
			new = old ^ oparg;
			break;
		default:
			return -ENOSYS;
		}
		err = futex_atomic_cmpxchg_inatomic(&found, uaddr, old, new);
		if (err || found == old)
			break;
		old = found;
	}
	if (!err)
		*oval = old;
	return err;
}

#endif
