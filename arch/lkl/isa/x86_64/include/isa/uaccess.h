/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ISA_UACCESS_H
#define _ISA_UACCESS_H

#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/types.h>

#define ISA_EXTABLE(from, to)				\
	".pushsection __ex_table, \"a\"\n\t"		\
	".balign 4\n\t"					\
	".long " #from " - .\n\t"			\
	".long " #to " - .\n\t"				\
	".popsection\n\t"

/* out of line: err = value, go on at label "back" */
#define ISA_FIXUP(label, back, err, value)		\
	".pushsection .text.fixup, \"ax\"\n"		\
	#label ":	movl " value ", " err "\n\t"	\
	"jmp " #back "b\n\t"				\
	".popsection\n\t"

/* uaccess.S; all return the number of bytes not done */
unsigned long isa_copy_user_any(void *to, const void *from, unsigned long n);
unsigned long isa_clear_user(void *to, unsigned long n);

#define __isa_move(to, from, type, sfx, reg, err)			\
do {									\
	type __tmp;							\
									\
	(err) = 0;							\
	asm volatile("1:	mov" sfx " %3, %" reg "1\n"		\
		     "2:	mov" sfx " %" reg "1, %2\n"		\
		     "3:\n"						\
		     ISA_FIXUP(4, 3, "%0", "%4")			\
		     ISA_EXTABLE(1b, 4b)				\
		     ISA_EXTABLE(2b, 4b)				\
		     : "+r" (err), "=&r" (__tmp), "=m" (*(type *)(to))	\
		     : "m" (*(const type *)(from)), "i" (-EFAULT));	\
} while (0)

/* 1, 2, 4 or 8 bytes in one move; 0 or -EFAULT */
static __always_inline int isa_copy_small(void *to, const void *from, unsigned long n)
{
	int err;

	switch (n) {
	case 1:
		__isa_move(to, from, u8, "b", "b", err);
		break;
	case 2:
		__isa_move(to, from, u16, "w", "w", err);
		break;
	case 4:
		__isa_move(to, from, u32, "l", "k", err);
		break;
	case 8:
		__isa_move(to, from, u64, "q", "q", err);
		break;
	default:
		err = isa_copy_user_any(to, from, n) ? -EFAULT : 0;
	}
	return err;
}

static __always_inline unsigned long isa_copy_user(void *to, const void *from, unsigned long n)
{
	if (__builtin_constant_p(n) && (n == 1 || n == 2 || n == 4 || n == 8))
		return isa_copy_small(to, from, n) ? n : 0;
	return isa_copy_user_any(to, from, n);
}

/*
 * Compare and exchange against the application's own threads, which do not hold
 * the virtual CPU: this one is really locked. 0 or -EFAULT.
 */
static __always_inline int isa_cmpxchg_user(u32 *word, u32 old, u32 new, u32 *found)
{
	int err = 0;

	asm volatile("1:	lock; cmpxchgl %4, %2\n"
		     "2:\n"
		     ISA_FIXUP(3, 2, "%0", "%5")
		     ISA_EXTABLE(1b, 3b)
		     : "+r" (err), "=a" (old), "+m" (*word)
		     : "1" (old), "r" (new), "i" (-EFAULT)
		     : "memory", "cc");
	*found = old;
	return err;
}

#endif
