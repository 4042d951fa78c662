/* SPDX-License-Identifier: GPL-2.0 */
/* A program with operations of its own, of which it fills in what it has; booted twice. */
#include "check.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int lines, panics;

static void print(const char *str, int len)
{
	lines += str[len - 1] == '\n';
}

static void panic(void)
{
	panics++;
	_exit(panics == 1 ? 42 : 1);
}

#ifdef LKL_COMPAT_5
/* a name that was free then */
static int lkl_init(void)
{
	return 1;
}
#endif

static struct lkl_host_operations ops = {.print = print, .panic = panic};

static void bug_calls_panic(void)
{
	int status = 0;
	pid_t child = fork();

	CHECK(child >= 0);
	if (!child)
		lkl_bug("on purpose: %d\n", 42);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

int main(void)
{
	int before;

#ifdef LKL_COMPAT_5
	CHECK(lkl_init() == 1);
#endif
	CHECK(!ops.sem_alloc && !ops.time && !ops.memmove);
	init(&ops);
	start(&ops, 32);
	CHECK(lines > 10);
	CHECK(lkl_sys_getpid() == 1);
	bug_calls_panic();
	before = lines;
	ops.print = NULL; /* silent from now on */
	lkl_printf("nobody hears\n");
	CHECK(lines == before);
	stop();

	init(&ops);
	start(&ops, 32);
	CHECK(lkl_sys_access("/file", 0) == -LKL_ENOENT);
	CHECK(lines == before);
	stop();
	return 0;
}
