# SPDX-License-Identifier: GPL-2.0
"""Reads the Kconfig files of a kernel tree: which options there are and what they want.

Only what a search for dependencies needs: types, prompts, dependencies, defaults and selects.
Macros ($(...)) are not run: they count as true, and the real conf has the last word.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

TOKEN = re.compile(r'\s*(\|\||&&|!=|<=|>=|[!=<>()]|"(?:\\.|[^"\\])*"|\'[^\']*\'|[A-Za-z0-9_.\-$/]+)')
TYPES = {"bool", "tristate", "string", "int", "hex"}


@dataclass(frozen=True)
class Symbol:
    name: str


@dataclass(frozen=True)
class Constant:
    value: str


@dataclass(frozen=True)
class Compare:
    left: object
    operator: str
    right: object


@dataclass(frozen=True)
class Not:
    operand: object


@dataclass(frozen=True)
class And:
    left: object
    right: object


@dataclass(frozen=True)
class Or:
    left: object
    right: object


YES = Constant("y")


def both(left, right):
    if left == YES:
        return right
    return left if right == YES else And(left, right)


def show(expression):
    """The expression as Kconfig writes it."""
    match expression:
        case Symbol(name):
            return name
        case Constant(value):
            return value
        case Compare(left, operator, right):
            return f"{show(left)}{operator}{show(right)}"
        case Not(operand):
            inner = show(operand)
            return f"!({inner})" if isinstance(operand, (And, Or)) else f"!{inner}"
        case And(left, right):
            return " && ".join(f"({show(s)})" if isinstance(s, Or) else show(s) for s in (left, right))
        case Or(left, right):
            return f"{show(left)} || {show(right)}"


def symbols_of(expression):
    match expression:
        case Symbol(name):
            yield name
        case Not(operand):
            yield from symbols_of(operand)
        case And(left, right) | Or(left, right) | Compare(left, _, right):
            yield from symbols_of(left)
            yield from symbols_of(right)


def positive(expression):
    """Names that must be on for it, at its top level."""
    match expression:
        case And(left, right):
            return positive(left) | positive(right)
        case Symbol(name) | Compare(Symbol(name), "=", Constant("y")):
            return {name}
    return set()


class ExpressionReader:
    """Recursive descent over one expression."""

    def __init__(self, text):
        self.tokens = TOKEN.findall(replace_macros(text))
        self.at = 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def next(self):
        token = self.peek()
        self.at += 1
        return token

    def read(self):
        left = self.read_and()
        while self.peek() == "||":
            self.next()
            left = Or(left, self.read_and())
        return left

    def read_and(self):
        left = self.read_not()
        while self.peek() == "&&":
            self.next()
            left = And(left, self.read_not())
        return left

    def read_not(self):
        if self.peek() == "!":
            self.next()
            return Not(self.read_not())
        if self.peek() == "(":
            self.next()
            inner = self.read()
            self.next()
            return inner
        left = self.read_word()
        if self.peek() in ("=", "!=", "<", ">", "<=", ">="):
            operator = self.next()
            return Compare(left, operator, self.read_word())
        return left

    def read_word(self):
        word = self.next()
        if word is None:
            return YES
        if word[0] in "\"'":
            return Constant(word[1:-1])
        if word in ("y", "m", "n") or re.fullmatch(r"-?\d+|0x[0-9a-fA-F]+", word):
            return Constant(word)
        return Symbol(word)


def replace_macros(text):
    """$(...) with all that is nested in it becomes y."""
    result, depth, i = [], 0, 0
    while i < len(text):
        if text.startswith("$(", i):
            if depth == 0:
                result.append("y")
            depth += 1
            i += 2
            continue
        if depth:
            depth += {"(": 1, ")": -1}.get(text[i], 0)
        else:
            result.append(text[i])
        i += 1
    return "".join(result)


@dataclass
class Definition:
    """One `config` block; an option may have several."""

    where: str
    depends: object = YES
    own_depends: object = YES  # without those of the menus around it
    prompt: object = None  # condition under which it is asked for; None: never
    defaults: list = field(default_factory=list)  # (value, condition)
    choice: object = None


@dataclass
class Option:
    name: str
    type: str = ""
    definitions: list = field(default_factory=list)
    selected_by: list = field(default_factory=list)  # (name, condition)
    selects: list = field(default_factory=list)  # (name, condition)

    @property
    def may_be_asked_for(self):
        return any(d.prompt is not None for d in self.definitions)


class Kconfig:
    """All options that the tree has for one architecture."""

    def __init__(self, tree, arch):
        self.tree = Path(tree)
        self.arch = arch
        self.options = {}
        self.blocks = []  # (kind, dependency, prompt condition) around what is read
        self.read_file("Kconfig")

    def read_file(self, name):
        path = self.tree / name
        if not path.exists():
            return  # "source" of a folder that this tree does not have
        reader = FileReader(self, name, path.read_text(errors="replace"))
        reader.read()

    def surrounding(self):
        depends, visible, choice = YES, YES, None
        for kind, depend, see in self.blocks:
            depends = both(depends, depend)
            visible = both(visible, see)
            if kind == "choice":
                choice = (depend, see)
        return depends, visible, choice


class FileReader:
    def __init__(self, kconfig, name, text):
        self.kconfig = kconfig
        self.name = name
        self.lines = text.replace("\\\n", " ").split("\n")
        self.option = None
        self.definition = None

    def read(self):
        at = 0
        while at < len(self.lines):
            line = self.lines[at]
            at += 1
            words = line.split(None, 1)
            if not words or words[0].startswith("#"):
                continue
            keyword, rest = words[0], (words[1] if len(words) > 1 else "")
            if keyword in ("help", "---help---"):
                at = self.skip_help(at)
                continue
            if keyword != "source" and not rest.startswith("="):
                rest = strip_comment(rest)
            self.read_line(keyword, rest.strip(), at)

    def skip_help(self, at):
        def indent(line):
            expanded = line.expandtabs()
            return len(expanded) - len(expanded.lstrip())

        while at < len(self.lines) and not self.lines[at].strip():
            at += 1
        if at == len(self.lines):
            return at
        margin = indent(self.lines[at])
        if margin == 0:
            return at
        while at < len(self.lines) and (not self.lines[at].strip() or indent(self.lines[at]) >= margin):
            at += 1
        return at

    def read_line(self, keyword, rest, number):
        kconfig = self.kconfig
        if keyword == "source":
            self.end()
            path = rest.strip().strip('"').replace("$(SRCARCH)", kconfig.arch)
            kconfig.read_file(path.replace("$(srctree)/", ""))
        elif keyword in ("config", "menuconfig"):
            self.begin(rest, number)
        elif keyword in ("if", "menu", "choice"):
            self.end()
            kconfig.blocks.append((keyword, read(rest) if keyword == "if" else YES, YES))
        elif keyword in ("endif", "endmenu", "endchoice"):
            self.end()
            kconfig.blocks.pop()
        elif keyword in ("comment", "mainmenu"):
            self.end()
            self.definition = Definition(self.name)  # its "depends on" is nobody's
        elif keyword == "visible":
            kind, depends, visible = kconfig.blocks.pop()
            kconfig.blocks.append((kind, depends, both(visible, read(rest.removeprefix("if")))))
        elif keyword == "depends":
            self.add_dependency(read(rest.removeprefix("on ")))
        elif self.definition is not None and self.option is not None:
            self.read_attribute(keyword, rest)

    def begin(self, name, number):
        self.end()
        self.option = self.kconfig.options.setdefault(name, Option(name))
        depends, self.visible, choice = self.kconfig.surrounding()
        self.definition = Definition(f"{self.name}:{number}", depends=depends, choice=choice)
        self.option.definitions.append(self.definition)

    def end(self):
        self.option = self.definition = None

    def add_dependency(self, expression):
        if self.definition is None:
            kind, depends, visible = self.kconfig.blocks.pop()
            self.kconfig.blocks.append((kind, both(depends, expression), visible))
        else:
            self.definition.depends = both(self.definition.depends, expression)
            self.definition.own_depends = both(self.definition.own_depends, expression)

    def read_attribute(self, keyword, rest):
        if keyword in TYPES:
            self.option.type = keyword
            if rest.startswith(('"', "'")):
                self.set_prompt(rest)
        elif keyword in ("def_bool", "def_tristate"):
            self.option.type = keyword.removeprefix("def_")
            self.definition.defaults.append(value_and_condition(rest))
        elif keyword == "default":
            self.definition.defaults.append(value_and_condition(rest))
        elif keyword == "prompt":
            self.set_prompt(rest)
        elif keyword == "select":
            target, condition = split_if(rest)
            option = self.kconfig.options.setdefault(target, Option(target))
            option.selected_by.append((self.option.name, condition))
            self.option.selects.append((target, condition))

    def set_prompt(self, rest):
        quote = rest[0]
        end = 1
        while end < len(rest) and rest[end] != quote:
            end += 2 if rest[end] == "\\" else 1
        _, condition = split_if("x " + rest[end + 1:])
        self.definition.prompt = both(self.visible, condition)


def strip_comment(text):
    quote = None
    for i, c in enumerate(text):
        if quote:
            quote = None if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c == "#":
            return text[:i]
    return text


def read(text):
    return ExpressionReader(text).read()


def split_if(text):
    """"X if EXPRESSION" as (X, expression)."""
    head, found, condition = re.sub(r"\s+", " ", text).partition(" if ")
    return head.strip(), read(condition) if found else YES


def value_and_condition(text):
    head, condition = split_if(text)
    return read(head), condition


def read_config(path):
    """A .config as a dictionary; what is not set is not in it."""
    values = {}
    for line in Path(path).read_text().splitlines():
        if line.startswith("CONFIG_"):
            name, _, value = line.partition("=")
            values[name.removeprefix("CONFIG_")] = value.strip('"')
    return values
