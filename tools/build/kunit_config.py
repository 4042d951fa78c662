#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Finds every KUnit suite of a kernel tree and what has to be switched on for it.

  kunit_config.py choose --tree TREE --config .config --output FRAGMENT
      A configuration fragment: the options of all suites whose dependencies can be met,
      and those dependencies.
  kunit_config.py report --tree TREE --config .config --fragment FRAGMENT --output TABLE
      Which of them the kernel's own conf has granted, and why not.

An option of a suite is one that KUNIT_ALL_TESTS switches on, or that a user may switch on and
that depends on KUNIT, or on such an option, by itself. A dependency is met by the fewest options
that do it, and never by one that changes what the rest of the kernel is (option_search.AVOID). What the tree's own
.kunitconfig files switch on for suites that can be had is switched on, too, where it can be.
"""

import os
import sys
from pathlib import Path

from kconfig import Kconfig, Symbol, positive, read_config, symbols_of
from option_search import MOST_OPTIONS, Search, Unmet, command_line, fragment, write_table

FRAMEWORK = "lib/kunit/Kconfig"
ALL_TESTS = "tools/testing/kunit/configs/all_tests.config"


def stands_for_suites(definition):
    all_tests = any("KUNIT_ALL_TESTS" in (*symbols_of(value), *symbols_of(condition))
                    for value, condition in definition.defaults)
    by_hand = (definition.prompt is not None and "KUNIT" in positive(definition.own_depends) and
               not definition.where.startswith(FRAMEWORK))
    return all_tests or by_hand


def options_of_suites(kconfig):
    """Each option that stands for suites with its definition, in the tree's order."""
    found = {}
    for option in kconfig.options.values():
        for definition in option.definitions:
            if option.name not in found and stands_for_suites(definition):
                found[option.name] = (option, definition)
    # and what belongs to one of those
    for option in kconfig.options.values():
        for definition in option.definitions:
            if (option.name not in found and definition.prompt is not None and
                    not positive(definition.own_depends).isdisjoint(found)):
                found[option.name] = (option, definition)
    return list(found.values())


def choose(kconfig, config):
    """The options to switch on, and for each suite's option None or why it cannot be had."""
    search = Search(kconfig, config)
    plan, verdicts = frozenset(), {}
    for option, definition in options_of_suites(kconfig):
        if option.name in search.on:
            verdicts[option.name] = None
            continue
        try:
            plan = search.meet(Symbol(option.name), plan, len(plan) + MOST_OPTIONS)
            verdicts[option.name] = None
        except Unmet as unmet:
            verdicts[option.name] = str(unmet)
    return plan, verdicts


def kunitconfigs(tree):
    """The configurations that the tree has for suites, in an order that is always the same."""
    found = []
    # a tree may be made of links, and what was built is in it
    for folder, below, files in os.walk(tree, followlinks=True):
        below[:] = sorted(name for name in below if name not in (".git", "build"))
        found += [Path(folder) / ".kunitconfig"] if ".kunitconfig" in files else []
    return found + [path for path in [Path(tree) / ALL_TESTS] if path.exists()]


def add_wishes(kconfig, config, tree, plan, verdicts):
    """Adds what the .kunitconfig files of suites that can be had ask for besides."""
    search = Search(kconfig, config)
    for path in kunitconfigs(tree):
        wanted = [name for name, value in read_config(path).items() if value == "y"]
        suites = [name for name in wanted if name in verdicts]
        if not suites or any(verdicts[name] for name in suites):
            continue
        for name in wanted:
            try:
                plan = search.meet(Symbol(name), plan, len(plan) + MOST_OPTIONS)
            except Unmet:
                pass  # the suite can do without
    return plan


def main():
    arguments = command_line(__doc__, ("choose", "report"))
    if not (Path(arguments.tree) / FRAMEWORK).exists():
        sys.exit(f"kunit_config.py: {arguments.tree}: this tree has no KUnit ({FRAMEWORK})")
    kconfig = Kconfig(arguments.tree, arguments.arch)
    config = read_config(arguments.config)
    if arguments.action == "choose":
        plan, verdicts = choose(kconfig, config)
        plan = add_wishes(kconfig, config, arguments.tree, plan, verdicts)
        Path(arguments.output).write_text(fragment(kconfig, config, plan, verdicts, "kunit_config.py"))
        return
    write_table(kconfig, config, options_of_suites(kconfig), arguments, "KUnit")


if __name__ == "__main__":
    main()
