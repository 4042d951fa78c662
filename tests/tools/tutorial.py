#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tutorial.py [--build NAME [--folder DIR]] PAGE... - do the commands of a page of docs/ give what the page says?

Runs what stands behind "$ " in its blocks ```console, in one shell and an empty folder, and compares the
output with what follows. "..." in the page is any output, of a line or of lines; numbers that are
others each time (dates, UUIDs, seconds) only have to be there. Words behind "console" are programs
and files that a block wants: without them it is left out, and that is said. What the whole page wants is in a
comment "<!-- needs NAMES -->". A comment "<!-- $ COMMAND -->" is run and not shown. Each command has to succeed;
those of a block with the word "fails" have to fail. What takes too long for a test is in blocks with the word "shown":
of these only what they name is looked for: options of lkl, presets, variables, fuzzers. What only a build
of preset NAME can run is in blocks with the word "in=NAME": with --build NAME these are run and no others, without
they are as those that are shown. What is in DIR is linked to from the folder that they run in.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

VOLATILE = (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?",
            r"\d+(?:\.\d+)? s\b", r"/tmp/\S+/")
SKIPPED = 77


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


class Command:
    def __init__(self, page, number, text, words):
        self.where, self.text = f"{page}:{number}", text
        self.fails, self.shown = "fails" in words, "shown" in words
        self.build = next((word[3:] for word in words if word.startswith("in=")), "")
        self.needs = [word for word in words if word not in ("fails", "shown") and not word.startswith("in=")]
        self.expected = []


def page_needs(path):
    with open(path) as file:
        return [name for line in re.findall(r"^<!-- needs (.*) -->$", file.read(), re.M)
                for name in line.split()]


def commands_of(path):
    found, words, command, inside = [], [], None, False
    page = os.path.basename(path)
    with open(path) as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            hidden = re.fullmatch(r"<!-- \$ (.*) -->", line)
            if hidden:
                found.append(Command(page, number, hidden[1], []))
            elif line.startswith("```"):
                inside = not inside and line.startswith("```console")
                words, command = line.split()[1:], None
            elif inside and line.startswith("$ "):
                command = Command(page, number, line[2:], words)
                found.append(command)
            elif inside and command and line.startswith("> ") and not command.expected:
                command.text += "\n" + line[2:]
            elif inside and command:
                command.expected.append(line)
    return found


def there(name):
    if name.startswith("/"):
        return os.access(name, os.R_OK | os.W_OK)
    return shutil.which(name) is not None


def pattern_of(lines):
    """What the output has to match, as a regular expression."""
    text = "\n".join(lines)
    pattern = ""
    for part in re.split("|".join(f"({rule})" for rule in VOLATILE) + r"|(\.\.\.)", text):
        if part is None:
            continue
        rule = next((rule for rule in VOLATILE if re.fullmatch(rule, part)), None)
        pattern += ".*" if part == "..." else rule or re.escape(part)
    return pattern


def text_of(*paths):
    text = ""
    for path in paths:
        with open(os.path.join(ROOT, path)) as file:
            text += file.read()
    return text


def unknown_words(text):
    """What a command names that is not there."""
    unknown = []
    lkl = re.match(r"(?:\S+/)?lkl ([a-z]+)", text)
    if lkl:
        known = subprocess.run(["lkl", lkl[1], "--help"], capture_output=True, text=True).stdout
        # what stands behind "--" is another command's
        for option in re.findall(r"(?<=\s)--[a-z][a-z-]*|(?<=\s)-[a-zA-Z]\b", text.split(" -- ")[0]):
            if not re.search(re.escape(option) + r"(?![a-z-])", known):
                unknown.append(f"lkl {lkl[1]} {option}")
    presets = re.findall(r'"name": "([^"]+)"', text_of("CMakePresets.json"))
    unknown += [f"preset {name}" for name in re.findall(r"--preset[ =](\S+)", text)
                if name not in presets]
    fuzzing = text_of("tests/fuzz/finding.cc", "tests/fuzz/CMakeLists.txt")
    unknown += [name for name in re.findall(r"\bLKL_FUZZ_\w+|\bfuzz_(?:mount|calls|virtio)\w*", text)
                if name not in fuzzing and not fuzzer_of(name, fuzzing)]
    return unknown


def fuzzer_of(name, cmake):
    """fuzz_mount_ext4_afl and the like are made in a loop of names."""
    return all(part in cmake for part in name.split("_"))


def run(commands, folder):
    """Runs them in one shell; gives status and output of each."""
    # what is still mounted when a command has failed would stay
    trap = "for point in */; do fusermount3 -u -q -z \"$point\" 2>/dev/null; done; :"
    script = f"trap '{trap}' EXIT\n" "exec 2>&1 </dev/null\numask 022\nunset SOURCE_DATE_EPOCH\nexport LC_ALL=C\n"
    for number, command in enumerate(commands):
        script += f"{command.text}\nprintf '\\n@@%d %d@@\\n' {number} $?\n"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=folder)
    results, rest = [], done.stdout
    for number, command in enumerate(commands):
        match = re.search(rf"\n@@{number} (\d+)@@\n", rest)
        if not match:
            sys.exit(f"{command.where}: the shell ended at '{command.text}':\n{rest}{done.stderr}")
        results.append((int(match[1]), rest[:match.start()].rstrip("\n")))
        rest = rest[match.end():]
    return results


def check(path, build, contents):
    for name in page_needs(path):
        if not there(name):
            print(f"{path}: needs {name}, which is not here")
            return 0, 0
    commands, left_out = commands_of(path), set()
    if build:
        commands = [command for command in commands if command.build == build]
    for command in commands:
        command.shown = command.shown or command.build != build
    if not commands:
        sys.exit(f"{path}: has no commands" + (f" in blocks with in={build}" if build else ""))
    wanted = []
    for command in commands:
        missing = [name for name in command.needs if not there(name)]
        left_out.update(missing)
        if not missing and not command.shown:
            wanted.append(command)
    with tempfile.TemporaryDirectory() as folder:
        for name in os.listdir(contents) if contents else ():
            os.symlink(os.path.abspath(os.path.join(contents, name)), os.path.join(folder, name))
        results = run(wanted, folder)
    wrong = 0
    for command in commands:
        for word in unknown_words(command.text) if command.shown else ():
            print(f"{command.where}: '{command.text}': there is no {word}")
            wrong += 1
    for command, (status, output) in zip(wanted, results):
        if (status != 0) != command.fails:
            print(f"{command.where}: '{command.text}' ended with status {status}:\n{output}\n")
            wrong += 1
        elif not re.fullmatch(pattern_of(command.expected), output, re.S):
            print(f"{command.where}: '{command.text}' said\n{output}\nand the page says\n"
                  + "\n".join(command.expected) + "\n")
            wrong += 1
    for name in sorted(left_out):
        print(f"{path}: left out what needs {name}, which is not here")
    return wrong, len(wanted) + sum(command.shown for command in commands)


def main():
    wrong = ran = 0
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="", metavar="NAME", help="the preset that this is of")
    parser.add_argument("--folder", default="", metavar="DIR", help="whose files these commands find")
    parser.add_argument("pages", nargs="+")
    options = parser.parse_args()
    for path in options.pages:
        bad, count = check(path, options.build, options.folder)
        wrong += bad
        ran += count
    print(f"{ran} commands, {wrong} wrong")
    sys.exit(1 if wrong else 0 if ran else SKIPPED)


if __name__ == "__main__":
    main()
