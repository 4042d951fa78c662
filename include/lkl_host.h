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

struct lkl_sem;
struct lkl_mutex;
struct lkl_tls_key;
typedef lkl_ulong lkl_thread_t;

/** struct lkl_jmp_buf - for jmp_buf_set(), as jmp_buf of the host */
struct lkl_jmp_buf {
	lkl_ulong buf[128];
};

/**
 * struct lkl_host_operations - what the application may replace, and what it gets
 * @print: gets the kernel's log, @len bytes without a terminating 0; NULL for
 *         silence. Called from any thread, on a small stack: do little. It has no pointer for
 *         the application's own use: lkl_set_print() has one
 * @panic: called when the kernel has panicked; must not return (if it does, or
 *         is NULL, the process is aborted). See lkl_set_on_panic()
 *
 * These two are all that the library calls. The others are there for the application,
 * the same on every host: in lkl_host_ops they are the host's own. The kernel does without
 * them. Whoever passes a structure of his own to lkl_init() leaves them out; to replace
 * them changes nothing for the kernel. They may be called at any time, before lkl_init() too;
 * those that may wait not from a signal handler.
 *
 * @sem_alloc: a semaphore with the value @count; NULL if there is no memory
 * @sem_free:  nobody may use it any more
 * @sem_up:    increments it; also from a signal handler
 * @sem_down:  waits until it is not 0, and decrements it
 *
 * @mutex_alloc:  a mutex, free; NULL if there is no memory. With @recursive != 0 its owner
 *                may lock it again, and unlocks it as often
 * @mutex_free:   nobody may use it any more
 * @mutex_lock:   waits until it is free, and takes it
 * @mutex_unlock: by the thread that has locked it
 *
 * @thread_create: starts a thread that runs f(arg); its handle, or 0. Like any thread it may
 *                 make system calls. It has to be joined, or to detach itself
 * @thread_detach: nobody will join the calling thread
 * @thread_exit:   ends the calling thread, as pthread_exit(3); not from inside a call
 * @thread_join:   waits for the end of a thread; 0, or -1 if that can't be
 * @thread_self:   the handle of the calling thread
 * @thread_equal:  not 0 if both handles are the same thread
 * @thread_stack:  lowest address of the calling thread's stack, and its size in *size; NULL
 *                 (and 0) if it is not known
 *
 * @tls_alloc: a key for a pointer that each thread has of its own, NULL at first; NULL if there
 *             are no more keys. A thread that ends with another value calls
 *             destructor(value), if @destructor is not NULL
 * @tls_free:  destructors are not called
 * @tls_set:   0, or an error of the host
 * @tls_get:   what the calling thread has set last
 *
 * @mem_alloc:  as malloc(3)
 * @mem_free:   as free(3)
 * @page_alloc: zeroed memory that begins at a page; NULL if there is none
 * @page_free:  @size as it was for page_alloc()
 *
 * @time: nanoseconds of a clock that nobody sets (CLOCK_MONOTONIC)
 *
 * @timer_alloc:       a timer that will call fn(arg), on a thread of its own each time; NULL if
 *                     the host has none left
 * @timer_set_oneshot: it calls once, in @delta nanoseconds. Instead of what was set before. May
 *                     be called by @fn. 0, or an error of the host
 * @timer_free:        no call of @fn begins any more; one that has begun may be going on. May
 *                     be called by @fn. Timers are not there in the child of a fork()
 *
 * @gettid: the number of the calling thread that the host shows, as gettid(2)
 *
 * @jmp_buf_set:     calls f(); returns when it does, or when jmp_buf_longjmp() is called
 * @jmp_buf_longjmp: by f() or a function called by it: back to jmp_buf_set(), which returns.
 *                   @val is ignored. Fatal if it leaves a call of the library
 *
 * @memcpy, @memset, @memmove: as in string.h
 */
struct lkl_host_operations {
	void (*print)(const char *str, int len);
	void (*panic)(void);

	struct lkl_sem *(*sem_alloc)(int count);
	void (*sem_free)(struct lkl_sem *sem);
	void (*sem_up)(struct lkl_sem *sem);
	void (*sem_down)(struct lkl_sem *sem);

	struct lkl_mutex *(*mutex_alloc)(int recursive);
	void (*mutex_free)(struct lkl_mutex *mutex);
	void (*mutex_lock)(struct lkl_mutex *mutex);
	void (*mutex_unlock)(struct lkl_mutex *mutex);

	lkl_thread_t (*thread_create)(void (*f)(void *), void *arg);
	void (*thread_detach)(void);
	void (*thread_exit)(void);
	int (*thread_join)(lkl_thread_t tid);
	lkl_thread_t (*thread_self)(void);
	int (*thread_equal)(lkl_thread_t a, lkl_thread_t b);
	void *(*thread_stack)(lkl_ulong *size);

	struct lkl_tls_key *(*tls_alloc)(void (*destructor)(void *));
	void (*tls_free)(struct lkl_tls_key *key);
	int (*tls_set)(struct lkl_tls_key *key, void *data);
	void *(*tls_get)(struct lkl_tls_key *key);

	void *(*mem_alloc)(lkl_ulong size);
	void (*mem_free)(void *memory);
	void *(*page_alloc)(lkl_ulong size);
	void (*page_free)(void *addr, lkl_ulong size);

	unsigned long long (*time)(void);

	void *(*timer_alloc)(void (*fn)(void *), void *arg);
	int (*timer_set_oneshot)(void *timer, lkl_ulong delta);
	void (*timer_free)(void *timer);

	lkl_long (*gettid)(void);

	void (*jmp_buf_set)(struct lkl_jmp_buf *jmpb, void (*f)(void));
	void (*jmp_buf_longjmp)(struct lkl_jmp_buf *jmpb, int val);

	void *(*memcpy)(void *dest, const void *src, lkl_ulong count);
	void *(*memset)(void *s, int c, lkl_ulong count);
	void *(*memmove)(void *dest, const void *src, lkl_ulong count);
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

/**
 * enum lkl_on_fork - what the child of a fork() of the host has
 * @LKL_ON_FORK_COPY:  a kernel that goes on from the same state, beside the parent's
 * @LKL_ON_FORK_LEAVE: none: the kernel is the parent's alone, its calls in the child end with
 *                     -LKL_ESHUTDOWN. fork() copies no memory of the kernel, and does not wait for
 *                     anything of the library's
 */
enum lkl_on_fork {
	LKL_ON_FORK_COPY,
	LKL_ON_FORK_LEAVE
};

/**
 * lkl_set_on_fork - choose what children have; LKL_ON_FORK_COPY at first
 *
 * For programs whose children execute others, or talk to the parent. Any thread, at any time: it
 * is of the forks that begin later. Returns 0, or -LKL_EINVAL.
 */
int lkl_set_on_fork(enum lkl_on_fork what);

/**
 * lkl_print_function - what the kernel says
 * @user:   as it was given to lkl_set_print()
 * @text:   a line or a part of one, without a terminating 0
 * @length: its bytes
 *
 * Called on any thread, on a small stack, also several at a time: do little. It must not call
 * the kernel.
 */
typedef void (*lkl_print_function)(void *user, const char *text, lkl_ulong length);

/**
 * lkl_set_print - choose what gets the kernel's log, and what lkl_printf() prints
 * @print: instead of the print operation; NULL: that again
 * @user:  for it
 *
 * Any time, any thread; for the whole process, whatever kernels it boots. When it returns, the
 * function from before is not running and will not be called again: what its @user points to may
 * go. Returns 0, or -LKL_EDEADLK if it is called by such a function.
 */
int lkl_set_print(lkl_print_function print, void *user);

/** lkl_host_ops - the default: log to standard error, abort on panic, the host's own of the rest */
extern struct lkl_host_operations lkl_host_ops;

/**
 * struct lkl_blk_req - a request to a disk that the application implements
 * @type:   LKL_DEV_BLK_TYPE_*
 * @prio:   unused
 * @sector: first sector, in units of 512 bytes
 * @buf:    where the data is or goes to; the same as the host's struct iovec
 * @count:  number of elements of @buf
 */
struct lkl_blk_req {
	unsigned int type;
	unsigned int prio;
	unsigned long long sector;
#ifdef LKL_COMPAT_5
	struct iovec *buf;
#else
	struct lkl_iovec *buf;
#endif
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

/* Programs that include this header only expect the other one with it. */
#include <lkl.h>

#endif
