#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Exports the kernel's user headers with prefixed names, for use beside libc's own.

Every name that some exported header defines - macro, tag, typedef, enumerator,
inline function - gets the prefix of LKL: O_RDONLY is LKL_O_RDONLY, struct stat is
struct lkl_stat, __NR_read is __lkl__NR_read. Members keep their names. Tags are
prefixed wherever they are named, all other names where they are in the set.

What must not depend on who compiles: macros that name the host's processor or libc
are undefined here, since the kernel was built so; long becomes lkl_long, which has
64 bits where the host's own long has not.
"""

import argparse
import pathlib
import re
import sys

from ctokens import directive, solid, split_lines, tokenize

C_KEYWORDS = set(
    """auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while _Bool _Static_assert __inline__ __inline __attribute__
    __extension__ __volatile__ __asm__ asm defined __signed__ __const__""".split()
)

TAG_WORDS = {"struct", "union", "enum"}

# Members and parameters may have these names in C, not in C++.
CXX_KEYWORDS = set(
    """alignas alignof and bool catch class compl const_cast constexpr decltype delete
    dynamic_cast explicit export false friend mutable namespace new noexcept not nullptr operator
    or private protected public reinterpret_cast static_assert static_cast template this throw true
    try typeid typename using virtual wchar_t xor""".split()
) - {"bool", "true", "false"}

# Members that are macros in the C library's headers.
LIBC_MACROS = set(
    """st_atime st_mtime st_ctime sa_handler sa_sigaction sa_restorer si_pid si_uid unix linux
    major minor makedev sigev_notify_function""".split()
)

# True of the kernel whatever the compiler says: built with -U__x86_64__, without libc.
NEVER_DEFINED = re.compile(
    r"__(x86_64|i386|arm|aarch64|ARM_EABI|ARMEB|powerpc|powerpc64|s390|s390x|sparc|mips|m68k|ia64|"
    r"alpha|hppa|sh|KERNEL|GLIBC|UCLIBC|USE_GNU|USE_MISC|USE_XOPEN2K8|FreeBSD|NetBSD|OpenBSD|"
    r"DragonFly|CYGWIN|sun|svr4|APPLE|ILP32|arc|riscv|loongarch)_*(_{0,2})$|^_WIN32$|^_WIN64$|"
    r"^(_NETINET_IN_H|_NET_IF_H|_SYS_XATTR_H|_SYS_TYPES_H|_SYS_SOCKET_H|__NETIPX_IPX_H)$"
)

# Macros of the compiler and of libc for which <lkl/long.h> has the kernel's answer.
KNOWN_MACROS = {"__linux__": "LKL_LINUX", "__BYTE_ORDER": "__LKL__BYTE_ORDER"}

STDINT = {f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)}

# Standard C headers that may be included as they are.
STANDARD_HEADERS = {"stddef.h", "stdint.h", "stdbool.h", "limits.h", "string.h", "stdarg.h"}

# What some headers take from libc without saying so. Our libc is <lkl/compat.h>; what that
# needs itself can't have it.
LIBC_NAMES = {"MSG_FIN", "sa_family_t", "time_t"}
LIBC_TAGS = {"sockaddr", "sockaddr_storage", "timespec"}
COMPAT_NEEDS = ["linux/types.h", "linux/posix_types.h", "linux/time.h", "linux/socket.h",
                "asm/fcntl.h"]

BANNER = "/* Made from the kernel's user headers by gen_headers.py: do not edit. */\n"
# The kernel's headers are GNU C: a program's -Wpedantic and the like are not about them.
HEADER_BANNER = BANNER + "#ifdef __GNUC__\n#pragma GCC system_header\n#endif\n"


def prefixed(name):
    """The established rule of LKL."""
    if name.lower().startswith(("lkl_", "__lkl")):
        return name
    word = "LKL" if name.isupper() else "lkl"
    if name.startswith("_"):
        return ("__" if name.startswith("__") else "_") + word + name
    return word + "_" + name


def parameters_of(line):
    """Names of the parameters in the #define of a macro, () if it has none."""
    words = [t for t in line if t.kind != "comment"]
    start = next((i for i, t in enumerate(words) if t.text == "define"), None)
    if start is None:
        return ()
    names = [i for i in range(start + 1, len(words)) if words[i].kind == "name"]
    if not names or names[0] + 1 >= len(words) or words[names[0] + 1].text != "(":
        return ()
    out = []
    for token in words[names[0] + 2:]:
        if token.text == ")":
            break
        if token.kind == "name":
            out.append(token.text)
    return tuple(out)


def tags_in(words):
    return [b.text for a, b in zip(words, words[1:]) if a.text in TAG_WORDS and b.kind == "name"]


class Symbols:
    """What the headers define, except tags, which are known by the word before them.

    Of macros also what becomes of a parameter in names that the macro makes: an
    argument that is their front must be "prefixed", a later part must stay "bare".
    """

    def __init__(self):
        self.names = set()
        self.tags = set()
        self.roles = {}

    def collect(self, text):
        code = []
        for line in split_lines(tokenize(text)):
            kind = directive(line)
            words = solid(line)
            if kind in ("define", "undef") and len(words) > 2:
                self.names.add(words[2].text)
                parameters = parameters_of(line)
                self._collect_roles(words, parameters)
                # some are only named in macros: requests of ioctl(2)
                self.tags.update(set(tags_in(words)) - set(parameters))
            elif kind is None and not (words and words[0].text == "#"):
                code.extend(words)
        self._collect_code(code)
        self.tags.update(tags_in(code))
        self.names -= C_KEYWORDS | CXX_KEYWORDS | STDINT

    def _collect_roles(self, words, parameters):
        texts = [t.text for t in words]
        roles = self.roles.setdefault(words[2].text, {}) if parameters else {}
        for index, parameter in enumerate(parameters):
            uses = [i for i in range(texts.index(")"), len(texts)) if texts[i] == parameter]
            if any(texts[i - 1] in TAG_WORDS for i in uses):
                roles[index] = "bare"  # the macro itself prefixes it, see Exporter
            elif any(texts[i + 1: i + 2] == ["##"] and texts[i - 1] != "##" or
                     texts[i - 1] == "(" and texts[i - 3] in TAG_WORDS for i in uses):
                roles[index] = "prefixed"
            elif any(texts[i - 1] == "##" and texts[i - 2] != "," for i in uses):
                roles[index] = "bare"

    def _collect_code(self, code):
        depth = 0
        start = 0  # of the statement at this depth 0
        i = 0
        while i < len(code):
            text = code[i].text
            if text == "enum":
                i = self._collect_enum(code, i)
                continue
            if text in "{([":
                depth += 1
                if text == "{" and depth == 1 and code[start].text == "static":
                    self._collect_function(code[start:i])
            elif text in "})]":
                depth -= 1
                if text == "}" and depth == 0 and code[start].text == "static":
                    start = i + 1
            elif text == ";" and depth == 0:
                self._collect_statement(code[start:i])
                start = i + 1
            i += 1

    def _collect_enum(self, code, i):
        i += 1
        while i < len(code) and code[i].text not in "{;),*=":
            i += 1
        if i >= len(code) or code[i].text != "{":
            return i
        depth, expecting = 0, True
        while i < len(code):
            text = code[i].text
            if text in "{(":
                depth += 1
            elif text in "})":
                depth -= 1
                if depth == 0:
                    return i + 1
            elif depth == 1 and text == ",":
                expecting = True
            elif depth == 1 and expecting and code[i].kind == "name":
                self.names.add(text)
                expecting = False
            i += 1
        return i

    def _collect_statement(self, words):
        """typedef ... name; typedef ... (*name)(...); typedef ... name[n];"""
        words = [w for w in words if w.text != "__extension__"]
        if not words or words[0].text != "typedef":
            return
        depth = 0
        for i, word in enumerate(words):
            if depth == 0 and word.text == "(" and i + 2 < len(words) and \
                    words[i + 1].text == "*":
                self.names.add(words[i + 2].text)
                return
            depth += (word.text in "{([") - (word.text in "})]")
        depth = 0
        last = None
        after_attribute = False
        for word in words:
            if word.text in "{([":
                depth += 1
            elif word.text in "})]":
                depth -= 1
            elif depth == 0 and word.text == "__attribute__":
                after_attribute = True
            elif depth == 0 and word.kind == "name" and word.text not in C_KEYWORDS:
                if not after_attribute or last is None:
                    last = word.text
        if last:
            self.names.add(last)

    def _collect_function(self, words):
        for i, word in enumerate(words):
            if word.text == "(" and i > 0 and words[i - 1].text != "__attribute__":
                self.names.add(words[i - 1].text)
                return


class Exporter:
    def __init__(self, symbols, exported):
        self.symbols = symbols
        self.exported = exported

    def convert(self, text, folder="", may_need_libc=True):
        self.folder = folder
        self.needs_libc = self.needs_stdint = False
        self.fronts = set()
        tokens = tokenize(text)
        self.arguments = self._arguments(tokens)
        out = []
        for line in split_lines(tokens):
            kind = directive(line)
            if kind == "include":
                out.append(self._include("".join(t.text for t in line)))
            else:
                out.append(self._line(line, kind))
        libc = "#include <lkl/compat.h>\n" if self.needs_libc and may_need_libc else ""
        stdint = "#include <stdint.h>\n" if self.needs_stdint else ""
        return HEADER_BANNER + "#include <lkl/long.h>\n" + stdint + libc + "".join(out) + \
            self._pasted_names(text)

    def _pasted_names(self, text):
        """Second names for those that ## puts together with another prefix than they have.

        The case of a prefix is that of the whole name, and a macro knows only its front.
        """
        aliases = [f"#define {prefixed(front)}{name[len(front):]} {prefixed(name)}\n"
                   for front in sorted(self.fronts)
                   for name in sorted(set(re.findall(rf"\b{front}\w+", text)))
                   if name in self.symbols.names
                   and prefixed(name) != prefixed(front) + name[len(front):]]
        return "\n" + "".join(aliases) if aliases else ""

    def _include(self, line):
        match = re.search(r"[<\"]([^>\"]+)[>\"]", line)
        if not match:
            return line
        name = match.group(1)
        if f"{self.folder}{name}" in self.exported and '"' in match.group(0):
            name = self.folder + name
        if name in self.exported:
            return line[: match.start()] + f"<lkl/{name}>" + line[match.end():]
        if name in STANDARD_HEADERS:
            return line
        return line[: match.start()] + "<lkl/compat.h>" + line[match.end():]

    def _line(self, line, kind):
        line = self._longs(line)
        tag = False
        out = []
        conditional = kind in ("if", "ifdef", "ifndef", "elif")
        parameters = parameters_of(line) if kind == "define" else ()
        pasted = self._pasted(line)
        renamed_tag = self._renamed_tag(line) if kind == "define" else None
        words = 0
        for token in line:
            text = token.text
            if token.kind == "name":
                words += 1
                self.needs_libc |= text in (LIBC_TAGS if tag else LIBC_NAMES)
                self.needs_stdint |= text in STDINT
                if kind is not None and words == 1:
                    pass  # the directive itself
                elif text in parameters:
                    if tag:  # struct PARAMETER: the tag that comes is prefixed too
                        text = "lkl_##" + text
                elif conditional and text in KNOWN_MACROS:
                    text = KNOWN_MACROS[text]
                elif id(token) in self.arguments:
                    text = prefixed(text) if self.arguments[id(token)] == "prefixed" \
                        else text
                elif id(token) in pasted:
                    self.fronts.add(text)
                    text = prefixed(text)  # the front of a name that ## makes
                elif conditional and NEVER_DEFINED.search(text):
                    text = "LKL_NEVER_DEFINED"
                elif (tag or token is renamed_tag) and text not in C_KEYWORDS:
                    text = prefixed(text)
                elif text in self.symbols.names or text in LIBC_MACROS or text in LIBC_NAMES:
                    text = prefixed(text)
                elif text in CXX_KEYWORDS and not conditional:
                    text = "lkl_" + text
                tag = token.text in TAG_WORDS
            elif token.kind == "number" and kind == "define":
                text = re.sub(r"(?<=[0-9a-fA-F])([uU]?)[lL]$", r"\1LL", text)
            elif not token.is_blank():
                tag = False
            out.append(text)
        return "".join(out)

    def _arguments(self, tokens):
        """Arguments of macros that are one name with a role: id of the token -> role."""
        words = solid(tokens)
        out = {}
        for i, word in enumerate(words[:-1]):
            roles = self.symbols.roles.get(word.text)
            if not roles or words[i + 1].text != "(":
                continue
            depth, index, argument = 0, 0, []
            for token in words[i + 1:]:
                depth += (token.text in "([{") - (token.text in ")]}")
                if depth == 0 or (depth == 1 and token.text == ","):
                    if len(argument) == 1 and argument[0].kind == "name" and index in roles:
                        out[id(argument[0])] = roles[index]
                    index, argument = index + 1, []
                    if depth == 0:
                        break
                elif depth > 1 or token.text != "(":
                    argument.append(token)
        return out

    def _renamed_tag(self, line):
        """The tag in "#define other_name tag", where no word says that it is one."""
        words = solid(line)
        return words[3] if len(words) == 4 and words[3].text in self.symbols.tags else None

    @staticmethod
    def _pasted(line):
        words = solid(line)
        return {id(a) for a, b, before in zip(words, words[1:], [None, *words])
                if a.kind == "name" and b.text == "##" and (before is None or before.text != "##")}

    @staticmethod
    def _longs(line):
        """[unsigned] long [int] -> lkl_[u]long, but not long long."""
        out = []
        i = 0
        while i < len(line):
            token = line[i]
            if token.text not in ("long", "unsigned", "signed") or token.kind != "name":
                out.append(token)
                i += 1
                continue
            j, names = i, []
            end = i
            while j < len(line):
                if line[j].kind == "name" and line[j].text in ("long", "unsigned", "signed", "int"):
                    names.append(line[j].text)
                    end = j + 1
                elif not line[j].is_blank() or line[j].kind == "newline":
                    break
                j += 1
            if names.count("long") == 1:
                token.text = "lkl_ulong" if "unsigned" in names else "lkl_long"
                token.kind = "word"
                out.append(token)
            else:
                out.extend(line[i:end])
            i = end
        return out


def write_if_changed(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def read_headers(folder):
    return {
        str(path.relative_to(folder)): path.read_text(errors="replace")
        for path in sorted(folder.rglob("*.h"))
    }


def with_what_they_include(headers, names):
    """Of these headers all that come with some of them."""
    found, left = set(), list(names)
    while left:
        name = left.pop()
        if name in headers and name not in found:
            found.add(name)
            left += re.findall(r"#\s*include\s*<([^>]+)>", headers[name])
    return found


def collect_symbols(headers):
    symbols = Symbols()
    for text in headers.values():
        symbols.collect(text)
    return symbols


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel-headers", type=pathlib.Path, required=True,
                        help="usr/include as made by 'make headers'")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="lkl/ is made in here")
    args = parser.parse_args()

    headers = read_headers(args.kernel_headers)
    if "linux/types.h" not in headers:
        sys.exit(f"gen_headers.py: {args.kernel_headers}: no kernel headers here")
    symbols = collect_symbols(headers)
    exported_names = {}
    for name in sorted(symbols.names):
        other = exported_names.setdefault(prefixed(name), name)
        if other != name:
            sys.exit(f"gen_headers.py: {other} and {name} would both be {prefixed(name)}")
    exporter = Exporter(symbols, set(headers))
    before_libc = with_what_they_include(headers, COMPAT_NEEDS)
    for name, text in headers.items():
        folder = name.rpartition("/")[0]
        write_if_changed(args.output / "lkl" / name,
                         exporter.convert(text, folder + "/" if folder else "",
                                          name not in before_libc))


if __name__ == "__main__":
    main()
