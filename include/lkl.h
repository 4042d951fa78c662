/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LKL_H
#define LKL_H

/*
 * Linux as a library.
 *
 *	lkl_init(&lkl_host_ops);
 *	lkl_start_kernel("mem=64M loglevel=4");
 *	fd = lkl_sys_open("/file", LKL_O_RDONLY, 0);
 *	...
 *	lkl_sys_halt();
 *	lkl_cleanup();
 *
 * All functions return 0 or a useful value, or a negative error number of this
 * kernel (-LKL_ENOENT), unless they say otherwise. Any host thread may call any
 * of them at any time, without registration: what each does before the boot, while
 * another thread halts and so on is in docs/architecture.md, "Life cycle". A system call from a
 * signal handler is served, or refused with -LKL_EDEADLK if it interrupts a call of its own
 * thread; other functions are not for signal handlers.
 */

#include <lkl/asm/syscalls.h>
#include <lkl_host.h>

/*
 * LKL_COMPAT_5, defined before this header is included: for programs written for LKL
 * before lkl_init() came. See <lkl/compat5.h>.
 */

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

#ifdef __GNUC__
#define LKL_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define LKL_PRINTF(fmt, first)
#endif

/* ---- life of the kernel ---- */

/**
 * lkl_init - prepare for lkl_start_kernel()
 * @ops: usually &lkl_host_ops; must stay valid until lkl_cleanup()
 *
 * Returns -LKL_EBUSY if it was called before without lkl_cleanup(), -LKL_ENOMEM, -LKL_EMFILE,
 * -LKL_EINVAL if the environment has something in LKL_* that means nothing.
 * After lkl_cleanup() it may be called again, any number of times.
 */
#ifndef LKL_COMPAT_5
int lkl_init(struct lkl_host_operations *ops);
#endif

/**
 * lkl_start_kernel - boot, on the calling thread
 * @cmd_fmt: kernel command line, as for printf(); see the kernel's
 *           kernel-parameters.txt. Of use here: mem=SIZE (256M if left out; what is
 *           not touched costs nothing), loglevel=0, quiet.
 *
 * Disks added before appear in the kernel. Starts the two threads that the library
 * has. Returns -LKL_EINVAL without lkl_init(), -LKL_EBUSY if the kernel runs or needs
 * lkl_cleanup(), -LKL_ENOMEM or -LKL_EAGAIN if the host has not the memory or the threads,
 * -LKL_ESHUTDOWN if it has panicked meanwhile (lkl_set_on_panic()).
 */
int lkl_start_kernel(const char *cmd_fmt, ...) LKL_PRINTF(1, 2);

/** lkl_is_running - 1 between the end of lkl_start_kernel() and lkl_sys_halt(), else 0 */
int lkl_is_running(void);

/**
 * lkl_sys_halt - write back all file systems' data and stop the kernel
 *
 * Calls of other threads end with -LKL_ESHUTDOWN. Unmount first what should be
 * clean: this is a sync and a power-off, which no task of the kernel has to be privileged
 * for. Returns -LKL_ENODEV if it does not run, -LKL_EDEADLK from a signal handler inside a
 * call of the same thread.
 */
lkl_long lkl_sys_halt(void);

/**
 * lkl_cleanup - release everything, after lkl_sys_halt()
 *
 * Waits for threads that are on their way out of a call. Without a halt before it
 * (and a running kernel) it halts. Disks must be removed by their owner; those
 * that are not lose their connection.
 */
void lkl_cleanup(void);

/**
 * lkl_coverage_write - adds to gcov data which lines of the kernel have run
 * @folder: below it each object has its .gcda, at the path it was compiled at, and
 *          a link to its .gcno: what gcov and lcov read. Made if it is not there.
 *
 * What was counted since the start (in the child of a fork(): since that) or since
 * the last call is added to what files of the same build count already; several
 * processes may do so at a time. With LKL_COVERAGE=FOLDER in the environment the
 * library does this itself, in lkl_cleanup() and at exit(). May be called at any
 * time, before lkl_init() to no effect, and when the kernel has halted.
 * Returns the number of files, -LKL_ENOSYS if the kernel is not built to count
 * (LKL_CHECKERS=gcov), -LKL_EINVAL, or the error of a file.
 */
int lkl_coverage_write(const char *folder);

/* ---- calls by number, messages ---- */

/**
 * lkl_syscall - any system call by its number
 * @no:     __lkl__NR_*
 * @params: six arguments
 */
lkl_long lkl_syscall(lkl_long no, lkl_long *params);

/**
 * lkl_fuzz_counters - count executed blocks of the kernel, for a fuzzer
 * @counters: a byte for each class of blocks, counting up to 255; NULL ends it
 * @number:   of them, a power of two
 *
 * Blocks executed by tasks, not by interrupts. The counters may be memory that is shared
 * with another process. Returns -LKL_ENOSYS if the kernel was built without
 * CONFIG_LKL_FUZZ_COVERAGE (preset fuzz has it).
 */
int lkl_fuzz_counters(unsigned char *counters, unsigned int number);

/** lkl_strerror - text for an error number (negative or positive); never NULL, static */
const char *lkl_strerror(int err);

/** lkl_perror - prints "msg: text" through the print operation */
void lkl_perror(const char *msg, int err);

/** lkl_printf - formats and prints through the print operation; returns the length */
int lkl_printf(const char *fmt, ...) LKL_PRINTF(1, 2);

/** lkl_bug - prints and calls the panic operation; does not return */
void lkl_bug(const char *fmt, ...) LKL_PRINTF(1, 2);

/* ---- disks ---- */

/**
 * struct lkl_disk - a disk of the kernel
 * @dev:    set by lkl_disk_add()
 * @fd:     open file or block device of the host (with @ops NULL); read-only if it
 *          was opened so. Stays the caller's, who may close it when the disk has been
 *          added: the disk has a descriptor of its own. O_DIRECT, O_SYNC, O_DSYNC and
 *          O_NOATIME hold for the disk
 * @handle: for @ops
 * @ops:    the application's own implementation, or NULL
 */
struct lkl_disk {
	void *dev;
	union {
		int fd;
		void *handle;
	};
	struct lkl_dev_blk_ops *ops;
};

#define LKL_DISK_READ_ONLY	(1u << 0)	/* whatever the descriptor allows */
#define LKL_DISK_NO_LOCK	(1u << 1)	/* the image may be open elsewhere */
#define LKL_DISK_MEMORY		(1u << 2)	/* no file: @size bytes of memory */
/*
 * Copy on write: what is written goes to a temporary file (in $TMPDIR or /var/tmp)
 * and is gone with the disk. The image is only read, and locked for reading.
 */
#define LKL_DISK_SNAPSHOT	(1u << 3)
/*
 * A write for which the host has no room (its disk is full, or a quota is used up) waits
 * until there is, as virtual machines do it; so do sync, unmount and fork() meanwhile.
 * lkl_disk_remove() ends the wait. The print operation gets a line when it begins and when
 * it ends. Without this, the kernel is told of an I/O error, which is all that a virtio disk
 * can say: calls fail with -LKL_EIO, not -LKL_ENOSPC. Only for images and block devices,
 * not with LKL_DISK_SNAPSHOT.
 */
#define LKL_DISK_WAIT_FOR_SPACE	(1u << 4)

/**
 * struct lkl_disk_options - for lkl_disk_add_options(); zero means the default
 * @flags:      LKL_DISK_*
 * @num_queues: request queues, 1 to 16
 * @size:       bytes, for LKL_DISK_MEMORY
 * @serial:     up to 20 characters, shown in /sys/block/vdX/serial
 * @memory:     for LKL_DISK_MEMORY: the caller's memory, until lkl_disk_remove(); NULL
 *              for memory of the disk's own, zeroed
 */
struct lkl_disk_options {
	unsigned int flags;
	unsigned int num_queues;
	unsigned long long size;
	char serial[21];
	void *memory;
};

/**
 * lkl_disk_add - connect a disk
 * @disk: filled in by the caller; @disk->dev is set
 *
 * Before or after lkl_start_kernel(). The image is locked (an OFD lock, see
 * fcntl(2)): exclusively if @fd allows writing. The lock ends with the disk, and in each
 * child of a fork with its copy of the disk or the child. (Where the host does not let
 * the image be opened again, by /proc/self/fd, the lock is @fd's, and ends when that is
 * closed as well.) Returns the disk's id (>= 0); -LKL_EBUSY if the image is locked by
 * another user, -LKL_EBADF, -LKL_ENOMEM, -LKL_EINVAL if @fd is no image, or is open with
 * O_APPEND and can't be opened again; -LKL_ENOSPC if there are too many devices.
 */
int lkl_disk_add(struct lkl_disk *disk);

/** lkl_disk_add_options - the same with options; @opts may be NULL */
int lkl_disk_add_options(struct lkl_disk *disk, const struct lkl_disk_options *opts);

/**
 * lkl_disk_open - connect a disk that is named by a URI
 * @disk:  its fields are set
 * @uri:   PATH or file:PATH              image file or block device
 *         nbd://HOST[:PORT]/EXPORT, nbds://, nbd+unix:///EXPORT?socket=PATH
 *                                        network block device, by libnbd
 *         mem:SIZE[K|M|G|T]              zeroed memory
 * @flags: LKL_DISK_READ_ONLY, _NO_LOCK, _SNAPSHOT, _WAIT_FOR_SPACE
 *
 * As lkl_disk_add(); what it opens, lkl_disk_remove() closes. An NBD disk does not
 * survive in the child of a fork: its I/O fails with EIO there. Returns the disk's
 * id, -LKL_EPROTONOSUPPORT for a scheme that is not known or libnbd missing, or the
 * error of open(2) or of the connection.
 */
int lkl_disk_open(struct lkl_disk *disk, const char *uri, unsigned int flags);

/**
 * lkl_disk_remove - disconnect a disk
 *
 * Unmount first: what is not written by then is lost, and the file system sees
 * I/O errors. Releases the lock. Returns -LKL_ENODEV if it is not there.
 */
int lkl_disk_remove(struct lkl_disk disk);

/**
 * lkl_get_virtio_blkdev - device number of a disk or of one of its partitions
 * @disk_id: from lkl_disk_add()
 * @part:    0 for the whole disk
 * @pdevid:  gets the number, as in st_rdev
 *
 * Returns -LKL_ENODEV if there is no such disk, -LKL_ENOENT no such partition.
 */
int lkl_get_virtio_blkdev(int disk_id, unsigned int part, __lkl__u32 *pdevid);

/** lkl_encode_dev_from_sysfs - reads "major:minor" from a file, as /sys/.../dev */
int lkl_encode_dev_from_sysfs(const char *sysfs_path, __lkl__u32 *pdevid);

/* ---- mounting ---- */

/**
 * lkl_mount_dev - mount a disk or partition
 * @disk_id:     from lkl_disk_add()
 * @part:        0 for the whole disk
 * @fs_type:     "ext4", ...
 * @flags:       LKL_MS_*
 * @opts:        options of the file system, or NULL
 * @mnt_str:     gets the mount point: /mnt/ and 8 hex digits of the device number
 * @mnt_str_len: its size, at least 14
 */
lkl_long lkl_mount_dev(unsigned int disk_id, unsigned int part, const char *fs_type, int flags,
		       const char *opts, char *mnt_str, unsigned int mnt_str_len);

/**
 * lkl_umount_dev - the reverse of lkl_mount_dev()
 * @flags:      LKL_MNT_*
 * @timeout_ms: how long to try again while it is busy; 0: once
 */
lkl_long lkl_umount_dev(unsigned int disk_id, unsigned int part, int flags, lkl_long timeout_ms);

/**
 * lkl_mount_blkdev - the same for a block device known by its number
 * @fs_type: may be NULL: every type of /proc/filesystems is tried
 */
lkl_long lkl_mount_blkdev(__lkl__u32 dev, const char *fs_type, int flags, const char *opts,
			  char *mnt_str, unsigned int mnt_str_len);
lkl_long lkl_umount_blkdev(__lkl__u32 dev, int flags, lkl_long timeout_ms);

/**
 * lkl_umount_timeout - umount, again and again while it is busy
 * @path:       mount point
 * @flags:      LKL_MNT_*
 * @timeout_ms: 0: once
 */
lkl_long lkl_umount_timeout(const char *path, int flags, lkl_long timeout_ms);

/**
 * lkl_mount_fs - mounts a file system without device at /NAME
 * @fstype: "proc", "sysfs", "tmpfs", ...
 *
 * Returns 0, 1 if it is mounted there already, or an error.
 */
int lkl_mount_fs(const char *fstype);

/* ---- directories, as in man 3 opendir ---- */

struct lkl_dir;

/** lkl_opendir - returns NULL on failure, with the error in *err */
struct lkl_dir *lkl_opendir(const char *path, int *err);
/** lkl_fdopendir - the same for a descriptor, which becomes the directory's */
struct lkl_dir *lkl_fdopendir(int fd, int *err);
void lkl_rewinddir(struct lkl_dir *dir);
/** lkl_closedir - also closes the descriptor */
int lkl_closedir(struct lkl_dir *dir);
/** lkl_readdir - NULL at the end and on error (lkl_errdir()); valid until the next call */
struct lkl_linux_dirent64 *lkl_readdir(struct lkl_dir *dir);
/** lkl_errdir - error of the last lkl_readdir(), or 0 */
int lkl_errdir(struct lkl_dir *dir);
int lkl_dirfd(struct lkl_dir *dir);

/* ---- settings ---- */

/** lkl_sysctl - writes a value: lkl_sysctl("net.ipv4.tcp_wmem", "4096 87380 2147483647") */
int lkl_sysctl(const char *path, const char *value);
/** lkl_sysctl_parse_write - "key|value;key|value"; prints what fails and goes on */
void lkl_sysctl_parse_write(const char *sysctls);
/** lkl_set_fd_limit - limit of open files (RLIMIT_NOFILE) */
int lkl_set_fd_limit(unsigned int fd_limit);

/* ---- network interfaces; ifindex as in if_nametoindex(3), addresses in network order ---- */

int lkl_ifname_to_ifindex(const char *name);
int lkl_if_up(int ifindex);
int lkl_if_down(int ifindex);
int lkl_if_set_mtu(int ifindex, int mtu);
/** lkl_if_set_mac - @mac: 6 bytes */
int lkl_if_set_mac(int ifindex, const void *mac);
/** lkl_if_set_ipv4 - @addr: __be32 as in struct lkl_in_addr; @netmask_len: bits */
int lkl_if_set_ipv4(int ifindex, unsigned int addr, unsigned int netmask_len);
/** lkl_if_set_ipv6 - @addr: 16 bytes; waits until the address may be used */
int lkl_if_set_ipv6(int ifindex, void *addr, unsigned int netprefix_len);
/** lkl_if_add_ip, lkl_if_del_ip - @af: LKL_AF_INET or LKL_AF_INET6; @addr: 4 or 16 bytes */
int lkl_if_add_ip(int ifindex, int af, void *addr, unsigned int netprefix_len);
int lkl_if_del_ip(int ifindex, int af, void *addr, unsigned int netprefix_len);
/** lkl_if_add_linklocal - 169.254.0.0/16 or fe80::/64 made from @addr's host part */
int lkl_if_add_linklocal(int ifindex, int af, void *addr, int netprefix_len);
/** lkl_if_wait_ipv6_dad - waits until duplicate address detection is through */
int lkl_if_wait_ipv6_dad(int ifindex, void *addr);

/* default routes: of the main table, or of the interface's own table */
int lkl_set_ipv4_gateway(unsigned int addr);
int lkl_set_ipv6_gateway(void *addr);
int lkl_if_set_ipv4_gateway(int ifindex, unsigned int addr, unsigned int netmask_len,
			    unsigned int gw_addr);
int lkl_if_set_ipv6_gateway(int ifindex, void *addr, unsigned int netmask_len, void *gw_addr);
int lkl_add_gateway(int af, void *gw_addr);
int lkl_if_add_gateway(int ifindex, int af, void *gw_addr);
/** lkl_if_add_rule_from_saddr - packets from @saddr use table @ifindex * 2 (+ 1 for IPv6) */
int lkl_if_add_rule_from_saddr(int ifindex, int af, void *saddr);

/** lkl_add_neighbor - a permanent entry; @mac: 6 bytes */
int lkl_add_neighbor(int ifindex, int af, void *addr, void *mac);
/** lkl_qdisc_add - @root: "root"; @type: "fq", "fq_codel", ... */
int lkl_qdisc_add(int ifindex, const char *root, const char *type);
/** lkl_qdisc_parse_add - "root|fq;..." ; prints what fails and goes on */
void lkl_qdisc_parse_add(int ifindex, const char *entries);

/* ---- interrupts, for devices that the application implements ---- */

/** lkl_get_free_irq - reserves an irq; @user names who uses it. Returns it or -LKL_EBUSY */
int lkl_get_free_irq(const char *user);
void lkl_put_irq(int irq, const char *user);
/** lkl_trigger_irq - from any thread */
int lkl_trigger_irq(int irq);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#ifdef LKL_COMPAT_5
#include <lkl/compat5.h>
#endif

#endif
