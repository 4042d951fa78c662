#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes manual pages of section 3 from the comments of the public headers."""

import argparse
import pathlib
import re
import sys

# A comment for what follows it, a title of a section, or a declaration.
COMMENT = re.compile(r"/\*\*(.*?)\*/\s*", re.DOTALL)
SECTION = re.compile(r"/\*[\s*]*---- (.*?) ----(.*?)\*/", re.DOTALL)
DECLARATION = re.compile(r"(?:extern )?(?:enum|struct|union) \w+ \{.*?^\};|[a-z_][^;{}#]*;",
                         re.DOTALL | re.MULTILINE)


class Page:
    def __init__(self, header, section, comment, declaration):
        self.header = header
        self.section = section
        lines = [re.sub(r"^\s*\* ?", "", line).rstrip() for line in comment.strip().split("\n")]
        title = re.match(r"(?:(?:struct|enum|union) )?(\w+) - (.*)", lines[0].strip())
        if not title:
            sys.exit(f"{header}: a comment that names nothing: {lines[0]}")
        self.name, self.summary = title.groups()
        self.declaration = declaration
        self.members, self.paragraphs = read_text(lines[1:])
        # What does not fit into the first line, or follows the summary in it.
        if "; @" in self.summary or self.summary.startswith("@"):
            self.summary, _, rest = self.summary.partition(";")
            self.paragraphs.insert(0, rest.strip())


def read_text(lines):
    """[(@name, text)] and the paragraphs."""
    members, paragraphs = [], []
    target = None
    for line in lines:
        member = re.match(r"@(\w+(?:, @\w+)*):\s*(.*)", line)
        if member:
            members.append([member.group(1).replace("@", ""), member.group(2)])
            target = members[-1]
        elif not line.strip():
            target = None
        elif target is not None and (line[0].isspace() or target in paragraphs):
            # columns stay what they are
            drawn = "   " in line.strip() or "   " in target[-1] or \
                (target in paragraphs and line[0].isspace())
            target[-1] += ("\n" if drawn else " ") + line.strip()
        else:
            paragraphs.append([line.strip()])
            target = paragraphs[-1]
    return members, [paragraph[0] for paragraph in paragraphs]


def read_header(path):
    text = path.read_text()
    pages = []
    section = None
    at = 0
    while at < len(text):
        comment = COMMENT.match(text, at)
        title = SECTION.match(text, at)
        if comment:
            declaration = DECLARATION.match(text, skip_conditions(text, comment.end()))
            if not declaration:
                sys.exit(f"{path.name}: nothing follows the comment {comment.group(1)[:60]}")
            pages.append(Page(path.name, section, comment.group(1), declaration.group()))
            at = declaration.end()
        elif title:
            section = (title.group(1).split(";")[0].split(",")[0],
                       " ".join(re.sub(r"^\s*\* ?", "", line).strip()
                                for line in title.group(2).split("\n")).strip())
            at = title.end()
        elif text.startswith("/*", at):
            at = text.index("*/", at) + 2
        elif text[at] == "#":
            at = re.compile(r"(?:[^\n]*\\\n)*[^\n]*\n").match(text, at).end()
        else:
            declaration = DECLARATION.match(text, at)
            if declaration and re.search(r"\blkl_\w+\(", declaration.group()):
                sys.exit(f"{path.name}: no comment for {declaration.group()}")
            at = declaration.end() if declaration else at + 1
    return pages


def skip_conditions(text, at):
    while text[at] == "#":
        at = text.index("\n", at) + 1
    return at


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def prose(text):
    """Parameters and names of functions and errors stand out."""
    text = escape(text)
    text = re.sub(r"@(\w+)", r"\\fI\1\\fR", text)
    text = re.sub(r"\b(lkl_\w+)\(\)", r"\\fB\1\\fR(3)", text)
    return re.sub(r"(\\-LKL_E\w+)", r"\\fB\1\\fR", text)


def block(text):
    return f".nf\n{prose(text)}\n.fi\n" if "\n" in text else f"{prose(text)}\n"


def make_page(page, names, version):
    others = [other.name for other in names if other.section == page.section
              and other.header == page.header and other.name != page.name]
    out = [f'.TH {page.name} 3 "" "LKL {version}" "Linux as a library"\n',
           f".SH NAME\n{page.name} \\- {prose(page.summary)}\n",
           f".SH SYNOPSIS\n.nf\n.B #include <{page.header}>\n.PP\n",
           "".join(f"{escape(line).expandtabs(8)}\n" for line in page.declaration.split("\n")),
           ".fi\n"]
    section_text = page.section[1] if page.section else ""
    if page.members or page.paragraphs or section_text:
        out.append(".SH DESCRIPTION\n")
        for name, text in page.members:
            out.append(f".TP\n.I {name}\n{block(text)}")
        for paragraph in page.paragraphs + ([section_text] if section_text else []):
            out.append(f".PP\n{block(paragraph)}")
    out.append(".SH SEE ALSO\n" + "".join(f".BR {other} (3),\n" for other in others) +
               ".BR lkl (3)\n")
    return "".join(out)


def make_overview(pages, version):
    out = [f'.TH lkl 3 "" "LKL {version}" "Linux as a library"\n',
           ".SH NAME\nlkl \\- Linux as a library: its functions\n",
           ".SH SYNOPSIS\n.nf\n.B #include <lkl.h>\n.B #include <lkl_host.h>\n.fi\n.PP\n"
           "cc ... $(pkg\\-config \\-\\-cflags \\-\\-libs lkl)\n",
           ".SH DESCRIPTION\nThe kernel's system calls are functions of the same names: what "
           "openat(2) is, lkl_sys_openat() does in the kernel of this process. "
           "They return a result or a negative error number. Beside them there are:\n"]
    section = ()
    for page in pages:
        if page.section != section:
            section = page.section
            out.append(f".SS {escape((section or ('what the host gives',))[0])}\n")
        out.append(f".TP\n.BR {page.name} (3)\n{prose(page.summary)}\n")
    out.append(".SH SEE ALSO\n.BR lkl (1),\n.BR lklfuse (1)\n")
    return "".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("headers", nargs="+", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder, made if need be")
    parser.add_argument("--version", required=True)
    args = parser.parse_args()

    pages = [page for header in args.headers for page in read_header(header)]
    args.output.mkdir(parents=True, exist_ok=True)
    for page in pages:
        (args.output / f"{page.name}.3").write_text(make_page(page, pages, args.version))
    (args.output / "lkl.3").write_text(make_overview(pages, args.version))


if __name__ == "__main__":
    main()
