#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Constants of the exported headers have the values of the kernel's own.

Of each header every macro and enumerator that is an integer constant there - also
ioctl numbers, which have the size of a structure in them - is compiled under both
names, and the compiler's answers are compared. So is what <lkl.h> has by hand or
from internal headers with what the C library has. A compiler whose long has 32 bits
(--llp64-cc) must give the same answers for all that <lkl.h> has, and for layouts.
"""

import argparse
import pathlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from gen_headers import Symbols, prefixed
from headers_test import LAYOUTS, first_error, members_of

# What programs include before headers that need it. libc's headers must see the
# host's processor, the kernel's own must not.
BEFORE = "".join(f"#include <{name}.h>\n" for name in ("stdint", "stddef", "limits", "string"))
BEFORE_KERNEL = BEFORE + "#undef __x86_64__\n#undef __i386__\n#include <asm/ioctl.h>\n"
BEFORE_OURS = BEFORE + "#include <lkl/asm/ioctl.h>\n#include <lkl/linux/limits.h>\n"

LIBC_INCLUDES = "#define _GNU_SOURCE\n" + "".join(
    f"#include <{name}.h>\n" for name in
    "sys/types sys/socket sys/stat sys/mount sys/sysmacros sys/time dirent fcntl unistd time".split())
# What must be the same as the C library's: LKL's name -> libc's.
LIBC_EXPRESSIONS = {
    f"sizeof({ours})": f"sizeof({libc})" for ours, libc in (
        ("lkl_size_t", "size_t"), ("lkl_off_t", "off_t"), ("lkl_pid_t", "pid_t"),
        ("lkl_uid_t", "uid_t"), ("lkl_mode_t", "mode_t"), ("lkl_socklen_t", "socklen_t"),
        ("lkl_sa_family_t", "sa_family_t"), ("lkl_fd_set", "fd_set"),
        ("struct lkl_ucred", "struct ucred"), ("struct lkl_sockaddr", "struct sockaddr"))
} | {
    f"sizeof(struct lkl_{name})": f"sizeof(struct {name})"
    for name in ("msghdr", "mmsghdr", "cmsghdr", "iovec")
} | {
    f"__builtin_offsetof(struct lkl_{struct}, {member})":
        f"__builtin_offsetof(struct {struct.replace('linux_', '')}, {member})"
    for struct, members in (
        ("msghdr", "msg_name msg_namelen msg_iov msg_iovlen msg_control msg_controllen msg_flags"),
        ("mmsghdr", "msg_hdr msg_len"), ("cmsghdr", "cmsg_len cmsg_level cmsg_type"),
        ("sockaddr", "sa_family sa_data"), ("linux_dirent64", "d_ino d_off d_reclen d_type d_name"))
    for member in members.split()
} | {
    f"LKL_{name}": name
    for name in "R_OK W_OK X_OK F_OK MNT_FORCE MNT_DETACH MNT_EXPIRE UMOUNT_NOFOLLOW FD_SETSIZE "
    "DT_UNKNOWN DT_FIFO DT_CHR DT_DIR DT_BLK DT_REG DT_LNK DT_SOCK DT_WHT "
    "CMSG_LEN(5) CMSG_SPACE(5) CMSG_ALIGN(5)".split()
}


class Compiler:
    def __init__(self, command):
        self.command = [*command, "-w", "-fmax-errors=0", "-fno-zero-initialized-in-bss",
                        "-S", "-o", "-", "-x", "c", "-"]

    def constants(self, prologue, expressions):
        """Expression -> value of those that are constants; None if the prologue fails."""
        wanted = list(expressions)
        first = prologue.count("\n") + 1
        while True:
            source = prologue + "".join(
                f"long long lkl_v{i} = (long long)({e});\n" for i, e in enumerate(wanted))
            run = subprocess.run(self.command, input=source, text=True, capture_output=True)
            if run.returncode == 0:
                break
            lines = {int(n) for n in re.findall(r"^<stdin>:(\d+):\d+: error", run.stderr,
                                                re.MULTILINE)}
            lines |= {int(n) for n in re.findall(r"^<stdin>:(\d+):\d+: note: in expansion",
                                                 run.stderr, re.MULTILINE)}
            bad = {n - first for n in lines if n >= first}
            if not bad:
                return None
            wanted = [e for i, e in enumerate(wanted) if i not in bad]
        values = {}
        for match in re.finditer(r"^lkl_v(\d+):\s*\.(quad|zero)\s+(-?\d+)$", run.stdout, re.MULTILINE):
            values[wanted[int(match.group(1))]] = 0 if match.group(2) == "zero" else match.group(3)
        return values


def compare(what, names, theirs, ours):
    """names: ours -> theirs. Lines about the differences."""
    bad = []
    for our, their in names.items():
        if their not in theirs:
            continue
        if our not in ours:
            bad.append(f"{what}: {our} is no constant, {their} is {theirs[their]}")
        elif ours[our] != theirs[their]:
            bad.append(f"{what}: {our} is {ours[our]}, {their} is {theirs[their]}")
    return bad


def check_header(args, name):
    """(number of constants compared, lines about what is wrong)"""
    symbols = Symbols()
    symbols.collect((args.kernel_headers / name).read_text(errors="replace"))
    names = {prefixed(plain): plain for plain in sorted(symbols.names)}
    if not names:
        return 0, []
    theirs = Compiler([args.cc, "-I", str(args.kernel_headers)]).constants(
        f"{BEFORE_KERNEL}#include <{name}>\n", names.values())
    ours = Compiler([args.cc, *args.flags]).constants(
        f"{BEFORE_OURS}#include <lkl/{name}>\n", names)
    if theirs is None or ours is None:
        return 0, []  # whether it compiles is another test's matter
    return len(theirs), compare(name, names, theirs, ours)


def check_libc(args):
    names = dict(LIBC_EXPRESSIONS)
    for line in (args.api / "lkl/sockets.h").read_text().splitlines():
        match = re.match(r"#define LKL_(\w+)", line)
        if match and match.group(1) != "SOCKETS_H":
            names[f"LKL_{match.group(1)}"] = match.group(1)
    theirs = Compiler([args.cc]).constants(LIBC_INCLUDES, names.values())
    ours = Compiler([args.cc, *args.flags]).constants("#include <lkl.h>\n", names)
    # the families' count grows with the kernel
    names = {a: b for a, b in names.items() if not b.endswith(("_MAX", "SOMAXCONN"))}
    return len(theirs), compare("libc", names, theirs, ours)


def check_llp64(args):
    """What <lkl.h> means where long has 32 bits, against what it means here."""
    before = "#include <lkl.h>\n" + "".join(f"#include <lkl/{name}>\n" for name in LAYOUTS)
    expressions = list(LIBC_EXPRESSIONS)
    for header in re.findall(r"<lkl/(\S+)>", (args.api / "lkl/uapi.h").read_text()):
        symbols = Symbols()
        symbols.collect((args.kernel_headers / header).read_text())
        expressions += [prefixed(name) for name in sorted(symbols.names)]
    for header, names in LAYOUTS.items():
        generic = args.api / "lkl" / header.replace("asm/", "asm-generic/")
        text = (generic if generic.exists() else args.api / "lkl" / header).read_text()
        for name in (prefixed(name) for name in names):
            expressions.append(f"sizeof(struct {name})")
            expressions += [f"__builtin_offsetof(struct {name}, {member})"
                            for member in members_of(text, name)]
    here = Compiler([args.cc, *args.flags]).constants(before, expressions)
    # the least long long cannot be written as a number
    asserts = [f'_Static_assert((long long)({e}) == {value}LL, "here {value}: {e}");\n'
               for e, value in here.items() if int(value) > -2**63]
    asserts.append('_Static_assert(sizeof(long) == 4, "no LLP64 compiler");\n')
    run = subprocess.run([*args.llp64_cc.split(), "-ffreestanding", "-fsyntax-only", "-w", "-x",
                          "c", *args.flags, "-"],
                         input=before + "".join(asserts), text=True, capture_output=True)
    bad = [line for line in run.stderr.splitlines() if "error" in line]
    if run.returncode and not bad:
        bad = [first_error(run.stderr)]
    return len(asserts), [f"LLP64: {line}" for line in bad]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("api", "include", "kernel-headers"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--cc", required=True)
    parser.add_argument("--llp64-cc", help="compiler and its options")
    args = parser.parse_args()
    args.flags = ["-I", str(args.include), "-I", str(args.api)]

    headers = sorted(str(p.relative_to(args.kernel_headers))
                     for p in args.kernel_headers.rglob("*.h"))
    if not args.llp64_cc:
        print("LLP64: not checked, there is no clang")
    with ThreadPoolExecutor(2) as pool:
        results = [check_libc(args), *([check_llp64(args)] if args.llp64_cc else []), *pool.map(lambda name: check_header(args, name), headers)]
    bad = [line for _, lines in results for line in lines]
    count = sum(number for number, _ in results)
    print("\n".join(bad))
    print(f"{len(headers)} headers, {count} constants compared, {len(bad)} differ")
    # A handful would mean that the comparison itself is broken.
    sys.exit(1 if bad or count < 10000 else 0)


if __name__ == "__main__":
    main()
