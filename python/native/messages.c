// SPDX-License-Identifier: GPL-2.0
// A part of the module lkl._native, before what cffi makes of calls.cdef.
#include <lkl.h>
#include <stdint.h>
#include <unistd.h>

// On any thread, with a small stack, and nobody else is the virtual processor meanwhile: neither
// Python nor its lock may be touched. A pipe takes the text without waiting; what has no room in
// it is lost here, and still in the kernel's own log.
static void print_to_pipe(void *user, const char *text, lkl_ulong length)
{
	(void)!write((int)(intptr_t)user, text, length);
}

static void print_nothing(void *user, const char *text, lkl_ulong length)
{
	(void)user, (void)text, (void)length;
}

static void lkl_python_print_to(int fd)
{
	lkl_set_print(fd < 0 ? print_nothing : print_to_pipe, (void *)(intptr_t)fd);
}
