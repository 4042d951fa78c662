# SPDX-License-Identifier: GPL-2.0
"""A tokenizer for C headers that loses nothing: joining the tokens gives the text."""

import re

TOKEN = re.compile(
    r"""
    (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<char>'(?:\\.|[^'\\\n])*')
  | (?P<number>\.?[0-9](?:[eEpP][+-]|[A-Za-z0-9_.])*)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<newline>\n)
  | (?P<space>(?:[ \t\f\r]|\\\n)+)
  | (?P<punct>\#\#|->|.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token:
    """One token: its kind (a group name above) and its text."""

    __slots__ = ("kind", "text")

    def __init__(self, kind, text):
        self.kind = kind
        self.text = text

    def is_blank(self):
        return self.kind in ("comment", "space", "newline")


def tokenize(text):
    return [Token(m.lastgroup, m.group()) for m in TOKEN.finditer(text)]


def split_lines(tokens):
    """Logical lines: each ends with its newline token (a comment may span lines)."""
    lines, line = [], []
    for token in tokens:
        line.append(token)
        if token.kind == "newline":
            lines.append(line)
            line = []
    if line:
        lines.append(line)
    return lines


def directive(line):
    """The name of the preprocessor directive of a line ('define', ...), or None."""
    solid = [t for t in line if not t.is_blank()]
    if len(solid) >= 2 and solid[0].text == "#" and solid[1].kind == "name":
        return solid[1].text
    return None


def solid(tokens):
    return [t for t in tokens if not t.is_blank()]
