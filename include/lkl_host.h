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
 *         is NULL, the process is aborted)
 */
struct lkl_host_operations {
	void (*print)(const char *str, int len);
	void (*panic)(void);
};

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
