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
 * lkl_memory_import - let the kernel have pages of the program's own memory
 * @base: at the start of a page
 * @size: bytes, whole pages
 *
 * What wants pages of the caller's memory (O_DIRECT, registered buffers of io_uring, vmsplice(),
 * MSG_ZEROCOPY) takes these as it takes what lkl_sys_mmap() gave; other memory is -LKL_EFAULT to it.
 * The memory keeps its address and its content, and can be used as before, in calls of the host too:
 * it is memory of the kernel that is mapped there in place of the program's own, and counts against
 * mem=. Nobody may write to it during the call. Not for a mapping of a file: it is one no longer.
 *
 * Any thread. The child of a fork() has its own copy. Not munmap() or free() before
 * lkl_memory_release(); after lkl_sys_halt() there is nothing to release.
 * Returns 0, -LKL_EOPNOTSUPP of a kernel without page tables, -LKL_EINVAL if these are no pages of
 * the program's own, -LKL_EEXIST if a part is imported already, -LKL_EFAULT if a part can't be read,
 * -LKL_ENOMEM of the kernel, or of the host, which has no room for one more mapping.
 */
int lkl_memory_import(void *base, lkl_ulong size);

/**
 * lkl_memory_release - end what lkl_memory_import() began
 * @base, @size: as they were given there
 *
 * The content stays. What has pages of it pinned must be done: what it writes later is lost.
 * Returns 0, -LKL_EINVAL if just this was not imported, -LKL_ENOMEM if the host has no memory.
 */
int lkl_memory_release(void *base, lkl_ulong size);

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
 * @struct_size: sizeof(struct lkl_disk_options), by which it is known what the program was
 *               compiled with when members are added
 * @flags:       LKL_DISK_*
 * @num_queues:  request queues, 1 to 16
 * @serial:      up to 20 characters, shown in /sys/block/vdX/serial
 * @size:        bytes, for LKL_DISK_MEMORY
 * @memory:      for LKL_DISK_MEMORY: the caller's memory, until lkl_disk_remove(); NULL
 *               for memory of the disk's own, zeroed
 */
struct lkl_disk_options {
	__lkl__u32 struct_size;
	__lkl__u32 flags;
	__lkl__u32 num_queues;
	char serial[21];
	__lkl__u64 size;
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

/**
 * lkl_disk_add_options - the same with options
 * @disk: as for lkl_disk_add()
 * @opts: may be NULL. A program that is older than the library has no members that came later:
 *        they are zero. One that is newer may have more, if they are zero
 *
 * Returns what lkl_disk_add() does; -LKL_EINVAL also for flags that are not known, and if
 * @opts->struct_size is less than the structure had when it came; -LKL_E2BIG if it has members
 * that this library does not know and they are not zero.
 */
int lkl_disk_add_options(struct lkl_disk *disk, const struct lkl_disk_options *opts);

/**
 * lkl_disk_open - connect a disk that is named by a URI
 * @disk:  its fields are set
 * @uri:   PATH or file:PATH              image file or block device
 *         nbd://HOST[:PORT]/EXPORT, nbds://, nbd+unix:///EXPORT?socket=PATH
 *                                        network block device (on Linux by libnbd)
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

/**
 * lkl_encode_dev_from_sysfs - device number that a file says, as /sys/.../dev does: "8:1"
 * @sysfs_path: path in the kernel; sysfs has to be mounted
 * @pdevid:     gets the number, as in st_rdev
 *
 * Returns 0, the error of open(2) or read(2), -LKL_EINVAL if the file says something else,
 * -LKL_ENOMEM.
 */
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
 *
 * Returns 0, the errors of lkl_get_virtio_blkdev() and of mount(2): -LKL_EINVAL if the file system
 * is none of that type, or is damaged (the kernel's log says what), -LKL_ENODEV if the kernel
 * does not know the type, -LKL_EROFS, -LKL_EBUSY; -LKL_ENOMEM also if @mnt_str is too short.
 */
lkl_long lkl_mount_dev(unsigned int disk_id, unsigned int part, const char *fs_type, int flags,
		       const char *opts, char *mnt_str, unsigned int mnt_str_len);

/**
 * lkl_umount_dev - the reverse of lkl_mount_dev()
 * @disk_id:    from lkl_disk_add()
 * @part:       0 for the whole disk
 * @flags:      LKL_MNT_*
 * @timeout_ms: how long to try again while it is busy; 0: once
 *
 * What was written is on the disk when it returns 0. Else the errors of lkl_get_virtio_blkdev()
 * and of umount(2): -LKL_EBUSY while files are open in it, or it is somebody's working directory,
 * -LKL_EINVAL if it is not mounted.
 */
lkl_long lkl_umount_dev(unsigned int disk_id, unsigned int part, int flags, lkl_long timeout_ms);

/**
 * lkl_mount_blkdev - mount a block device that is known by its number
 * @dev:         as in st_rdev, from lkl_get_virtio_blkdev() or a device mapper
 * @fs_type:     may be NULL: every type of /proc/filesystems is tried
 * @flags:       LKL_MS_*
 * @opts:        options of the file system, or NULL
 * @mnt_str:     gets the mount point, as lkl_mount_dev()
 * @mnt_str_len: its size, at least 14
 *
 * Returns what lkl_mount_dev() does.
 */
lkl_long lkl_mount_blkdev(__lkl__u32 dev, const char *fs_type, int flags, const char *opts,
			  char *mnt_str, unsigned int mnt_str_len);
/**
 * lkl_umount_blkdev - the reverse of lkl_mount_blkdev()
 * @dev:        as it was given there
 * @flags:      LKL_MNT_*
 * @timeout_ms: how long to try again while it is busy; 0: once
 *
 * Returns what lkl_umount_dev() does.
 */
lkl_long lkl_umount_blkdev(__lkl__u32 dev, int flags, lkl_long timeout_ms);

/**
 * lkl_umount_timeout - umount, again and again while it is busy
 * @path:       mount point
 * @flags:      LKL_MNT_*
 * @timeout_ms: how long; 0: once
 *
 * The calling thread sleeps between two tries. Returns 0 or the error of the last umount(2).
 */
lkl_long lkl_umount_timeout(const char *path, int flags, lkl_long timeout_ms);

/**
 * lkl_mount_fs - mounts a file system without device at /NAME
 * @fstype: "proc", "sysfs", "tmpfs", ...
 *
 * Returns 0, 1 if something is mounted there already, or the error of mkdir(2) or mount(2);
 * -LKL_ENOMEM.
 */
int lkl_mount_fs(const char *fstype);

/* ---- directories, as in man 3 opendir; one thread at a time for each of them ---- */

/** struct lkl_dir - an open directory, and what was read of it */
struct lkl_dir;

/**
 * lkl_opendir - open a directory to read its names
 * @path: path in the kernel
 * @err:  gets 0, or the error of open(2): -LKL_ENOENT, -LKL_ENOTDIR ..., -LKL_ENOMEM
 *
 * Returns NULL on failure. To be given to lkl_closedir().
 */
struct lkl_dir *lkl_opendir(const char *path, int *err);

/**
 * lkl_fdopendir - read the names in a directory that is open
 * @fd:  its descriptor, which becomes the directory's if there is no error
 * @err: gets 0 or -LKL_ENOMEM
 *
 * Returns NULL on failure. To be given to lkl_closedir().
 */
struct lkl_dir *lkl_fdopendir(int fd, int *err);

/** lkl_rewinddir - the next lkl_readdir() gives the first name again, of what is there then */
void lkl_rewinddir(struct lkl_dir *dir);

/** lkl_closedir - closes it and its descriptor; returns 0 or the error of close(2) */
int lkl_closedir(struct lkl_dir *dir);

/**
 * lkl_readdir - the next name
 *
 * Returns an entry that is valid until the next call, or NULL at the end and on error: see
 * lkl_errdir(). "." and ".." are among them where the file system has them.
 */
struct lkl_linux_dirent64 *lkl_readdir(struct lkl_dir *dir);

/** lkl_errdir - the error of the last lkl_readdir() (that of getdents(2)), or 0 */
int lkl_errdir(struct lkl_dir *dir);

/** lkl_dirfd - the descriptor, which stays the directory's */
int lkl_dirfd(struct lkl_dir *dir);

/* ---- settings ---- */

/**
 * lkl_sysctl - set what sysctl(8) sets: lkl_sysctl("net.ipv4.tcp_wmem", "4096 87380 2147483647")
 * @path:  its name, with '.' or '/'
 * @value: the text to write
 *
 * Mounts proc at /proc if it is not there. Returns 0, -LKL_ENOENT if there is no such setting,
 * -LKL_EINVAL if the kernel does not take the value, -LKL_ENOMEM.
 */
int lkl_sysctl(const char *path, const char *value);

/**
 * lkl_sysctl_parse_write - several settings: "key|value;key|value"
 * @sysctls: the text
 *
 * What fails is printed, and the rest goes on. Returns 0 or the first error, see lkl_sysctl();
 * -LKL_EINVAL for what is no pair.
 */
int lkl_sysctl_parse_write(const char *sysctls);

/**
 * lkl_set_fd_limit - how many files may be open at once (RLIMIT_NOFILE)
 * @fd_limit: for all threads; the kernel's default is 1024
 *
 * Returns 0 or the error of setrlimit(2).
 */
int lkl_set_fd_limit(unsigned int fd_limit);

/*
 * ---- network cards ----
 *
 * A wire is opened first, and a card on it is added to the kernel then, before or after the boot.
 * Frames go between the host and the kernel's memory by the thread that sends, and by one that
 * waits in a call if there is one; no thread is there for the card. In the child of a fork the
 * link is down: the wire stays the parent's.
 */

/** struct lkl_netdev - a wire: what a network card is connected to. The program sees a pointer */
struct lkl_netdev;

/**
 * struct lkl_netdev_options - for lkl_netdev_open(); zero means the default
 * @struct_size: sizeof(struct lkl_netdev_options), see struct lkl_disk_options
 * @mtu:         68 to 65535, and what the card says of its wire; 0: it says nothing, and the
 *               kernel takes 1500
 * @mac:         the card's Ethernet address, not of a group; zero: a random one, of those that
 *               are locally administered
 */
struct lkl_netdev_options {
	__lkl__u32 struct_size;
	__lkl__u16 mtu;
	__lkl__u8 mac[6];
};

/**
 * lkl_netdev_open - open a wire that is named by a URI
 * @uri:  tap:NAME               a TAP interface of the host (tap(4)); it is made if it is not
 *                               there and the process may (CAP_NET_ADMIN), and goes with the wire.
 *                               Checksums and the cutting of TCP's segments are left to the host
 *        fd:N[,header]          a descriptor that gives and takes one frame a call: a socket of
 *                               type SOCK_DGRAM or SOCK_SEQPACKET, or a TAP's (/dev/net/tun,
 *                               IFF_NO_PI) that somebody else has set up, which is made
 *                               O_NONBLOCK. It stays the caller's, to close at any time
 *        fd:IN:OUT[,header]     one for each direction
 *        unix:PATH[,server][,reconnect=SECONDS]
 *                               a unix(7) stream with the framing of qemu's "-netdev stream" and of
 *                               passt: 4 bytes with the frame's length, the highest first, and the
 *                               frame. Connects to who listens at PATH; "@NAME" is an abstract one,
 *                               which is in no directory
 *        tcp:HOST:PORT[,server][,reconnect=SECONDS]
 *                               the same by TCP, "[HOST]:PORT" for IPv6
 *        unix:PATH,type=dgram,local=PATH
 *                               a frame a datagram, as qemu's "-netdev dgram": from "local" to PATH
 *        udp:HOST:PORT[,local=HOST:PORT]
 *                               the same by UDP
 *        pipe:RX|TX             two FIFOs (mkfifo(3)), which are there already: frames come by the
 *                               first one and go by the second. Each is one packet of the pipe
 *                               (O_DIRECT of pipe2(2)), with the header (below) in front: so the MTU
 *                               is 4066 at most. What nobody has read yet stays there for who comes
 *        vde:PATH[,port=N]      a port of a VDE switch that runs there, or what else libvdeplug has a
 *                               URL for ("vde:vxvde://239.1.2.3"); N is one to be had, and no other
 *        macvtap:NAME           an interface of the host of type macvtap, by its device, /dev/tapN,
 *                               which may be given instead. The card has the interface's address,
 *                               for which alone frames come, and its MTU
 *        raw:NAME[,bypass]      an Ethernet interface of the host by a packet socket (packet(7)),
 *                               promiscuous as long as the wire is open: the card has an address
 *                               of its own. With "bypass" what is sent passes by the interface's
 *                               queueing discipline (PACKET_QDISC_BYPASS)
 *        raw:NAME,shared[,ports=FIRST-LAST[+...]][,bypass]
 *                               the same, and the card has the interface's address: give it the
 *                               IP address, too. TCP's and UDP's ports are ours as far as they are
 *                               listed (61000-61127), and all else is the host's, see below
 *        xdp:NAME[,queue=N][,copy|,zerocopy]
 *                               a queue (0) of an Ethernet interface of the host by AF_XDP, for which
 *                               libxdp.so.1 is loaded: its frames pass by the host, which gets
 *                               none of them, and are copied between the driver's memory and the
 *                               kernel's. The driver copies them once more into that, or has them
 *                               there ("zerocopy"); without either word it does as it can. The card
 *                               has the interface's address, and its MTU, up to some 3500.
 *                               The host's program on the interface goes with the wire, and stays
 *                               there if the process is killed ("ip link set NAME xdp off")
 *        dpdk:DEVICE[,WORD[=VALUE]]...[,mtu=N][,poll=MICROSECONDS][,eal=WORDS]
 *                               a device of DPDK's, by its name and arguments, see below
 *        slirp:[,WORD[=VALUE]]...
 *                               a network behind this process, by libslirp: connections,
 *                               datagrams and pings of the kernel become sockets of the process,
 *                               which needs no rights for them. The default, if @uri is NULL or ""
 *        passt:[,WORD[=VALUE]]...
 *                               the same by the program passt(1), which is started in the
 *                               background and ends with the wire. The words are its options by their short or
 *                               long names, without dashes: t=8080:80, u=, a=, n=, g=, i=, D=,
 *                               no-map-gw ...; a comma within is written twice. mtu= (576 to 65520)
 *                               is the card's as well
 *        switch:NAME            a port of an Ethernet switch that is there as long as it has ports,
 *                               of any processes of the user; NAME is 1 to 32 letters, digits, "-",
 *                               "_" and ".". It learns which addresses are where. Checksums and the
 *                               cutting are left to the other ports, so a switch has only cards of
 *                               this library. Who sends to one port waits until that has room, but
 *                               not for one that takes nothing for a second: what is sent to it is
 *                               lost then. What goes to all is lost for ports without room. Up to
 *                               65 ports. They meet in $XDG_RUNTIME_DIR/lkl-switch, or in
 *                               /tmp/lkl-switch-UID without one; on Windows by named pipes
 * @opts: may be NULL
 * @nd:   gets the wire, for lkl_netdev_free()
 *
 * On 64-bit Windows there are switch:, tcp:, udp:, unix: as a stream, and tap: by an adapter of
 * tap-windows6 whose connection has this NAME (or the first free one); tap:NAME,wintun by wintun.
 *
 * With "header" each frame has the header of virtio 1.2, section 5.1.6, in front, 12 bytes, and
 * checksums and the cutting are left to the other side: another kernel of ours, say, through a
 * socketpair(2). Then a frame has up to 64 KiB, for which the socket must have room
 * (LKL_SO_SNDBUF of the host).
 *
 * With "server" (or server=on) a stream listens, and takes one peer, another one when that is gone;
 * with "reconnect" it asks again, so many seconds after it was refused or cut off ("reconnect-ms"
 * counts milliseconds): the link is down while nobody is there, also in the beginning. Without both
 * it stays down when the peer has gone. A name that a server has made in the file system goes with
 * it. HOST is asked for once, when the wire is opened, and that may take its time.
 *
 * An address that is shared with the host ("raw:NAME,shared"): the ports that are ours are held on
 * the host's side by sockets, two for each, that drop what they get, so that the host does not
 * refuse it and no program of the host can have them; what belongs to other ports, and what is asked
 * about the address itself (ARP, echo), does not reach our kernel, and nothing goes out from other
 * ports. Its programs have to take ports that are ours:
 * "sysctl net.ipv4.ip_local_port_range" does that for those who do not choose. Our own kernel
 * and the host's do not reach each other by this wire; nor do they by one with an address of its own.
 *
 * The card of raw:, macvtap: and xdp: has the link that the interface has, until that is gone. Frames of
 * VLANs come in by an interface of the host for that VLAN, not by raw: on the one below.
 *
 * DPDK, for which librte_ethdev.so is loaded, is one for the process. DEVICE is a virtual one
 * ("net_tap0,iface=x"), the address of a card on PCI that is bound to a driver for it
 * ("0000:03:00.0"), or "dpdkN": the port N of those that there are, since the program has DPDK
 * running itself, say. All words that are not named here, or below for any wire, are arguments of
 * the device; one that is the same is the device's with two commas before it
 * ("dpdk:net_x0,,rate=7,poll=100").
 * The device comes with the wire and goes with it, unless it was there before. The card has the
 * device's address, but one of its own if that is an interface of the host (net_tap, net_af_packet).
 * If DPDK does not run the first wire starts it: by "eal=" with the words of its own command line
 * that are given, separated by spaces; else without huge pages, files that others share, telemetry
 * and devices of PCI that are not named, and without rights. It has a thread of its own from then
 * on, until the end of the process, and no signals. DPDK's drivers do not tell when frames come,
 * but where they have interrupts for it (net_tap, most of PCI). Of others it is looked at every 20
 * microseconds while they come, each time later when none do, up to "poll" (1 to 1000000, 1000 if
 * nothing is said) microseconds: so the process wakes that often, also when the card is idle.
 *
 * The words of slirp: are those of qemu's -netdev user. The kernel is to have the address 10.0.2.15/24,
 * the gateway 10.0.2.2 and the name server 10.0.2.3, given by DHCP or set; of IPv6 one of
 * fec0::/64, the gateway fec0::2 and the name server fec0::3. The gateway's address is the host's loopback,
 * the name server is the first one of the host's /etc/resolv.conf.
 *
 *   hostfwd=[tcp:|udp:][HOSTADDR]:PORT-[GUESTADDR]:PORT
 *                      a port of the host leads to one of the kernel, of 10.0.2.15 if nothing is
 *                      said; several. Addresses of IPv6 in brackets
 *   guestfwd=[tcp:]SERVER:PORT-cmd:COMMAND, or -unix:PATH
 *                      connections to that port of an address of the network, none of the others,
 *                      each start a program of the host, or go to its socket; several
 *   mtu=N              68 (with IPv6 1280) to 65520; 1500. 65520 is the fastest by far
 *   net=ADDR/BITS, host=, dns=, dhcpstart=       the network, and who has which address in it
 *   ipv6-net=PREFIX/BITS (or ipv6-prefix=, ipv6-prefixlen=), ipv6-host=, ipv6-dns=
 *   ipv4=on|off, ipv6=on|off
 *   restrict[=on|off]  nothing reaches the host but what hostfwd and guestfwd lead to
 *   hostname=, domainname=, dnssearch= (several), bootfile=, tftp-server-name=
 *                      what DHCP says
 *   tftp=DIR           files that are read from 10.0.2.2 by TFTP
 *   outbound-addr=A    the host's address by which connections go out; one of each family
 *
 * Without a card at the time of a fork the wire is of use in the child too; if it has had one it
 * is the parent's. On cards with this wire a call is not async-signal-safe: the library allocates
 * memory.
 *
 * Words that any wire may have, after commas (a comma that is part of a value is written twice):
 *
 *        pcap=FILE              all frames, of both directions, are written to this file, for
 *                               Wireshark, tshark or tcpdump; the time is the kernel's
 *                               CLOCK_REALTIME (the host's before the boot). They are as the card has
 *                               made them: checksums may be missing, and segments of TCP not be cut.
 *                               Each is in the file when it is under way. When the file can't grow
 *                               the capture ends, said once
 *        snaplen=N              of each frame the first N bytes
 *        delay=TIME             what the card sends is late by this: "10ms", with s, ms, us (which a
 *                               number alone is) or ns
 *        jitter=TIME            ... more or less; up to the delay. Frames may overtake others
 *        distribution=NAME      how the jitter is distributed: uniform, which it is if nothing is
 *                               said; normal, or pareto (few that are very late), whose standard
 *                               deviation is TIME then
 *        rate=RATE              bits a second, "100mbit", with bit, kbit, mbit, gbit; or bytes: bps,
 *                               kbps, mbps, gbps
 *        loss=SHARE             of all frames so many are lost, "1%",
 *        duplicate=SHARE        sent twice,
 *        corrupt=SHARE          changed by one bit behind the Ethernet header, their checksums made
 *                               before,
 *        reorder=SHARE          or not delayed, and so before others
 *        burst=N                frames are lost so many in a row, on the average; SHARE of loss is
 *                               up to N of N+1 then
 *        limit=N                how many frames wait at most (1000); others are lost
 *        seed=N                 what chance is: the same for the same seed and frames
 *
 * The last ones are the words of tc-netem(8), and mean what they mean there, but for burst, which
 * is in the place of its correlations and models. A segment that the card
 * has left uncut is cut first: each frame has a fate of its own. A card on such a wire never waits.
 *
 * Why a wire can't be opened, and the cure, is printed in one line. Any thread; no kernel is needed
 * yet. Returns 0; -LKL_EPROTONOSUPPORT for another scheme, or if the library that it needs is not
 * installed (the line says which package has it);
 * -LKL_EINVAL for what is no such name, descriptor or option, or no interface of this type;
 * -LKL_ENOENT (also if there is no passt), -LKL_ECONNREFUSED, -LKL_EADDRINUSE (also if a program of the host has a port that
 * should be ours, or of hostfwd=) and others of connect(2) and bind(2); -LKL_EPROTOTYPE for a socket
 * that is a stream; -LKL_EBUSY if somebody has the TAP interface, -LKL_EPERM or -LKL_EACCES without
 * the right (also for a switch whose folder is open to others), -LKL_ENODEV if the host has none;
 * -LKL_ENOSPC if the switch has no port left; the errors of open(2) for a capture; -LKL_EOPNOTSUPP or -LKL_ERANGE if the driver can't do
 * that, or not with this MTU; -LKL_E2BIG for members of @opts that are not known; -LKL_ENOMEM,
 * -LKL_EMFILE.
 */
int lkl_netdev_open(const char *uri, const struct lkl_netdev_options *opts, struct lkl_netdev **nd);

/**
 * lkl_netdev_tap_create - a TAP interface, as by lkl_netdev_open("tap:NAME")
 * @ifname:  its name
 * @offload: not used: what both sides can do is agreed on
 *
 * Returns NULL if it can't be opened; lkl_netdev_open() says why.
 */
struct lkl_netdev *lkl_netdev_tap_create(const char *ifname, int offload);

struct ifreq;

/**
 * lkl_netdev_tap_init - a TAP device, set up as the caller likes
 * @path:    /dev/net/tun, or the device of a macvtap
 * @offload: not used: what both sides can do is agreed on
 * @ifr:     of the host's <net/if.h>: what TUNSETIFF wants, with the flags IFF_TAP and IFF_NO_PI,
 *           and IFF_VNET_HDR for offloads; it has the interface's name afterwards. NULL for a
 *           device that has one
 *
 * Any thread. Returns NULL, and says why, if it can't be opened.
 */
struct lkl_netdev *lkl_netdev_tap_init(const char *path, int offload, struct ifreq *ifr);

/**
 * lkl_netdev_macvtap_create - as by lkl_netdev_open("macvtap:PATH")
 * @path:    /dev/tapN, or the interface's name
 * @offload: not used: what both sides can do is agreed on
 *
 * Returns NULL if it can't be opened; lkl_netdev_open() says why.
 */
struct lkl_netdev *lkl_netdev_macvtap_create(const char *path, int offload);

/**
 * lkl_netdev_raw_create - as by lkl_netdev_open("raw:NAME")
 * @ifname: an Ethernet interface of the host
 *
 * Returns NULL if it can't be opened; lkl_netdev_open() says why.
 */
struct lkl_netdev *lkl_netdev_raw_create(const char *ifname);

/**
 * lkl_netdev_fd_create - descriptors that are open already, as by lkl_netdev_open("fd:RX:TX")
 * @fd_rx: frames come by it
 * @fd_tx: and go by it; perhaps the same
 *
 * They stay the caller's, to close at any time. Any thread. Returns NULL if they can't be had;
 * lkl_netdev_open() says why.
 */
struct lkl_netdev *lkl_netdev_fd_create(int fd_rx, int fd_tx);

/**
 * lkl_netdev_pipe_create - two FIFOs, as by lkl_netdev_open("pipe:RX|TX")
 * @ifname:  "RX|TX", their paths
 * @offload: not used: checksums are left to the other side, and nothing else is
 *
 * Any thread. Returns NULL if they can't be opened; lkl_netdev_open() says why.
 */
struct lkl_netdev *lkl_netdev_pipe_create(const char *ifname, int offload);

/**
 * lkl_netdev_vde_create - a port of a VDE switch, as by lkl_netdev_open("vde:PATH")
 * @switch_path: its directory, or a URL of libvdeplug's
 *
 * Any thread. Returns NULL if it can't be had, also without libvdeplug (Debian's package
 * libvdeplug2); lkl_netdev_open() says why.
 */
struct lkl_netdev *lkl_netdev_vde_create(const char *switch_path);

/**
 * lkl_netdev_dpdk_create - a device of DPDK's, as by lkl_netdev_open("dpdk:NAME")
 * @ifname:  its name and arguments, as DPDK has them ("net_tap0,iface=x"), or "dpdk0", the first port
 * @offload: not used: no work is left to others
 * @mac:     6 bytes that get the card's address; may be NULL
 *
 * Any thread. Returns NULL if it can't be had, also without DPDK (Debian's package
 * librte-ethdev23); lkl_netdev_open() says why.
 */
struct lkl_netdev *lkl_netdev_dpdk_create(const char *ifname, int offload, unsigned char *mac);

/**
 * lkl_netdev_slirp_create - a network without rights, as by lkl_netdev_open("slirp")
 *
 * Returns NULL if it can't be had; lkl_netdev_open() says why.
 */
struct lkl_netdev *lkl_netdev_slirp_create(void);

/**
 * lkl_netdev_slirp_add_hostfwd - a port of the host leads to one of the kernel
 * @nd:         a wire of slirp:, with or without a card
 * @is_udp:     of UDP; 0: of TCP
 * @host_addr:  an address of the host, of IPv4 or IPv6; NULL or "": any of IPv4
 * @host_port:  1 to 65535
 * @guest_addr: the kernel's; NULL or "": the one that it gets by DHCP, 10.0.2.15
 * @guest_port: 1 to 65535
 *
 * Any thread, at any time. Returns 0; -LKL_EINVAL for what is no such wire, address or port;
 * -LKL_EADDRINUSE if somebody has the port, -LKL_EACCES if it is kept for root;
 * -LKL_EADDRNOTAVAIL if the address is not the host's; -LKL_ENODEV in the child of a fork.
 */
int lkl_netdev_slirp_add_hostfwd(struct lkl_netdev *nd, int is_udp, const char *host_addr,
				 int host_port, const char *guest_addr, int guest_port);

/**
 * lkl_netdev_slirp_remove_hostfwd - the port is the host's again
 * @nd:        a wire of slirp:
 * @is_udp:    as it was added
 * @host_addr: the same
 * @host_port: the same
 *
 * Connections that there are stay. Any thread. Returns 0, -LKL_ENOENT if there is none, or as
 * lkl_netdev_slirp_add_hostfwd().
 */
int lkl_netdev_slirp_remove_hostfwd(struct lkl_netdev *nd, int is_udp, const char *host_addr,
				    int host_port);

/**
 * struct lkl_netdev_args - for lkl_netdev_add()
 * @mac:     6 bytes, the card's Ethernet address; NULL: that of the options
 * @offload: not used: what both sides can do is agreed on
 */
struct lkl_netdev_args {
	void *mac;
	unsigned int offload;
};

/**
 * lkl_netdev_add - connect a network card
 * @nd:   the wire; one card at a time
 * @args: may be NULL
 *
 * Before or after lkl_start_kernel(), after lkl_init(). Any thread. The card goes with
 * lkl_netdev_remove(), or with the kernel; the wire may have another one then. Returns the card's
 * id (>= 0); -LKL_EINVAL, also before lkl_init(), -LKL_EBUSY if the wire has a card,
 * -LKL_ENOMEM, -LKL_ENOSPC if there are too many devices.
 */
int lkl_netdev_add(struct lkl_netdev *nd, struct lkl_netdev_args *args);

/**
 * lkl_netdev_remove - disconnect a card
 * @id: from lkl_netdev_add()
 *
 * Its interface is gone when it returns. 0, or -LKL_ENODEV if it is not there.
 */
int lkl_netdev_remove(int id);

/** lkl_netdev_free - close the wire, or when its card goes. NULL does nothing */
void lkl_netdev_free(struct lkl_netdev *nd);

/**
 * lkl_netdev_get_ifindex - index of a card's interface
 * @id: from lkl_netdev_add()
 *
 * Mounts sysfs at /sysfs. Returns the index; -LKL_ENODEV if there is no such card, or the kernel
 * is not booted.
 */
int lkl_netdev_get_ifindex(int id);

/*
 * ---- network interfaces ----
 *
 * An interface is known by its index, as in if_nametoindex(3): lo is 1. Addresses are in network
 * order, 4 bytes for LKL_AF_INET and 16 for LKL_AF_INET6. The functions send one request of
 * rtnetlink(7) each and return 0 or the error that it is answered with: -LKL_ENODEV if there is no
 * such interface, -LKL_EPERM without the right; -LKL_EAFNOSUPPORT for another family; the errors
 * of socket(2) and send(2).
 */

/**
 * lkl_ifname_to_ifindex - index of an interface
 * @name: "lo", "eth0", ...
 *
 * Returns the index, or -LKL_ENODEV if there is none of this name.
 */
int lkl_ifname_to_ifindex(const char *name);

/** lkl_if_up - the interface sends and receives from now on */
int lkl_if_up(int ifindex);

/** lkl_if_down - it does so no more; its routes, and its IPv6 addresses, are gone */
int lkl_if_down(int ifindex);

/**
 * lkl_if_set_mtu - choose how long packets may be
 * @mtu: bytes of the largest one; -LKL_EINVAL if the interface can't have that
 */
int lkl_if_set_mtu(int ifindex, int mtu);

/**
 * lkl_if_set_mac - choose the Ethernet address
 * @mac: 6 bytes; -LKL_EADDRNOTAVAIL if they are the address of a group
 */
int lkl_if_set_mac(int ifindex, const void *mac);

/**
 * lkl_if_set_ipv4 - add an IPv4 address
 * @addr:        __be32, as in struct lkl_in_addr
 * @netmask_len: bits of the network, 1 to 31
 *
 * -LKL_EEXIST if it has this address, -LKL_EINVAL for other lengths (lkl_if_add_ip() takes 32).
 */
int lkl_if_set_ipv4(int ifindex, unsigned int addr, unsigned int netmask_len);

/**
 * lkl_if_set_ipv6 - add an IPv6 address and wait until it may be used
 * @addr:          16 bytes
 * @netprefix_len: bits of the network
 *
 * Returns what lkl_if_add_ip() and lkl_if_wait_ipv6_dad() return.
 */
int lkl_if_set_ipv6(int ifindex, const void *addr, unsigned int netprefix_len);

/**
 * lkl_if_add_ip - add an address
 * @af:            LKL_AF_INET or LKL_AF_INET6
 * @addr:          4 or 16 bytes
 * @netprefix_len: bits of the network
 *
 * -LKL_EEXIST if it has this address, -LKL_EINVAL if there are not so many bits.
 */
int lkl_if_add_ip(int ifindex, int af, const void *addr, unsigned int netprefix_len);

/** lkl_if_del_ip - the reverse of lkl_if_add_ip(); -LKL_EADDRNOTAVAIL if it is not there */
int lkl_if_del_ip(int ifindex, int af, const void *addr, unsigned int netprefix_len);

/**
 * lkl_if_add_linklocal - add an address of 169.254.0.0/16 or fe80::/64
 * @af:            LKL_AF_INET or LKL_AF_INET6
 * @addr:          4 or 16 bytes, of which the last 2 or 8 are taken
 * @netprefix_len: bits of the network
 */
int lkl_if_add_linklocal(int ifindex, int af, const void *addr, int netprefix_len);

/**
 * lkl_if_wait_ipv6_dad - wait until duplicate address detection (RFC 4862) is through
 * @addr: 16 bytes, an address of the interface
 *
 * Returns 0, -LKL_EADDRINUSE if another host has it, -LKL_ETIMEDOUT after 5 seconds,
 * -LKL_EADDRNOTAVAIL if the interface has no such address, -LKL_ENOMEM.
 */
int lkl_if_wait_ipv6_dad(int ifindex, const void *addr);

/** lkl_set_ipv4_gateway - lkl_add_gateway() for IPv4; @addr: __be32 */
int lkl_set_ipv4_gateway(unsigned int addr);

/** lkl_set_ipv6_gateway - lkl_add_gateway() for IPv6; @addr: 16 bytes */
int lkl_set_ipv6_gateway(const void *addr);

/**
 * lkl_add_gateway - a default route in the main table
 * @af:      LKL_AF_INET or LKL_AF_INET6
 * @gw_addr: the router, in a network that can be reached; -LKL_ENETUNREACH or -LKL_EHOSTUNREACH
 *           if not
 */
int lkl_add_gateway(int af, const void *gw_addr);

/**
 * lkl_if_add_route - a route in the main table
 * @af:         LKL_AF_INET or LKL_AF_INET6
 * @dst:        4 or 16 bytes, of which those behind @prefix_len are zero; may be NULL if that is 0
 * @prefix_len: bits of the network
 * @gw_addr:    the router, see lkl_add_gateway(); NULL: the network is on the wire itself
 *
 * -LKL_EEXIST if it is there, -LKL_EINVAL if there are not so many bits, or others are set.
 */
int lkl_if_add_route(int ifindex, int af, const void *dst, unsigned int prefix_len,
		     const void *gw_addr);

/**
 * lkl_if_add_gateway - a default route in the interface's own table
 *
 * As lkl_add_gateway(). The number of the table is @ifindex * 2, one more for IPv6; what looks
 * there is decided by rules: lkl_if_add_rule_from_saddr().
 */
int lkl_if_add_gateway(int ifindex, int af, const void *gw_addr);

/** lkl_if_add_rule_from_saddr - packets from @saddr go by the interface's own table */
int lkl_if_add_rule_from_saddr(int ifindex, int af, const void *saddr);

/**
 * lkl_if_set_ipv4_gateway - packets from an address go to a router by this interface
 * @addr:        __be32, the address
 * @netmask_len: not used; it is there for programs written for LKL
 * @gw_addr:     __be32, the router
 *
 * lkl_if_add_rule_from_saddr() and lkl_if_add_gateway().
 */
int lkl_if_set_ipv4_gateway(int ifindex, unsigned int addr, unsigned int netmask_len,
			    unsigned int gw_addr);

/** lkl_if_set_ipv6_gateway - as lkl_if_set_ipv4_gateway(); @addr and @gw_addr: 16 bytes */
int lkl_if_set_ipv6_gateway(int ifindex, const void *addr, unsigned int netmask_len,
			    const void *gw_addr);

/**
 * struct lkl_dhcp_lease - what a server has given, by lkl_if_dhcp()
 * @struct_size:      set by the caller: sizeof(struct lkl_dhcp_lease)
 * @address:          __be32, of the interface
 * @prefix_len:       bits of its network
 * @gateway:          __be32, of the default route; 0: there is none
 * @server:           __be32, who has given it
 * @lease_s:          seconds that it may be used from now on; 0xffffffff: for ever
 * @mtu:              that the interface has now because the server wants it; 0: it does not
 * @nameserver_count: how many there are
 * @nameservers:      __be32 each, the best one first
 * @search:           names of domains for lkl_set_nameservers(), with spaces between; what has no
 *                    room is left out
 */
struct lkl_dhcp_lease {
	__lkl__u32 struct_size;
	__lkl__u32 address;
	__lkl__u32 prefix_len;
	__lkl__u32 gateway;
	__lkl__u32 server;
	__lkl__u32 lease_s;
	__lkl__u32 mtu;
	__lkl__u32 nameserver_count;
	__lkl__u32 nameservers[4];
	char search[256];
};

/**
 * lkl_if_dhcp - let a server of DHCP configure an interface for IPv4 (RFC 2131)
 * @lease:      gets what the server has given; may be NULL
 * @timeout_ms: how long to ask: again after some 4 seconds, then 8, 16, ..., 64
 *
 * Takes the interface up; sets the address, its routes (option 121, or else the router of option
 * 3; in the main table) and the MTU. Resolvers are the caller's: lkl_set_nameservers(). The calling
 * thread sleeps in the kernel; any thread, one at a time for an interface.
 *
 * The lease is renewed by itself: when half of it is over, or when the server wants, it is asked,
 * later any other, and when it is over, or was refused, all begins again with who is there then. The
 * interface's address, routes and MTU are set to what is answered; connections go on if the address
 * is the same. There is a thread for it as long as it takes, and in between none, and no wake-up.
 * It ends when the interface is no more, or has not the address any more because somebody has taken
 * it away; in a child of fork() as well. Until a lease is over the kernel keeps the address, and
 * takes it away then. To call this again begins anew. No address is asked for by ARP before it is
 * taken, and none given back; name servers that are others later are not told.
 *
 * Returns 0; -LKL_ETIMEDOUT if nobody has given one in time, -LKL_EACCES if a server has refused
 * what it had offered, -LKL_ENODEV if there is no such interface or it is not one of Ethernet;
 * -LKL_EINVAL if @lease->struct_size is too small; -LKL_EAFNOSUPPORT if the kernel has no packet
 * sockets, -LKL_EPERM without the right; -LKL_ENOMEM.
 */
int lkl_if_dhcp(int ifindex, struct lkl_dhcp_lease *lease, unsigned int timeout_ms);

/**
 * struct lkl_slaac - what a router's advertisements have made, by lkl_if_wait_ipv6_slaac()
 * @struct_size:      set by the caller: sizeof(struct lkl_slaac)
 * @prefix_len:       bits of the network
 * @address:          16 bytes, one of the interface
 * @nameserver_count: how many there are
 * @nameservers:      16 bytes each (RFC 8106)
 * @search:           names of domains for lkl_set_nameservers(), with spaces between; what has no
 *                    room is left out
 */
struct lkl_slaac {
	__lkl__u32 struct_size;
	__lkl__u32 prefix_len;
	__lkl__u8 address[16];
	__lkl__u32 nameserver_count;
	__lkl__u8 nameservers[4][16];
	char search[256];
};

/**
 * lkl_if_wait_ipv6_slaac - wait until the interface has an IPv6 address from a router (RFC 4862)
 * @result:     gets it, and which resolvers the router names; may be NULL
 * @timeout_ms: how long
 *
 * Takes the interface up. The kernel does the rest by itself, asks the routers, and finds out
 * whether the address is taken, which takes two or three seconds; when this returns 0 a connect()
 * succeeds that would have been too early before. A lasting address that somebody has set does not
 * count, nor one of the link. If the address was there already, a router is asked once more for its
 * resolvers, and waited for for 0.7 seconds. Later advertisements are not told: who wants them
 * listens to LKL_RTNLGRP_ND_USEROPT of rtnetlink(7).
 *
 * Returns 0; -LKL_ETIMEDOUT if no router has said anything in time, -LKL_EADDRINUSE if another host
 * has the address; -LKL_ENODEV, -LKL_EINVAL if @result->struct_size is too small, -LKL_ENOMEM.
 */
int lkl_if_wait_ipv6_slaac(int ifindex, struct lkl_slaac *result, unsigned int timeout_ms);

/**
 * lkl_set_nameservers - write /etc/resolv.conf in the kernel: resolv.conf(5)
 * @nameservers: addresses, with spaces or commas between, the best one first; NULL: none
 * @search:      names of domains, likewise; NULL: none
 *
 * In the file system that is the calling thread's root: after the boot that is one in memory. Makes
 * /etc; what was in the file is gone. The library has no resolver itself: this is for programs
 * whose files are opened in the kernel. Returns 0; -LKL_EINVAL for what is no address or name, and
 * nothing is changed; the errors of open(2), write(2) and rename(2); -LKL_ENOMEM.
 */
int lkl_set_nameservers(const char *nameservers, const char *search);

/**
 * lkl_add_neighbor - a permanent entry of the table of neighbours: nobody is asked for @addr
 * @af:   LKL_AF_INET or LKL_AF_INET6
 * @addr: 4 or 16 bytes
 * @mac:  6 bytes
 */
int lkl_add_neighbor(int ifindex, int af, const void *addr, const void *mac);

/**
 * lkl_qdisc_add - choose the queueing discipline of an interface
 * @root: "root"
 * @type: "fq", "fq_codel", ...: its name, with no options. -LKL_ENOENT if the kernel does not know
 *        it, -LKL_EMSGSIZE if it is too long to be asked for
 */
int lkl_qdisc_add(int ifindex, const char *root, const char *type);

/**
 * lkl_qdisc_parse_add - several of them: "root|fq;root|..."
 *
 * What fails is printed, and the rest goes on. Returns 0 or the first error.
 */
int lkl_qdisc_parse_add(int ifindex, const char *entries);

/* ---- waiting for the host as well ---- */

/**
 * lkl_watch_create - a descriptor of the kernel that is readable when one of the host's is ready
 * @fd:     the host's: whatever its poll(2) can wait for, an epoll instance too. It stays the
 *          caller's, and is to be open as long as the new one is
 * @events: LKL_POLLIN, LKL_POLLPRI, LKL_POLLOUT, LKL_POLLRDHUP; errors and the other end's close are
 *          told in any case
 * @flags:  LKL_O_CLOEXEC, LKL_O_NONBLOCK
 *
 * For threads that wait for descriptors of both: what this gives goes into lkl_sys_epoll_ctl(),
 * lkl_sys_ppoll() ... beside the kernel's own, and nobody has to wake anybody from another thread.
 * lkl_sys_read() of 8 bytes gives what the host has said (LKL_POLL*, a number of 64 bits), and asks
 * the host again: if it is so still, it is readable once more, soon. So take first what there is,
 * then read. Without that it stays readable. Where nothing has happened read() waits, or is
 * -LKL_EAGAIN.
 *
 * Any thread, not in a signal handler. lkl_sys_close() ends it. In the child of a fork() it watches
 * the child's copy of the host's descriptor.
 *
 * Returns the descriptor; -LKL_EBADF if @fd is none, -LKL_EINVAL for other events or flags,
 * -LKL_EBUSY if the kernel has as many devices as it can have, -LKL_EMFILE, -LKL_ENOMEM,
 * -LKL_ENODEV without a running kernel, -LKL_EOPNOTSUPP on Windows, whose descriptors are not
 * waited for.
 */
int lkl_watch_create(int fd, int events, int flags);

/* ---- interrupts, for devices that the application implements ---- */

/**
 * lkl_get_free_irq - reserve an interrupt
 * @user: who uses it, for people; may be NULL
 *
 * Returns its number, -LKL_EBUSY if all are taken, -LKL_EINVAL without lkl_init().
 */
int lkl_get_free_irq(const char *user);

/** lkl_put_irq - the reverse: others may have it. What is not reserved is left alone */
void lkl_put_irq(int irq, const char *user);

/**
 * lkl_trigger_irq - raise an interrupt
 *
 * From any thread, not from a signal handler. The kernel takes it where it enables interrupts.
 * Returns 0, -LKL_EINVAL if there is no such interrupt, -LKL_ENODEV if the kernel does not run.
 */
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
