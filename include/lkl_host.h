/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LKL_HOST_H
#define LKL_HOST_H

/* What the application may tell the library about the host, and disks of its own making. */

#include <lkl/compat.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/**
 * struct lkl_host_operations - what the application may replace
 * @print: gets the kernel's log, @len bytes without a terminating 0; NULL for
 *         silence. Called from any thread, on a small stack: do little.
 * @panic: called when the kernel has panicked; must not return (if it does, or
 *         is NULL, the process is aborted). See lkl_set_on_panic()
 */
struct lkl_host_operations {
	void (*print)(const char *str, int len);
	void (*panic)(void);
};

/**
 * enum lkl_on_panic - what becomes of the process when the kernel has panicked
 * @LKL_ON_PANIC_ABORT: the panic operation is called, if there is one; then abort()
 * @LKL_ON_PANIC_ERROR: the process goes on without this kernel: calls end with
 *                      -LKL_ESHUTDOWN, those that wait in the kernel too, and
 *                      lkl_is_running() is 0. lkl_cleanup(), and boot again. What was
 *                      not written back to disks is lost. The panic operation is not
 *                      called.
 * @LKL_ON_PANIC_WAIT:  says "gdb -p PID" on standard error and waits for it; then as
 *                      LKL_ON_PANIC_ABORT
 */
enum lkl_on_panic {
	LKL_ON_PANIC_ABORT,
	LKL_ON_PANIC_ERROR,
	LKL_ON_PANIC_WAIT
};

/**
 * lkl_set_on_panic - choose
 *
 * Any time, any thread; for the whole process. LKL_ON_PANIC=abort, error or wait in
 * the environment overrides it. Returns 0 or -LKL_EINVAL.
 */
int lkl_set_on_panic(enum lkl_on_panic what);

/** lkl_host_ops - the default: log to standard error, abort on panic. */
extern struct lkl_host_operations lkl_host_ops;

/**
 * struct lkl_blk_req - a request to a disk that the application implements
 * @type:   LKL_DEV_BLK_TYPE_*
 * @prio:   unused
 * @sector: first sector, in units of 512 bytes
 * @buf:    where the data is or goes to
 * @count:  number of elements of @buf
 */
struct lkl_blk_req {
	unsigned int type;
	unsigned int prio;
	unsigned long long sector;
	struct lkl_iovec *buf;
	int count;
};

#define LKL_DEV_BLK_TYPE_READ		0
#define LKL_DEV_BLK_TYPE_WRITE		1
#define LKL_DEV_BLK_TYPE_FLUSH		4
#define LKL_DEV_BLK_TYPE_FLUSH_OUT	5

#define LKL_DEV_BLK_STATUS_OK		0
#define LKL_DEV_BLK_STATUS_IOERR	1
#define LKL_DEV_BLK_STATUS_UNSUP	2

struct lkl_disk;

/**
 * struct lkl_dev_blk_ops - a disk that the application implements
 * @get_capacity: puts the size in bytes in *res; 0 or negative on failure
 * @request:      does one request and returns LKL_DEV_BLK_STATUS_*. Called on
 *                threads of the library, one request of a disk after the other; it
 *                may block. It must not call lkl_* functions.
 */
struct lkl_dev_blk_ops {
	int (*get_capacity)(struct lkl_disk disk, unsigned long long *res);
	int (*request)(struct lkl_disk disk, struct lkl_blk_req *req);
};

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
