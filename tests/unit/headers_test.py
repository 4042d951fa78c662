#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The exported headers: each compiles alone, all together with libc's, same layouts.

Exempt from compiling alone are, in C++, those that are no C++ even unprefixed, and some of
those that the kernel's own test of its headers exempts (usr/include/Makefile): NOT_ALONE.
"""

import argparse
import pathlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

LIBC = """stdio stdlib string unistd fcntl errno signal poll time sys/types sys/stat sys/socket
sys/epoll sys/eventfd sys/mount sys/uio sys/un sys/statfs sys/ioctl sys/resource netinet/in
netinet/tcp net/if arpa/inet dirent pthread""".split()

# They want another one before them, or types that no exported header has.
NOT_ALONE = {"asm/ucontext.h", "linux/bpf_perf_event.h", "linux/coda.h",
             "linux/hdlc/ioctl.h", "linux/patchkey.h",
             "xen/evtchn.h", "xen/gntdev.h", "xen/privcmd.h", "asm-generic/%"}

# Structures whose layout must be the kernel's own, and the header of each.
LAYOUTS = {
    "asm/stat.h": ["stat"], "asm/statfs.h": ["statfs"], "linux/stat.h": ["statx"],
    "linux/eventpoll.h": ["epoll_event"], "linux/uio.h": ["iovec"], "asm/fcntl.h": ["flock"],
    "linux/in.h": ["sockaddr_in", "in_addr", "ip_mreq"], "linux/in6.h": ["in6_addr"],
    "linux/un.h": ["sockaddr_un"], "linux/if.h": ["ifreq", "ifconf", "ifmap"],
    "linux/io_uring.h": ["io_uring_sqe", "io_uring_cqe", "io_uring_params"],
    "linux/resource.h": ["rusage", "rlimit", "rlimit64"], "linux/sysinfo.h": ["sysinfo"],
    "linux/utsname.h": ["new_utsname"], "linux/netlink.h": ["nlmsghdr", "sockaddr_nl"],
    "linux/rtnetlink.h": ["rtmsg", "ifinfomsg"], "linux/fs.h": ["fstrim_range", "fsxattr"],
    "linux/fiemap.h": ["fiemap", "fiemap_extent"], "linux/loop.h": ["loop_info64"],
    "linux/dm-ioctl.h": ["dm_ioctl", "dm_target_spec"], "linux/virtio_blk.h": ["virtio_blk_config"],
    "linux/inotify.h": ["inotify_event"], "linux/signalfd.h": ["signalfd_siginfo"],
    "linux/aio_abi.h": ["iocb", "io_event"], "linux/if_packet.h": ["sockaddr_ll", "tpacket_req"],
    "linux/tcp.h": ["tcp_info"], "linux/time.h": ["itimerval"],
    "linux/time_types.h": ["__kernel_timespec", "__kernel_itimerspec"],
    "asm/poll.h": ["pollfd"], "asm/signal.h": ["sigaction", "sigaltstack"],
    "asm/siginfo.h": ["siginfo", "sigevent"],
    "asm/termbits.h": ["termios"], "linux/btrfs.h": ["btrfs_ioctl_vol_args"],
}


def prefixed(name):
    return "__lkl" + name if name.startswith("__") else "lkl_" + name


def compile_only(command, source):
    run = subprocess.run([*command, "-fsyntax-only", "-"], input=source, text=True,
                         capture_output=True)
    return "" if run.returncode == 0 else run.stderr


def first_error(text):
    lines = text.splitlines()
    return next((line for line in lines if "error" in line), lines[0] if lines else "no message")


def exempt_headers(kernel_source):
    text = (kernel_source / "usr/include/Makefile").read_text()
    return set(re.findall(r"no-header-test \+= (\S+)", text)) & NOT_ALONE


def check_each(args, headers):
    c = [args.cc, "-std=gnu11", "-x", "c", *args.flags]
    cxx = [args.cxx, "-std=c++20", "-x", "c++", *args.flags]
    kernel_cxx = [args.cxx, "-std=c++20", "-x", "c++", "-I", str(args.kernel_headers),
                  "-U__x86_64__"]
    exempt = exempt_headers(args.kernel_source)

    def check(name):
        if name in exempt or name.split("/")[0] + "/%" in exempt:
            return []
        source = f"#include <lkl/{name}>\n"
        bad = []
        error = compile_only(c, source)
        if error:
            bad.append(f"{name} in C: {first_error(error)}")
        error = compile_only(cxx, source)
        # what is not C++ in the kernel's own form need not be in ours
        if error and not compile_only(kernel_cxx, f"#include <{name}>\n"):
            bad.append(f"{name} in C++: {first_error(error)}")
        return bad

    with ThreadPoolExecutor(2) as pool:
        return [line for lines in pool.map(check, headers) for line in lines]


def check_together(args):
    source = "".join(f"#include <{name}.h>\n" for name in LIBC) + "#include <lkl.h>\n"
    after = "#include <lkl.h>\n" + "".join(f"#include <{name}.h>\n" for name in LIBC)
    bad = []
    for compiler, flags in ((args.cc, ["-std=gnu11", "-x", "c"]),
                            (args.cc, ["-std=gnu11", "-x", "c", "-D_GNU_SOURCE"]),
                            (args.cxx, ["-std=c++20", "-x", "c++"])):
        for text in (source, after):
            error = compile_only([compiler, *flags, "-Wall", "-Wextra", "-Werror", *args.flags], text)
            if error:
                bad.append(f"together with libc's ({flags[0]}): {first_error(error)}")
    return bad


def layout_program(header, name, members):
    lines = [header, "#include <stddef.h>\nextern int printf(const char *, ...);\nint main(void) {",
             f'printf("%zu", sizeof(struct {name}));']
    lines += [f'printf(" {plain}=%zu", offsetof(struct {name}, {real}));'
              for plain, real in members]
    return "\n".join(lines) + "return 0; }\n"


def members_of(text, name):
    """Names of the members, also of those in unnamed structs and unions inside."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)
    text = re.sub(r"#ifdef SA_RESTORER.*?#endif|#ifdef LKL_SA_RESTORER.*?#endif", " ", text,
                  flags=re.DOTALL)
    start = re.search(r"struct\s+%s\s*\{" % re.escape(name), text)
    if not start:
        return []
    depth, end = 1, start.end()
    while depth:
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    body = text[start.end():end - 1]
    inner = re.compile(r"(?:struct|union)\s*\w*\s*\{([^{}]*)\}\s*(\w*)")
    while inner.search(body):
        body = inner.sub(lambda m: f"int {m.group(2)}" if m.group(2) else m.group(1), body)
    names = re.findall(r"(\w+)\s*(?:\[[^;]*\])?\s*;", body) + \
        re.findall(r"\(\s*\*\s*(\w+)\s*\)\s*\(", body)
    macros = ("__SIGINFO", "__LKL__SIGINFO")  # a member that is a macro of many
    return [m for m in names if not m.isdigit() and m not in macros]


def check_layout(args, work, header, name):
    """Lines about what is wrong with one structure."""
    # asm/ headers only point to asm-generic/
    generic = header.replace("asm/", "asm-generic/")
    where = generic if (args.kernel_headers / generic).exists() else header
    kernel_text = (args.kernel_headers / where).read_text()
    theirs = members_of(kernel_text, name)
    ours = members_of((args.api / "lkl" / where).read_text(), prefixed(name))
    if not theirs or len(theirs) != len(ours):
        return [f"struct {name}: members {theirs} of the kernel's, {ours} of ours"]
    # libc's headers must see the host's processor, the kernel's own must not
    before = "#include <sys/socket.h>\n" if "<sys/socket.h>" in kernel_text else ""
    outputs = []
    for command, source in (
            ([args.cc, "-I", str(args.kernel_headers)],
             layout_program(f"{before}#include <stddef.h>\n#undef __x86_64__\n#include <{header}>",
                            name, [(t, t) for t in theirs])),
            ([args.cc, *args.flags],
             layout_program(f"#include <lkl/{header}>", prefixed(name), zip(theirs, ours)))):
        program = work / "layout"
        run = subprocess.run([*command, "-w", "-x", "c", "-", "-o", str(program)],
                             input=source, text=True, capture_output=True)
        if run.returncode:
            return [f"struct {name}: {first_error(run.stderr)}"]
        outputs.append(subprocess.run([str(program)], capture_output=True, text=True).stdout)
    if outputs[0] != outputs[1]:
        return [f"struct {name}: the kernel's {outputs[0]}, ours {outputs[1]}"]
    return []


def check_layouts(args, work):
    return [line for header, names in LAYOUTS.items() if (args.kernel_headers / header).exists()
            for name in names for line in check_layout(args, work, header, name)]


def main():
    import tempfile
    parser = argparse.ArgumentParser()
    for name in ("api", "include", "kernel-headers", "kernel-source"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--cc", required=True)
    parser.add_argument("--cxx", required=True)
    args = parser.parse_args()
    args.flags = ["-I", str(args.include), "-I", str(args.api)]

    headers = sorted(str(p.relative_to(args.api / "lkl")) for p in (args.api / "lkl").rglob("*.h"))
    with tempfile.TemporaryDirectory() as folder:
        bad = check_together(args) + check_layouts(args, pathlib.Path(folder)) + \
            check_each(args, headers)
    print("\n".join(bad))
    print(f"{len(headers)} headers, {len(bad)} bad")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
