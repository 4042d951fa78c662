// SPDX-License-Identifier: GPL-2.0
// fork: a kernel that is booted once is the start of many tests. Each child of fork(2) has a copy of
// it, and what one does to its own no other one sees.
#include <lkl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static long long check(long long result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, lkl_strerror((int)result));
		exit(1);
	}
	return result;
}

/* 0 if the kernel is as new, which it is no more afterwards. */
static int test(int number)
{
	char name[32];

	snprintf(name, sizeof(name), "/tests/%d", number);
	if (check(lkl_sys_access("/tests", 0), "access") || lkl_sys_access("/tests/1", 0) == 0 ||
	    lkl_sys_access("/tests/2", 0) == 0)
		return 1;
	return check(lkl_sys_mkdir(name, 0755), name) != 0;
}

int main(void)
{
	int number, status, failed = 0;

	lkl_host_ops.print = NULL;
	check(lkl_init(&lkl_host_ops), "init");
	check(lkl_start_kernel("mem=32M"), "boot");
	check(lkl_sys_mkdir("/tests", 0755), "mkdir");
	for (number = 1; number <= 2; number++) {
		pid_t child = fork();

		if (child == 0)
			_exit(test(number));
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
			failed++;
	}
	lkl_sys_halt();
	lkl_cleanup();
	printf("%d of 2 tests failed\n", failed);
	return failed != 0;
}
