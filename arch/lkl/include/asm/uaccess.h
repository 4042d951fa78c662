/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_LKL_UACCESS_H
#define _ASM_LKL_UACCESS_H

#include <linux/string.h>
#include <asm/extable.h>
#include <asm-generic/access_ok.h>
#include <isa/uaccess.h>

/*
 * User pointers are host pointers. A bad one makes the host fault; the fault is
 * found in the exception table and becomes -EFAULT (kernel/fault.c).
 */

static __always_inline unsigned long
raw_copy_from_user(void *to, const void __user *from, unsigned long n)
{
	return isa_copy_user(to, (const void __force *)from, n);
}

static __always_inline unsigned long
raw_copy_to_user(void __user *to, const void *from, unsigned long n)
{
	return isa_copy_user((void __force *)to, from, n);
}
#define INLINE_COPY_FROM_USER
#define INLINE_COPY_TO_USER

#define __get_user(x, ptr)						\
({									\
	const __typeof__(*(ptr)) __user *__gu_ptr = (ptr);		\
	__unqual_scalar_typeof(*(ptr)) __gu_val;			\
	int __gu_err;							\
									\
	__chk_user_ptr(__gu_ptr);					\
	__gu_err = isa_copy_small((void *)&__gu_val, (const void __force *)__gu_ptr, \
				  sizeof(*__gu_ptr));			\
	if (unlikely(__gu_err))						\
		memset((void *)&__gu_val, 0, sizeof(__gu_val));		\
	(x) = (__typeof__(*(ptr)) __force)__gu_val;			\
	__gu_err;							\
})

#define get_user(x, ptr)						\
({									\
	might_fault();							\
	__get_user(x, ptr);						\
})

#define __put_user(x, ptr)						\
({									\
	__typeof__(*(ptr)) __user *__pu_ptr = (ptr);			\
	__typeof__(*(ptr)) __pu_val = (__typeof__(*(ptr)) __force)(x);	\
									\
	__chk_user_ptr(__pu_ptr);					\
	isa_copy_small((void __force *)__pu_ptr, (const void *)&__pu_val, \
		       sizeof(*__pu_ptr));				\
})

#define put_user(x, ptr)						\
({									\
	might_fault();							\
	__put_user(x, ptr);						\
})

#define __get_kernel_nofault(dst, src, type, label)			\
do {									\
	if (unlikely(isa_copy_small((dst), (src), sizeof(type))))	\
		goto label;						\
} while (0)

#define __put_kernel_nofault(dst, src, type, label)			\
do {									\
	if (unlikely(isa_copy_small((dst), (src), sizeof(type))))	\
		goto label;						\
} while (0)

static inline unsigned long __clear_user(void __user *to, unsigned long n)
{
	return isa_clear_user((void __force *)to, n);
}

static inline unsigned long clear_user(void __user *to, unsigned long n)
{
	might_fault();
	return __clear_user(to, n);
}

long strncpy_from_user(char *dst, const char __user *src, long count);
long strnlen_user(const char __user *str, long n);

#endif
