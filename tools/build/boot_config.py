#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Finds the tests of a kernel tree that are built in and are no KUnit suites.

  boot_config.py choose --tree TREE --config .config --output FRAGMENT
      A configuration fragment: their options, those of all crypto algorithms (which test
      themselves), and what these depend on.
  boot_config.py report --tree TREE --config .config --fragment FRAGMENT --output TABLE
      Which of them the kernel's own conf has granted, and why not.
  boot_config.py link --tree TREE --config .config --symbols NM --output FILE.S --entries FILE
      The table that arch/lkl/kernel/boottest.c reads, from what `nm vmlinux.o` says: the
      initcalls of the modules of these options; --entries are the symbols that it needs.

An option of a test is one in the menu of run-time tests (RUNTIME_TESTING_MENU), one that says
SELFTEST or TORTURE_TEST, and one in the kernel's core (CORE) that is called a test; if a user may
switch it on and it does not depend on KUNIT. Left out are tests of drivers, which want their
hardware, and what has nothing to say by itself (NO_TEST).
"""

import os
import re
from pathlib import Path

import option_search
from kconfig import Kconfig, Symbol, positive, read_config
from option_search import MOST_OPTIONS, Search, Unmet, command_line, fragment, write_table

MENU = "RUNTIME_TESTING_MENU"
SELF_TEST = re.compile(r"SELF_?TESTS?(_|$)|_TORTURE_TEST$")
CORE = ("lib/", "kernel/", "crypto/", "mm/", "fs/", "net/", "block/")
TEST = re.compile(r"^TEST_|_TESTS?$|_TEST_")
SERVES = "serves a test program"
IN_EVERY_BOOT = "takes its time in every boot of a kernel that traces"
# What has no verdict while a kernel boots.
NO_TEST = {
    "FIND_BIT_BENCHMARK": "measures",
    "TEST_DHRY": "measures",
    "RCU_SCALE_TEST": "measures",
    "RCU_REF_SCALE_TEST": "measures",
    "LKDTM": "crashes the kernel on request",
    "PREEMPTIRQ_DELAY_TEST": "delays on request",
    "TEST_LOCKUP": "hangs on request",
    "TEST_FIRMWARE": SERVES,
    "TEST_SYSCTL": SERVES,
    "TEST_UDELAY": SERVES,
    "TEST_HMM": SERVES,
    "TEST_FPU": SERVES,
    "GUP_TEST": SERVES,
    "XZ_DEC_TEST": SERVES,
    "PKCS7_TEST_KEY": SERVES,
    "CRYPTO_JITTERENTROPY_TESTINTERFACE": SERVES,
    "VDPA_SIM": SERVES,
    "BCACHEFS_TESTS": SERVES,
    "UAPI_HEADER_TEST": "a test of the build",
    "TEST_REF_TRACKER": "makes errors on purpose, for somebody to look at",
    "KALLSYMS_SELFTEST": "wants variables in the table, which has functions only here",
    "KCOV_SELFTEST": "spins until an interrupt moves jiffies: nothing interrupts kernel code here",
    "CRYPTO_MANAGER_DISABLE_TESTS": "switches tests off",
    "FTRACE_STARTUP_TEST": IN_EVERY_BOOT,
    "EVENT_TRACE_STARTUP_TEST": IN_EVERY_BOOT,
    "EVENT_TRACE_TEST_SYSCALLS": IN_EVERY_BOOT,
    "RING_BUFFER_STARTUP_TEST": IN_EVERY_BOOT,
    "BTRFS_FS_RUN_SANITY_TESTS": "runs when btrfs registers",
}
# Tests of the tree that arch/lkl builds, and which modules they are.
OWN = {"LKL_TEST_VMALLOC": "test_vmalloc"}
# What they all do without, so that the kernel is small: it is built with lock debugging, and that
# takes long enough.
AVOID = option_search.AVOID | {
    "NET": "this profile has no network",
    "BLOCK": "this profile has no disks",
    "PCI": "this profile has no hardware",
    "FTRACE": "this profile does not trace",
}
HARDWARE = ("drivers/", "sound/", "arch/")
ALGORITHMS = "crypto/Kconfig"
OBJECT = re.compile(r"^obj-\$\(CONFIG_(\w+)\)\s*\+?:?=\s*(.+)$")
# __initcall__kmod_MODULE__COUNTER_LINE_FUNCTIONLEVEL
INITCALL = re.compile(r"^__initcall__kmod_(?P<module>\w+?)__\d+_\d+_(?P<function>\w+?)"
                      r"(early|con|rootfs|[0-7]s?)$")


def is_test(option, definition):
    where = definition.where
    if definition.prompt is None or option.type not in ("bool", "tristate"):
        return False
    if "KUNIT" in positive(definition.depends) or where.startswith(HARDWARE):
        return False
    if SELF_TEST.search(option.name):
        return True
    return MENU in positive(definition.depends) or (
        where.startswith(CORE) and TEST.search(option.name) is not None)


def options_of_tests(kconfig):
    """Each option that stands for a test with its definition, in the tree's order."""
    found = {}
    for option in kconfig.options.values():
        for definition in option.definitions:
            if option.name not in found and option.name not in NO_TEST and is_test(option, definition):
                found[option.name] = (option, definition)
    return list(found.values())


def options_of_algorithms(kconfig):
    return [(option, definition) for option in kconfig.options.values()
            for definition in option.definitions
            if definition.where.startswith(ALGORITHMS) and definition.prompt is not None and
            option.type == "tristate" and option.name not in NO_TEST]


def choose(kconfig, config):
    """The options to switch on, and for each test's option None or why it cannot be had."""
    search = Search(kconfig, config, AVOID)
    plan, verdicts = frozenset(), {}
    tests = options_of_tests(kconfig)
    names = {option.name for option, _ in tests}
    for option, _ in tests + options_of_algorithms(kconfig):
        reason = None
        try:
            plan = search.meet(Symbol(option.name), plan, len(plan) + MOST_OPTIONS)
        except Unmet as unmet:
            reason = str(unmet)
        if option.name in names:
            verdicts[option.name] = reason
    return plan, verdicts


def logical_lines(path):
    return path.read_text(errors="replace").replace("\\\n", " ").splitlines()


def modules_of(tree, names):
    """Names of modules, as KBUILD_MODNAME has them, of each of these options."""
    modules = {}
    for folder, below, files in os.walk(tree, followlinks=True):
        if folder == str(tree):
            below[:] = [name for name in below if name + "/" in CORE or name in ("drivers", "net")]
        for makefile in {"Makefile", "Kbuild"}.intersection(files):
            for line in logical_lines(Path(folder) / makefile):
                match = OBJECT.match(line)
                if match and match[1] in names:
                    objects = [word for word in match[2].split("#")[0].split() if word.endswith(".o")]
                    modules.setdefault(match[1], []).extend(
                        Path(word).stem.replace("-", "_") for word in objects)
    return modules


def initcalls(symbols, modules):
    """(symbol, module, function) of each initcall of these modules, in the order of the symbols."""
    found = []
    for line in symbols.splitlines():
        match = INITCALL.match(line.split()[-1]) if line.split() else None
        if match and match["module"] in modules:
            found.append((match[0], match["module"], match["function"]))
    return found


def assembly(found):
    lines = ["/* Made by tools/build/boot_config.py. */", '\t.section .lkl_boot_tests, "aw"',
             "\t.balign 8"]
    strings = ['\t.section .data.rel.ro, "aw"']
    for number, (symbol, module, function) in enumerate(found):
        lines.append(f"\t.quad {symbol}, .Lmodule{number}, .Lfunction{number}, 0")
        strings += [f'.Lmodule{number}:\t.asciz "{module}"', f'.Lfunction{number}:\t.asciz "{function}"']
    return "\n".join(lines + strings + ['\t.section .note.GNU-stack, "", %progbits']) + "\n"


def link(arguments):
    kconfig = Kconfig(arguments.tree, arguments.arch)
    on = {name for name, value in read_config(arguments.config).items() if value == "y"}
    names = {option.name for option, _ in options_of_tests(kconfig)} & on
    modules = {module for found in modules_of(arguments.tree, names).values() for module in found}
    modules |= {module for name, module in OWN.items() if name in on}
    found = initcalls(Path(arguments.symbols).read_text(), modules)
    Path(arguments.output).write_text(assembly(found))
    Path(arguments.entries).write_text("".join(symbol + "\n" for symbol, _, _ in found))


def main():
    arguments = command_line(__doc__, ("choose", "report", "link"))
    if arguments.action == "link":
        link(arguments)
        return
    kconfig = Kconfig(arguments.tree, arguments.arch)
    config = read_config(arguments.config)
    if arguments.action == "choose":
        plan, verdicts = choose(kconfig, config)
        Path(arguments.output).write_text(fragment(kconfig, config, plan, verdicts, "boot_config.py"))
        return
    write_table(kconfig, config, options_of_tests(kconfig), arguments, "boot tests")


if __name__ == "__main__":
    main()
