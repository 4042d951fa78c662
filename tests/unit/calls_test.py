#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Each generated lkl_sys_NAME is called and must make the call that the kernel expects.

The generated file is linked with a recorder in place of the way into the kernel. What
must come out is read from other places than the generator reads: numbers from the
kernel's own headers by the compiler, completeness from scripts/syscall.tbl where the
tree has it, number and width of arguments from the SYSCALL_DEFINEs.
"""

import argparse
import ctypes
import os
import pathlib
import re
import subprocess
import sys
import tempfile

RECORDER = """
#include <lkl/long.h>
lkl_long lkl_recorded[7];
lkl_long lkl_syscall6(lkl_long nr, lkl_long a, lkl_long b, lkl_long c, lkl_long d, lkl_long e,
                      lkl_long f);
lkl_long lkl_syscall6(lkl_long nr, lkl_long a, lkl_long b, lkl_long c, lkl_long d, lkl_long e,
                      lkl_long f)
{
    lkl_long all[] = {nr, a, b, c, d, e, f};
    for (int i = 0; i < 7; i++)
        lkl_recorded[i] = all[i];
    return 0x1234567;
}
"""

# Rows of scripts/syscall.tbl that this architecture has (see its asm/unistd.h).
ABIS = {"common", "64", "renameat", "rlimit"}

BITS_32 = set("""int unsigned u32 __u32 __s32 s32 uint32_t pid_t uid_t gid_t key_t mqd_t clockid_t
timer_t qid_t key_serial_t rwf_t bool""".split()) | {"unsigned int"}
BITS_16 = {"umode_t"}
BITS_64 = {"long", "unsigned long", "size_t", "loff_t", "off_t", "u64", "__u64", "aio_context_t",
           "uint64_t", "cap_user_header_t", "cap_user_data_t"}

# Defined by the architecture, or several times under #ifdef: bits of the arguments, as
# in the man page's section on C library/kernel differences.
SPECIAL = {
    "clone": [64, 64, 64, 64, 64],
    "mmap": [64, 64, 32, 32, 32, 64],
    "rt_sigreturn": None,
}

# Not the same value in any two arguments, high halves used, negative as an int.
PATTERNS = [-0x0123456701234560 - i * 0x0101010101010101 for i in range(6)]


def bits_of(ctype):
    ctype = " ".join(w for w in ctype.split() if w not in ("const", "__user"))
    if "*" in ctype:
        return 64
    for bits, types in ((16, BITS_16), (32, BITS_32), (64, BITS_64)):
        if ctype in types:
            return bits
    if ctype.startswith("enum "):
        return 32
    raise ValueError(f"what is {ctype}?")


def definitions(tree):
    """name -> list of [bits of each argument], one for each definition in the tree."""
    found = {}
    for folder in ("fs", "ipc", "kernel", "mm", "net", "io_uring", "block", "security",
                   "drivers/char"):
        for path, _, files in os.walk(tree / folder):
            for file in files:
                if not file.endswith(".c"):
                    continue
                text = pathlib.Path(path, file).read_text(errors="replace")
                for count, body in re.findall(r"^SYSCALL_DEFINE(\d)\(([^)]*)\)", text, re.MULTILINE):
                    name, *rest = [" ".join(p.split()) for p in body.split(",")]
                    types = rest[::2]
                    if len(types) == int(count):
                        found.setdefault(name, []).append([t.replace(" *", "*") for t in types])
    return found


def expected_calls(args):
    """{function name: (number, symbol)}"""
    table = args.kernel_source / "scripts/syscall.tbl"
    if table.exists():
        rows = [line.split() for line in table.read_text().splitlines()
                if line and line[0].isdigit()]
        return {row[2]: (int(row[0]), row[3]) for row in rows
                if row[1] in ABIS and row[3] != "sys_ni_syscall"}
    # Before there was a table: the names that the compiler finds, and their numbers.
    text = subprocess.run(
        [args.cc, "-E", "-dM", "-U__x86_64__", "-I", str(args.kernel_headers), "-x", "c", "-"],
        input="#include <asm/unistd.h>\n", text=True, capture_output=True, check=True).stdout
    names = re.findall(r"#define __NR_(\w+) (?:\d+|__NR3264_\w+)$", text, re.MULTILINE)
    names = [n for n in names if n not in ("syscalls", "arch_specific_syscall")]
    source = "#include <asm/unistd.h>\n" + "".join(f"lkl_row {n} __NR_{n}\n" for n in names)
    text = subprocess.run(
        [args.cc, "-E", "-P", "-U__x86_64__", "-I", str(args.kernel_headers), "-x", "c", "-"],
        input=source, text=True, capture_output=True, check=True).stdout
    numbers = {name: int(nr) for name, nr in re.findall(r"lkl_row (\w+) (\d+)", text)}
    generic = (args.kernel_headers / "asm-generic/unistd.h").read_text()
    symbols = dict(re.findall(r"__(?:SYSCALL|SC_COMP)\(__NR_(\w+),\s*(\w+)", generic))
    # of two the second is that of 64-bit kernels
    symbols |= dict(re.findall(r"__SC\w*_3264\(__NR(?:3264)?_(\w+),\s*\w+,\s*(\w+)", generic))
    return {name: (nr, symbols.get(name, "sys_" + name)) for name, nr in numbers.items()
            if symbols.get(name) != "sys_ni_syscall"}


def build(args, folder):
    recorder = folder / "recorder.c"
    recorder.write_text(RECORDER)
    library = folder / "calls.so"
    subprocess.run([args.cc, "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC",
                    "-I", str(args.include), "-I", str(args.api), str(args.source), str(recorder),
                    "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


def check_call(library, name, number, bits):
    """What is wrong with one function, or None."""
    function = getattr(library, f"lkl_sys_{name}", None)
    if function is None:
        return "is not there"
    function.restype = ctypes.c_longlong
    function.argtypes = [ctypes.c_longlong] * 6
    result = function(*PATTERNS)
    recorded = list((ctypes.c_longlong * 7).in_dll(library, "lkl_recorded"))
    if recorded[0] != number:
        return f"makes call {recorded[0]}, not {number}"
    if result != 0x1234567:
        return f"returns {result:#x}"
    if bits is None:
        return None
    for i in range(6):
        wanted, mask = (PATTERNS[i], (1 << bits[i]) - 1) if i < len(bits) else (0, (1 << 64) - 1)
        if recorded[i + 1] & mask != wanted & mask:
            return (f"argument {i + 1} of {len(bits)} is {recorded[i + 1] & mask:#x}, "
                    f"not {wanted & mask:#x}")
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("api", "include", "source", "kernel-headers", "kernel-source"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--cc", required=True)
    args = parser.parse_args()

    defined = definitions(args.kernel_source)
    conditional = set(re.findall(r"^COND_SYSCALL\((\w+)\)",
                                 (args.kernel_source / "kernel/sys_ni.c").read_text(), re.MULTILINE))
    calls = expected_calls(args)
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        library = build(args, pathlib.Path(folder))
        for name, (number, symbol) in sorted(calls.items()):
            base = symbol[len("sys_"):]
            if base in SPECIAL:
                bits = SPECIAL[base]
            elif base not in defined and base in conditional:
                bits = None  # in the table for other architectures
            elif base not in defined:
                bad.append(f"{name}: no SYSCALL_DEFINE of {base} in the tree")
                continue
            else:
                shapes = {tuple(bits_of(t) for t in types) for types in defined[base]}
                if len(shapes) != 1:
                    bad.append(f"{name}: is defined in several ways: {shapes}")
                    continue
                bits = shapes.pop()
            wrong = check_call(library, name, number, bits)
            if wrong:
                bad.append(f"lkl_sys_{name} {wrong}")
    print("\n".join(bad))
    print(f"{len(calls)} calls, {len(bad)} bad")
    # Fewer calls than any kernel since 5.0 has: the test itself found nothing.
    sys.exit(1 if bad or len(calls) < 290 else 0)


if __name__ == "__main__":
    main()
