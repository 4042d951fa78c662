/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LKL_CONFIG_H
#define LKL_CONFIG_H

/*
 * A kernel's network, disks and settings in one text of JSON, or in the environment:
 *
 *	struct lkl_config cfg = {0};
 *
 *	error = lkl_init(&lkl_host_ops);
 *	error = lkl_load_config_json(&cfg, text);
 *	error = lkl_load_config_pre(&cfg);
 *	error = lkl_start_kernel("%s", cfg.boot_cmdline ? cfg.boot_cmdline : "");
 *	error = lkl_load_config_post(&cfg);
 *	...
 *	lkl_unload_config(&cfg);
 *	lkl_sys_halt();
 *	lkl_cleanup();
 *
 * The structures may be filled in by the program as well; texts are of malloc(3). NULL, or zero, is
 * what is not given. All functions return 0 or a negative error number of the kernel, and print a
 * line that says what is wrong and where (lkl_printf()). Any thread, one at a time for a structure.
 */

#include <lkl.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/**
 * struct lkl_config_iface - a network card and its interface
 * @next:            the next one
 * @nd:              its wire, set by lkl_load_config_pre()
 * @iftap:           name of a TAP interface: an older way to say it
 * @iftype:          kind of wire, as the scheme of lkl_netdev_open(): "tap", "raw", ...; or a whole
 *                   URI ("slirp:", "tap:tap0")
 * @ifparams:        what is behind the scheme's colon: "tap0"
 * @ifmtu_str:       68 to 65535
 * @ifip:            IPv4 address
 * @ifipv6:          IPv6 address
 * @ifgateway:       router for packets from @ifip, in the interface's own table
 * @ifgateway6:      router for packets from @ifipv6
 * @ifmac_str:       "02:00:00:00:00:01"
 * @ifnetmask_len:   bits of the network of @ifip, 1 to 31
 * @ifnetmask6_len:  bits of the network of @ifipv6
 * @ifoffload_str:   features of virtio-net, for programs written for LKL: what both sides can do is
 *                   agreed on anyhow
 * @ifneigh_entries: "IP|MAC;IP|MAC...", see lkl_add_neighbor()
 * @ifqdisc_entries: "root|fq", see lkl_qdisc_parse_add()
 * @ifaddresses:     more addresses: "ADDRESS/BITS,..."
 * @ifroutes:        routes of the main table: "NETWORK/BITS via ADDRESS,...", "default via ADDRESS";
 *                   without "via", on the wire itself
 * @dhcp:            lkl_if_dhcp()
 * @slaac:           lkl_if_wait_ipv6_slaac()
 * @id:              of the card, set by lkl_load_config_pre()
 * @ifindex:         of the interface, set by lkl_load_config_post()
 */
struct lkl_config_iface {
	struct lkl_config_iface *next;
	struct lkl_netdev *nd;

	char *iftap;
	char *iftype;
	char *ifparams;
	char *ifmtu_str;
	char *ifip;
	char *ifipv6;
	char *ifgateway;
	char *ifgateway6;
	char *ifmac_str;
	char *ifnetmask_len;
	char *ifnetmask6_len;
	char *ifoffload_str;
	char *ifneigh_entries;
	char *ifqdisc_entries;

	char *ifaddresses;
	char *ifroutes;
	int dhcp;
	int slaac;
	int id;
	int ifindex;
};

/**
 * struct lkl_config_disk - a disk, and where it is mounted
 * @next:      the next one
 * @uri:       see lkl_disk_open()
 * @mount:     mount point in the kernel, which is made; NULL: it is not mounted
 * @type:      of the file system; NULL: every one is tried
 * @options:   of the file system
 * @part:      number of the partition; NULL: the whole disk
 * @read_only: disk and mount
 * @snapshot:  what is written is gone with the disk
 * @disk:      set by lkl_load_config_pre()
 * @id:        from lkl_disk_open(), set by lkl_load_config_pre()
 * @mounted:   lkl_load_config_post() has mounted it
 */
struct lkl_config_disk {
	struct lkl_config_disk *next;
	char *uri;
	char *mount;
	char *type;
	char *options;
	char *part;
	int read_only;
	int snapshot;
	struct lkl_disk disk;
	int id;
	int mounted;
};

/**
 * struct lkl_config - all of it
 * @ifnum:        how many interfaces there are
 * @ifaces:       the first one
 * @gateway:      router for all of IPv4
 * @gateway6:     router for all of IPv6
 * @debug:        a number, whose bits are the program's; 0 or NULL: the kernel prints nothing
 * @mount:        "proc,sysfs,...", see lkl_mount_fs()
 * @single_cpu:   "0", "1" or "2", for who makes threads; the library has none that run the kernel
 * @sysctls:      "KEY|VALUE;...", see lkl_sysctl_parse_write()
 * @boot_cmdline: for lkl_start_kernel()
 * @dump:         "/proc/net/dev,...": files that lkl_unload_config() prints
 * @delay_main:   microseconds that lkl_load_config_post() waits in the end
 * @nameserver:   addresses with commas between, for lkl_set_nameservers(); NULL: what DHCP or
 *                routers have said
 * @search:       names of domains with commas between
 * @hostname:     sethostname(2)
 * @disknum:      how many disks there are
 * @disks:        the first one
 */
struct lkl_config {
	int ifnum;
	struct lkl_config_iface *ifaces;

	char *gateway;
	char *gateway6;
	char *debug;
	char *mount;
	char *single_cpu;
	char *sysctls;
	char *boot_cmdline;
	char *dump;
	char *delay_main;
	char *nameserver;

	char *search;
	char *hostname;
	int disknum;
	struct lkl_config_disk *disks;
};

/**
 * lkl_load_config_json - read a configuration from JSON
 * @cfg:  zeroed, or with what was read before: what the text has replaces that
 * @json: an object, see docs/network.md for its keys
 *
 * Numbers may be written as texts. With an error nothing is changed. Returns 0; -LKL_EINVAL for what
 * is no JSON, a key that is not known (the line names the nearest one), a value of another type or
 * one that means nothing; -LKL_E2BIG if it is longer than 256 KiB; -LKL_ENOMEM.
 */
int lkl_load_config_json(struct lkl_config *cfg, const char *json);

/**
 * lkl_load_config_env - the same from the variables LKL_HIJACK_*
 * @cfg: as for lkl_load_config_json()
 *
 * One interface, if LKL_HIJACK_NET_IFTYPE (or the older LKL_HIJACK_NET_TAP) is there: it takes the
 * place of those that were. @cfg->boot_cmdline is "" if nobody says anything. Variables of these
 * names that mean nothing are errors.
 */
int lkl_load_config_env(struct lkl_config *cfg);

/** lkl_show_config - prints what is there, a line each */
void lkl_show_config(struct lkl_config *cfg);

/**
 * lkl_load_config_pre - what is to be done before the boot, after lkl_init()
 *
 * Opens the disks and wires and adds them. If nobody wants @cfg->debug, the print operation that
 * lkl_init() was given (lkl_host_ops.print) becomes NULL then, until lkl_unload_config(); only what
 * is wrong with the configuration is printed by it. Returns the first error, after which lkl_unload_config()
 * takes back what was done. NULL is no configuration, and 0.
 */
int lkl_load_config_pre(struct lkl_config *cfg);

/**
 * lkl_load_config_post - the rest, when the kernel runs
 *
 * Mounts, host name, interfaces, routes, settings, resolvers, delay; in this order. DHCP has 30
 * seconds, and a router 15. What fails is printed, and the rest goes on. Returns 0 or the first
 * error. NULL is no configuration, and 0.
 */
int lkl_load_config_post(struct lkl_config *cfg);

/**
 * lkl_unload_config - the end of it, before lkl_cleanup()
 *
 * Prints the files of @cfg->dump, unmounts and removes the disks and cards, closes the wires,
 * frees all texts. @cfg is zeroed and stays the caller's. Returns 0, or the first error of an
 * unmount: such a disk may have lost data. NULL is no configuration, and 0.
 */
int lkl_unload_config(struct lkl_config *cfg);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
