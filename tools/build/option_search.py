# SPDX-License-Identifier: GPL-2.0
"""Which options have to be switched on so that others may be: the search, and its results as a
configuration fragment and as a table. Used by kunit_config.py and boot_config.py."""

import argparse
from pathlib import Path

from kconfig import (And, Compare, Constant, Not, Or, Symbol, YES, both, read_config, show)

# A test that wants one of these is said to want it.
AVOID = {
    "COMPILE_TEST": "builds drivers that cannot work",
    "KASAN": "a profile of its own",
    "KCSAN": "a profile of its own",
    "KMSAN": "a profile of its own",
}
# What a dependency may cost in options before it is given up, and in nesting.
MOST_OPTIONS = 24
DEEPEST = 12



class Unmet(Exception):
    """str(): the one dependency that is in the way."""


class Search:
    """Finds the fewest options that make an expression true, beside those of a .config."""

    def __init__(self, kconfig, config, avoid=AVOID):
        self.kconfig = kconfig
        self.avoid = avoid
        self.config = config
        self.on = {name for name, value in config.items() if value in ("y", "m")}

    def value(self, expression, plan):
        """True or false as things are with the options of the plan."""
        match expression:
            case Constant(value):
                return value == "y" or (value == "m" and "MODULES" in self.on)
            case Symbol(name):
                return name in self.on or name in plan
            case Not(operand):
                return not self.value(operand, plan)
            case And(left, right):
                return self.value(left, plan) and self.value(right, plan)
            case Or(left, right):
                return self.value(left, plan) or self.value(right, plan)
            case Compare(left, operator, right):
                return self.compare(left, operator, right, plan)
        raise TypeError(expression)

    def text(self, operand, plan):
        if isinstance(operand, Constant):
            return operand.value
        if operand.name in plan:
            return "y"
        return self.config.get(operand.name, "n")

    def compare(self, left, operator, right, plan):
        a, b = self.text(left, plan), self.text(right, plan)
        if operator in ("=", "!="):
            return (a == b) == (operator == "=")
        try:
            a, b = int(a, 0), int(b, 0)
        except ValueError:
            return False
        return {"<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b}[operator]

    def meet(self, expression, plan, most=MOST_OPTIONS, path=()):
        """The plan and what has to be added to it. Raises Unmet."""
        if self.value(expression, plan):
            return plan
        if len(path) > DEEPEST:
            raise Unmet(f"{path[-1]} is too far away")
        match expression:
            case And(left, right):
                plan = self.meet(right, self.meet(left, plan, most, path), most, path)
                if not self.value(expression, plan):
                    raise Unmet(f"{show(expression)} contradicts itself")
                return plan
            case Or(left, right):
                return self.cheapest([(left, YES), (right, YES)], plan, most, path, show(expression))
            case Symbol(name):
                return self.switch_on(name, plan, most, path)
            case Compare(Symbol(name), "=", Constant("y")) | Compare(Symbol(name), "!=", Constant("n")):
                return self.switch_on(name, plan, most, path)
            case Not(Symbol(name)):
                raise Unmet(f"{name} is on")
            case Constant(value):
                raise Unmet("only as a module" if value == "m" else "never")
        raise Unmet(show(expression))

    def cheapest(self, ways, plan, most, path, what):
        best, reasons = None, []
        for expression, condition in ways:
            try:
                found = self.meet(both(expression, condition), plan, most, path)
            except Unmet as unmet:
                reasons.append(str(unmet))
                continue
            if best is None or len(found) < len(best):
                best, most = found, len(found) - 1
                if len(best) == len(plan) + 1:
                    break  # there is nothing cheaper
        if best is None:
            raise Unmet(reasons[0] if len(set(reasons)) == 1 else what)
        return best

    def switch_on(self, name, plan, most, path):
        option = self.kconfig.options.get(name)
        if name in self.avoid:
            raise Unmet(f"{name} ({self.avoid[name]})")
        if option is None or not option.definitions:
            raise Unmet(f"{name}: no such option here")
        if option.type not in ("bool", "tristate"):
            raise Unmet(f"{name} is no switch")
        if name in path:
            raise Unmet(f"{name} depends on itself")
        if len(plan) >= most:
            raise Unmet(f"{name}: too many options")
        path = path + (name,)
        reasons = []
        # by asking for it, which costs least
        for definition in option.definitions:
            if definition.prompt is None:
                continue
            try:
                wish = both(definition.depends, definition.prompt)
                return self.with_selects(name, self.meet(wish, plan, most - 1, path))
            except Unmet as unmet:
                reasons.append(str(unmet))
        # by what it is when nobody is asked
        for definition in option.definitions:
            for value, condition in definition.defaults:
                if value == Constant("n") or not self.may_be_met(definition.depends, value, condition):
                    continue
                try:
                    wish = both(definition.depends, both(value, condition))
                    return self.with_selects(name, self.meet(wish, plan, most - 1, path))
                except Unmet as unmet:
                    reasons.append(str(unmet))
        # by another option that selects it
        ways = [(Symbol(other), condition) for other, condition in option.selected_by
                if other not in path]
        if ways:
            try:
                return self.with_selects(name, self.cheapest(ways, plan, most, path, name))
            except Unmet:
                reasons.append(f"{name} (nothing that can be had here selects it)")
        raise Unmet(reasons[0] if reasons else f"{name} (nothing here selects it)")

    def with_selects(self, name, plan):
        """The plan with an option and all that it brings along."""
        if name in self.on or name in plan:
            return plan
        plan = plan | {name}
        option = self.kconfig.options.get(name)
        for other, condition in option.selects if option else ():
            if self.value(condition, plan):
                plan = self.with_selects(other, plan)
        return plan

    def may_be_met(self, *expressions):
        return all(e != Constant("n") for e in expressions)


def fragment(kconfig, config, plan, verdicts, maker):
    search = Search(kconfig, config)

    def comes_along(name):
        return any(other in plan and search.value(condition, plan)
                   for other, condition in kconfig.options[name].selected_by)

    lines = [f"# Made by tools/build/{maker} from the tree's Kconfig files."]
    lines += [f"CONFIG_{name}=y" for name in sorted(plan)
              if name in verdicts or
              (kconfig.options[name].may_be_asked_for and not comes_along(name))]
    lines += [f"# cannot {name}: {reason}" for name, reason in verdicts.items() if reason]
    return "\n".join(lines) + "\n"


def table(kconfig, config, options, reasons):
    """Option, file, verdict; a tab between."""
    search = Search(kconfig, config)
    rows, granted = [], 0
    for option, definition in options:
        if option.name in search.on:
            granted += 1
            rows.append((option.name, definition.where, "yes"))
            continue
        reason = reasons.get(option.name)
        if reason is None:
            try:
                search.meet(Symbol(option.name), frozenset())
                reason = "the kernel's conf did not grant it"
            except Unmet as unmet:
                reason = str(unmet)
        rows.append((option.name, definition.where, f"no: {reason}"))
    return rows, granted


def reasons_of(path):
    result = {}
    for line in Path(path).read_text().splitlines():
        if line.startswith("# cannot "):
            name, _, reason = line.removeprefix("# cannot ").partition(": ")
            result[name] = reason
    return result


def write_table(kconfig, config, options, arguments, what):
    rows, granted = table(kconfig, config, options, reasons_of(arguments.fragment))
    Path(arguments.output).write_text("".join("\t".join(row) + "\n" for row in rows))
    print(f"{what}: {granted} of {len(rows)} options are on; the others, and why: "
          f"{arguments.output}")


def command_line(description, actions):
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=actions)
    parser.add_argument("--tree", required=True)
    parser.add_argument("--arch", default="lkl")
    parser.add_argument("--config", required=True, help="the .config as it is without the tests")
    parser.add_argument("--fragment", help="what choose has made (for report)")
    parser.add_argument("--symbols", help="what nm says of vmlinux.o (for link)")
    parser.add_argument("--entries", help="a file for the symbols of the table (for link)")
    parser.add_argument("--output", required=True)
    return parser.parse_args()
