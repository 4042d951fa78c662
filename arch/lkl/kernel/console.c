// SPDX-License-Identifier: GPL-2.0
/* The kernel log goes to the print function of the application. */
#include <linux/console.h>
#include <linux/init.h>
#include "lkl.h"

static void console_write(struct console *con, const char *text, unsigned int len)
{
	lkl_host->print(lkl_host->instance, text, len);
}

static struct console console = {
	.name	= "lkl",
	.write	= console_write,
	.flags	= CON_PRINTBUFFER | CON_ANYTIME,
	.index	= -1,
};

static int __init register_lkl_console(void)
{
	register_console(&console);
	return 0;
}
console_initcall(register_lkl_console);

/* setup_arch() and what it calls may panic: show the log that far */
static int __init early_lkl_console(char *arg)
{
	register_lkl_console();
	return 0;
}
early_param("earlyprintk", early_lkl_console);
