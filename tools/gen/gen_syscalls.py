#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Typed functions lkl_sys_NAME for every system call of a kernel tree.

The table is asm/unistd.h, evaluated by the C preprocessor; prototypes are those of
include/linux/syscalls.h, with names from the definitions where they have none. Also writes what programs expect from the C library's
headers and the kernel keeps in internal ones (AF_*, SOCK_*, MSG_*), and the texts
of error numbers.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

from gen_headers import (BANNER, C_KEYWORDS, collect_symbols, prefixed, read_headers,
                         write_if_changed)

# Types of prototypes that no exported header defines, and what they are.
KERNEL_TYPES = {
    "size_t": "lkl_size_t", "ssize_t": "lkl_ssize_t", "loff_t": "lkl_loff_t",
    "off_t": "lkl_off_t", "pid_t": "lkl_pid_t", "uid_t": "lkl_uid_t", "gid_t": "lkl_gid_t",
    "umode_t": "lkl_umode_t", "key_t": "lkl_key_t", "mqd_t": "lkl_mqd_t",
    "clockid_t": "lkl_clockid_t", "timer_t": "lkl_timer_t", "qid_t": "lkl_qid_t",
    "fd_set": "lkl_fd_set", "u32": "__lkl__u32", "u64": "__lkl__u64", "s32": "__lkl__s32",
    "bool": "int", "rwf_t": "__lkl__kernel_rwf_t", "siginfo_t": "lkl_siginfo_t",
    "uint32_t": "__lkl__u32", "old_sigset_t": "lkl_ulong", "key_serial_t": "__lkl__s32",
    "unsigned_long": "lkl_ulong",
}
TAG_NAMES = {"user_msghdr": "lkl_msghdr", "mmsghdr": "lkl_mmsghdr", "sockaddr": "lkl_sockaddr"}
QUALIFIERS = {"__user", "__force", "__bitwise"}

# Options of architectures whose calls take their arguments in another order or in halves:
# not ours.
FOREIGN_OPTIONS = re.compile(r"CONFIG_(CLONE_BACKWARDS|OLD_SIGSUSPEND|ODD_RT_SIGACTION|ARCH_SPLIT_ARG64)\d?$")
# Where system calls are defined.
DEFINITION_FOLDERS = ("fs", "ipc", "kernel", "mm", "net", "io_uring", "block", "security")

# What a call only reads, though its prototype does not say so (positions from 0):
# literals and constant objects are welcome.
READ_ONLY = {
    "sys_bind": (1,), "sys_clock_nanosleep": (2,), "sys_connect": (1,), "sys_mount": (0, 1, 2, 4),
    "sys_nanosleep": (0,), "sys_sendto": (1, 4), "sys_setdomainname": (0,),
    "sys_setgroups": (1,), "sys_sethostname": (0,), "sys_setrlimit": (1,),
    "sys_setsockopt": (3,), "sys_umount": (0,), "sys_utimensat": (2,),
}
# The established form, where it is not the kernel's.
ESTABLISHED = {
    "mmap": ("void *lkl_sys_mmap(void *addr, lkl_size_t length, int prot, int flags, int fd, "
             "lkl_off_t offset)", "(void *)"),
}


class Parameter:
    def __init__(self, ctype, name):
        self.ctype = ctype
        self.name = name

    def is_pointer(self):
        return "*" in self.ctype


def parse_parameter(text, index, names):
    words = [w for w in re.findall(r"\w+|\*|\[\d*\]|\.\.\.", text) if w not in QUALIFIERS]
    array = [w for w in words if w.startswith("[")]
    words = [w for w in words if not w.startswith("[")]
    name = f"arg{index}"
    last_is_name = (len(words) > 1 and re.fullmatch(r"\w+", words[-1])
                    and words[-1] not in C_KEYWORDS and words[-1] not in KERNEL_TYPES
                    and words[-1] not in names and words[-2] not in ("struct", "union", "enum"))
    # "size_t len": a name that is also a type's may still be a parameter's
    if not last_is_name and len(words) > 1 and words[-1] not in C_KEYWORDS and "*" in words[:-1] \
            and words[-1] != "*":
        last_is_name = True
    if last_is_name:
        name = words.pop()
    out, tag = [], False
    i = 0
    while i < len(words):
        word = words[i]
        if tag:
            out.append(TAG_NAMES.get(word, prefixed(word)))
        elif word in ("unsigned", "long", "int") :
            group = []
            while i < len(words) and words[i] in ("unsigned", "long", "int", "signed"):
                group.append(words[i])
                i += 1
            i -= 1
            if group.count("long") == 1:
                out.append("lkl_ulong" if "unsigned" in group else "lkl_long")
            else:
                out.append(" ".join(group))
        elif word in KERNEL_TYPES:
            out.append(KERNEL_TYPES[word])
        elif word in names:
            out.append(prefixed(word))
        else:
            out.append(word)
        tag = word in ("struct", "union", "enum")
        i += 1
    ctype = " ".join(out) + (" *" if array else "")
    ctype = re.sub(r"\* (?=\*)", "*", ctype)
    if name in ("new", "class", "private", "delete", "this", "template", "operator"):
        name += "_"
    return Parameter(ctype, name)


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)


def without_foreign(text):
    """Leaves out what stands under the options of other architectures."""
    out, hidden = [], []  # hidden: for each open #if, whether it hides what is in it
    for line in text.splitlines():
        match = re.match(r"\s*#\s*(ifdef|ifndef|if|elif|else|endif)\b\s*(?:defined\()?(\w*)", line)
        kind = match.group(1) if match else None
        if kind in ("ifdef", "ifndef", "if"):
            hidden.append(kind != "ifndef" and bool(FOREIGN_OPTIONS.match(match.group(2))))
        elif kind == "elif":
            hidden[-1] = bool(FOREIGN_OPTIONS.match(match.group(2)))
        elif kind == "else":
            hidden[-1] = False
        elif kind == "endif":
            hidden.pop()
        elif not any(hidden):
            out.append(line)
    return "\n".join(out)


def read_definitions(tree, wanted, names):
    """sys_NAME -> parameters, of those of the wanted symbols that are found."""
    found = {}
    for folder in DEFINITION_FOLDERS:
        for path, folders, files in os.walk(tree / folder):
            folders.sort()
            for file in sorted(f for f in files if f.endswith(".c")):
                text = pathlib.Path(path, file).read_text(errors="replace")
                if "SYSCALL_DEFINE" not in text:
                    continue
                for match in re.finditer(r"^SYSCALL_DEFINE\d\(([^)]*)\)",
                                         without_foreign(without_comments(text)), re.MULTILINE):
                    name, *parts = [p.strip() for p in match.group(1).split(",")]
                    if "sys_" + name in wanted:
                        pairs = zip(parts[::2], parts[1::2])
                        found["sys_" + name] = [parse_parameter(f"{a} {b}", i, names)
                                                for i, (a, b) in enumerate(pairs)]
    return found


def name_parameters(tree, prototypes, names):
    """Gives prototypes without names those of the definition with the same types."""
    nameless = {symbol for symbol, ps in prototypes.items()
                if any(re.fullmatch(r"arg\d", p.name) for p in ps)}
    for symbol, defined in read_definitions(tree, nameless, names).items():
        if [p.is_pointer() for p in defined] == [p.is_pointer() for p in prototypes[symbol]]:
            for mine, theirs in zip(prototypes[symbol], defined):
                mine.name = theirs.name


def read_prototypes(tree, names):
    """sys_NAME -> parameters."""
    prototypes = {}
    for header in ("include/linux/syscalls.h", "include/asm-generic/syscalls.h"):
        text = without_foreign(without_comments((tree / header).read_text()))
        for match in re.finditer(r"asmlinkage\s+long\s+(sys_\w+)\s*\(([^;]*)\)\s*;", text):
            body = match.group(2).strip()
            parts = [] if body in ("void", "") else body.split(",")
            prototype = [parse_parameter(p, i, names) for i, p in enumerate(parts)]
            # several variants stand under #ifdef: the one with names says more
            old = prototypes.get(match.group(1))
            if old is None or sum(p.name.startswith("arg") for p in old) > \
                    sum(p.name.startswith("arg") for p in prototype):
                prototypes[match.group(1)] = prototype
    name_parameters(tree, prototypes, names)
    for symbol, positions in READ_ONLY.items():
        for position in positions if symbol in prototypes else ():
            parameter = prototypes[symbol][position]
            if not parameter.ctype.startswith("const "):
                parameter.ctype = "const " + parameter.ctype
    return prototypes


def read_table(kernel_headers, compiler):
    """[(number, NR name, sys_NAME)] as the kernel of this tree has them."""
    probe = "#define __SYSCALL(nr, sym) LKL_ENTRY nr sym\n#include <asm/unistd.h>\n"
    run = subprocess.run(
        [*compiler, "-E", "-P", "-U__x86_64__", "-I", str(kernel_headers), "-x", "c", "-"],
        input=probe, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"gen_syscalls.py: the preprocessor can't read asm/unistd.h:\n{run.stderr}")
    names = {}
    defines = subprocess.run(
        [*compiler, "-E", "-dM", "-U__x86_64__", "-I", str(kernel_headers), "-x", "c", "-"],
        input="#include <asm/unistd.h>\n", capture_output=True, text=True, check=True).stdout
    for match in re.finditer(r"#define __NR_(\w+) (.+)", defines):
        value = match.group(2)
        chase = re.fullmatch(r"__NR3264_(\w+)", value)
        if chase:
            value = re.search(rf"#define {value} (\d+)", defines).group(1)
        if value.isdigit():
            names[int(value)] = match.group(1)
    table = []
    for match in re.finditer(r"LKL_ENTRY (\d+) (\w+)", run.stdout):
        number, symbol = int(match.group(1)), match.group(2)
        if symbol != "sys_ni_syscall" and number in names:
            table.append((number, names[number], symbol))
    return table


def function(name, parameters):
    if name in ESTABLISHED:
        return ESTABLISHED[name][0]
    args = ", ".join(f"{p.ctype}{'' if p.ctype.endswith('*') else ' '}{p.name}"
                     for p in parameters) or "void"
    return f"lkl_long lkl_sys_{name}({args})"


def all_functions(table, prototypes):
    """(function name, NR name, parameters), the symbol's name and, if another, the table's."""
    seen = set()
    for _, nr_name, symbol in table:
        if symbol not in prototypes:
            sys.exit(f"gen_syscalls.py: {symbol} is in the table but has no prototype")
        for name in (symbol[len("sys_"):], nr_name):
            if name not in seen:
                seen.add(name)
                yield name, nr_name, prototypes[symbol]


def make_header(functions):
    tags = sorted({m for _, _, ps in functions for p in ps
                   for m in re.findall(r"(?:struct|union) \w+", p.ctype)})
    out = [BANNER, "#ifndef LKL_ASM_SYSCALLS_H\n#define LKL_ASM_SYSCALLS_H\n\n",
           "/*\n * One function for each system call of this kernel. Returns the result, or a\n"
           " * negative error number (-LKL_EINVAL). Any host thread may call any of them at any\n"
           " * time; see man 2 NAME for what NAME does. From a signal handler that interrupted a\n"
           " * call of the same thread: -LKL_EDEADLK.\n */\n",
           "#include <lkl/compat.h>\n#include <lkl/uapi.h>\n\n",
           "#ifdef __cplusplus\nextern \"C\" {\n#endif\n"
           "#ifdef __GNUC__\n#pragma GCC visibility push(default)\n#endif\n\n"]
    out += [f"{tag};\n" for tag in tags]
    out.append("\n")
    out += [function(name, parameters) + ";\n" for name, _, parameters in functions]
    out.append("\n#ifdef __GNUC__\n#pragma GCC visibility pop\n#endif\n"
               "#ifdef __cplusplus\n}\n#endif\n\n#include <lkl/aliases.h>\n\n#endif\n")
    return "".join(out)


def make_source(functions):
    out = [BANNER, "#include <lkl/asm/syscalls.h>\n\n",
           "lkl_long lkl_syscall6(lkl_long nr, lkl_long a, lkl_long b, lkl_long c, lkl_long d,\n"
           "\t\t     lkl_long e, lkl_long f);\n\n"]
    for name, nr_name, parameters in functions:
        declaration, cast = function(name, parameters), ""
        given = [p.name for p in parameters]
        if name in ESTABLISHED:
            cast = ESTABLISHED[name][1]
            given = re.findall(r"(\w+)[,)]", declaration)
        values = [f"(lkl_long){g}" for g in given] + ["0"] * (6 - len(given))
        out.append(f"{declaration}\n{{\n\treturn {cast}lkl_syscall6(__lkl__NR_{nr_name}, "
                   f"{', '.join(values)});\n}}\n\n")
    return "".join(out)


NETWORK = set("""accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom
recvmmsg recvmsg sendmmsg sendmsg sendto setsockopt shutdown socket socketpair""".split())


def trace_kind(symbol, parameters, index):
    """How host/api/trace.cc shows an argument: one letter."""
    p = parameters[index]
    following = parameters[index + 1].ctype if index + 1 < len(parameters) else ""
    if p.is_pointer():
        sized = following in ("lkl_size_t", "int", "unsigned int") and symbol != "sys_getcwd"
        if p.ctype == "const char *":
            return "b" if p.name == "buf" and sized else "s"
        if p.name in ("buf", "ubuf", "buff") and p.ctype in ("const void *", "void *", "char *"):
            if sized:
                return "b" if p.ctype.startswith("const") else "r"
        return "p"
    if p.name.endswith("dfd") or p.name == "dirfd":
        return "a"
    if p.name == "fd" or p.name.endswith("fd") or p.name.startswith("fd_"):
        return "f"
    if p.ctype in ("lkl_umode_t", "lkl_mode_t"):
        return "m"
    if p.name == "flags" and symbol in ("sys_openat", "sys_pipe2", "sys_dup3"):
        return "o"
    if "flags" in p.name or p.name in ("addr", "start", "arg", "cmd"):
        return "x"
    if "unsigned" in p.ctype or p.ctype in ("lkl_ulong", "lkl_size_t", "__lkl__u32", "__lkl__u64"):
        return "u"
    return "l" if "long" in p.ctype or p.ctype in ("lkl_loff_t", "lkl_off_t") else "d"


def make_trace(table, prototypes):
    """For each call its number, name, kinds of arguments and classes (f d n)."""
    out = [BANNER]
    for number, name, symbol in sorted(table):
        parameters = prototypes[symbol]
        kinds = "".join(trace_kind(symbol, parameters, i) for i in range(len(parameters)))
        classes = ("f" if "s" in kinds else "") + ("d" if set(kinds) & set("af") else "") + \
            ("n" if name in NETWORK else "")
        out.append(f'{{{number}, "{name}", "{kinds}", "{classes}"}},\n')
    return "".join(out)


def make_sockets(tree):
    """The constants of the socket interface: internal in the kernel, public in libc."""
    out = [BANNER, "#ifndef LKL_SOCKETS_H\n#define LKL_SOCKETS_H\n\n"]
    text = (tree / "include/linux/socket.h").read_text()
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    for match in re.finditer(r"^#define\s+((?:AF|PF|MSG|SOL|SCM)_\w+)\s+([\w() |]+?)\s*$", text,
                             re.MULTILINE):
        value = re.sub(r"\b((?:AF|PF|MSG|SOL|SCM)_\w+)", r"LKL_\1", match.group(2))
        if match.group(1) not in ("MSG_INTERNAL_SENDMSG_FLAGS", "MSG_CMSG_COMPAT"):
            out.append(f"#define LKL_{match.group(1)} {value}\n")
    text = (tree / "include/linux/net.h").read_text()
    for match in re.finditer(r"^\s*(SOCK_\w+)\s*=\s*(\d+)", text, re.MULTILINE):
        out.append(f"#define LKL_{match.group(1)} {match.group(2)}\n")
    for match in re.finditer(r"^\s*(SHUT_\w+)\s*(?:=\s*(\d+))?,?", text, re.MULTILINE):
        out.append(f"#define LKL_{match.group(1)} "
                   f"{('RD', 'WR', 'RDWR').index(match.group(1)[5:])}\n")
    out.append("#define LKL_SOCK_CLOEXEC LKL_O_CLOEXEC\n#define LKL_SOCK_NONBLOCK LKL_O_NONBLOCK\n")
    out.append("\n#endif\n")
    return "".join(out)


def make_errors(headers):
    entries = {}
    for name in ("asm-generic/errno-base.h", "asm-generic/errno.h"):
        for match in re.finditer(r"#define\s+(E\w+)\s+(\d+)\s*/\*\s*(.*?)\s*\*/", headers[name]):
            entries[int(match.group(2))] = (match.group(1), match.group(3))
    out = [BANNER]
    for number in sorted(entries):
        name, text = entries[number]
        out.append(f'{{{number}, "{name}", "{text}"}},\n')
    return "".join(out)


# Headers that fit together in one translation unit: those of linux/ that system calls,
# sockets and files need.
UAPI = """linux/bpf linux/landlock asm/errno asm/fcntl asm/ioctls asm/mman asm/poll asm/resource asm/signal asm/siginfo
asm/socket asm/sockios asm/stat asm/statfs asm/termbits asm/unistd linux/aio_abi linux/capability
linux/close_range linux/dm-ioctl linux/dqblk_xfs linux/eventfd linux/eventpoll linux/falloc
linux/fanotify linux/fcntl linux/fiemap linux/fs linux/fsmap linux/fsverity linux/futex
linux/fib_rules linux/hdreg linux/icmp linux/if linux/if_addr linux/if_arp linux/if_ether linux/if_link
linux/if_packet linux/if_tun linux/in linux/in6 linux/inotify linux/io_uring linux/ioprio
linux/ip linux/ipv6 linux/kd linux/loop linux/magic linux/major linux/memfd linux/mman
linux/mount linux/mqueue linux/msg linux/neighbour linux/net linux/netlink linux/openat2
linux/param linux/pidfd linux/pkt_sched linux/poll linux/prctl linux/quota linux/random linux/reboot
linux/resource linux/route linux/rtnetlink linux/sched linux/sched/types linux/sem linux/shm
linux/signal linux/signalfd linux/socket linux/sockios linux/stat linux/sysinfo linux/tcp
linux/time linux/time_types linux/timerfd linux/timex linux/types linux/udp linux/uio linux/un
linux/unistd linux/utime linux/utsname linux/veth linux/virtio_blk linux/virtio_ids linux/virtio_net
linux/wait linux/xattr linux/blkzoned linux/blkpg""".split()


def make_uapi(headers):
    present = [name for name in UAPI if f"{name}.h" in headers]
    return BANNER + "#ifndef LKL_UAPI_H\n#define LKL_UAPI_H\n\n" + \
        "".join(f"#include <lkl/{name}.h>\n" for name in present) + "\n#endif\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel-source", type=pathlib.Path, required=True)
    parser.add_argument("--kernel-headers", type=pathlib.Path, required=True)
    parser.add_argument("--compiler", nargs="+", default=["cc"])
    parser.add_argument("--output", type=pathlib.Path, required=True, help="headers go to lkl/ here")
    parser.add_argument("--source-output", type=pathlib.Path, required=True)
    args = parser.parse_args()

    headers = read_headers(args.kernel_headers)
    names = collect_symbols(headers).names
    prototypes = read_prototypes(args.kernel_source, names)
    table = read_table(args.kernel_headers, args.compiler)
    functions = list(all_functions(table, prototypes))

    write_if_changed(args.output / "lkl/asm/syscalls.h", make_header(functions))
    write_if_changed(args.output / "lkl/sockets.h", make_sockets(args.kernel_source))
    write_if_changed(args.output / "lkl/uapi.h", make_uapi(headers))
    write_if_changed(args.source_output / "lkl_syscalls.c", make_source(functions))
    write_if_changed(args.source_output / "lkl_syscalls.list",
                     "".join(f"lkl_sys_{name}\n" for name, _, _ in functions))
    write_if_changed(args.source_output / "lkl_errors.inc", make_errors(headers))
    write_if_changed(args.source_output / "lkl_trace.inc", make_trace(table, prototypes))


if __name__ == "__main__":
    main()
