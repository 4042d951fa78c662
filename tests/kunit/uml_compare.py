#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs the tree's KUnit suites on user-mode Linux and here, and prints both side by side.

User-mode Linux gets the configuration that the profile kunit has, and all suites that can be had
there, found in the same way. kunit.py of the tree builds and runs it. The status is 1 if a test
passes there and not here, but for CANNOT, or if a suite of CANNOT is no longer an exception.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

# Suites that pass on user-mode Linux and cannot be had here, and why; tests of suites that can be had.
CANNOT = {}
CANNOT_TESTS = {
    "usercopy/usercopy_test_invalid": "expects that pointers of users are never pointers of the kernel",
}
GOOD = {"PASS", "passed"}


def run(words, **options):
    print("+", " ".join(map(str, words)), file=sys.stderr, flush=True)
    return subprocess.run([str(word) for word in words], check=True, **options)


def last_words(text):
    """Each option once, as it was said last."""
    lines = {}
    for line in text.splitlines():
        match = re.match(r"(?:# )?(CONFIG_\w+)(?:=| is not set)", line)
        if match:
            lines[match[1]] = line
    return "\n".join(lines.values()) + "\n"


class Uml:
    def __init__(self, arguments):
        self.tree = Path(arguments.tree).resolve()
        self.build = Path(arguments.build).resolve()
        self.configs = arguments.config
        self.tool = arguments.kunit_config
        self.jobs = arguments.jobs
        self.compiler = [f"CC={arguments.cc}", f"HOSTCC={arguments.cc}"]
        self.build.mkdir(parents=True, exist_ok=True)

    def make(self, target, **environment):
        run(["make", "-s", "-C", self.tree, f"O={self.build}", "ARCH=um", *self.compiler, target],
            env=os.environ | environment, stdout=sys.stderr)

    def settle(self, text):
        wanted = self.build / "wanted.config"
        wanted.write_text(last_words(text))
        self.make("allnoconfig", KCONFIG_ALLCONFIG=str(wanted))
        self.make("olddefconfig")

    def configure(self):
        base = "CONFIG_64BIT=y\n" + "\n".join(Path(name).read_text() for name in self.configs)
        self.settle(base)
        suites = self.build / "suites.config"
        run([sys.executable, "-B", self.tool, "choose", "--tree", self.tree, "--arch", "um",
             "--config", self.build / ".config", "--output", suites])
        self.settle(base + "\n" + suites.read_text())

    def results(self):
        self.configure()
        config = self.build / "all.kunitconfig"
        config.write_text((self.build / ".config").read_text())
        report = self.build / "results.json"
        report.unlink(missing_ok=True)
        # its status tells that tests fail, which is for us to judge
        subprocess.run([sys.executable, "-B", str(self.tree / "tools/testing/kunit/kunit.py"), "run",
                        "--arch=um", f"--build_dir={self.build}", f"--kunitconfig={config}",
                        f"--jobs={self.jobs}", f"--json={report}",
                        *(f"--make_options={words}" for words in self.compiler)],
                       check=False, stdout=sys.stderr)
        if not report.exists():
            sys.exit("uml_compare: kunit.py has made no report, see above")
        results = {}
        flatten_uml(json.loads(report.read_text()), "", results)
        return results


def flatten_uml(group, name, results):
    for test in group["test_cases"]:
        # without a name: a suite that was skipped as a whole
        results[f"{name}/{test['name']}" if name else test["name"]] = test["status"]
    for below in group["sub_groups"]:
        flatten_uml(below, f"{name}/{below['name']}" if name else below["name"], results)


def flatten_ours(test, name, results):
    for below in test.get("tests", []):
        flatten_ours(below, f"{name}/{below['name']}", results)
    if not test.get("tests"):
        results[name] = test["verdict"]


def ours(command):
    out = subprocess.run([command, "test", "kunit", "--json"], check=False, capture_output=True,
                         text=True).stdout
    results = {}
    for suite in json.loads(out)["suites"]:
        flatten_ours(suite, suite["name"], results)
    return results


def suite_of(name):
    return name.partition("/")[0]


def counts(results):
    passed = sum(verdict in GOOD for verdict in results.values())
    skipped = sum(verdict in ("SKIP", "skipped") for verdict in results.values())
    return {"suites": len({suite_of(name) for name in results}), "tests": len(results),
            "passed": passed, "skipped": skipped, "failed": len(results) - passed - skipped}


def compare(uml, lkl):
    """What to complain of: tests that pass there and not here, and exceptions that are none."""
    complaints = []
    for name, verdict in uml.items():
        if verdict not in GOOD or lkl.get(name) in GOOD:
            continue
        if suite_of(name) not in CANNOT and name not in CANNOT_TESTS:
            complaints.append(f"{name}: passes on user-mode Linux, here: {lkl.get(name, 'not there')}")
    here = {suite_of(name) for name in lkl}
    complaints += [f"{suite}: is here, and said to be impossible" for suite in CANNOT if suite in here]
    complaints += [f"{name}: passes, and is said to fail" for name in CANNOT_TESTS
                   if lkl.get(name) in GOOD]
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", required=True, help="the kernel's source, not built in")
    parser.add_argument("--build", required=True, help="a folder to build user-mode Linux in")
    parser.add_argument("--lkl", required=True, help="the lkl of the profile kunit")
    parser.add_argument("--config", required=True, action="append",
                        help="a fragment of the profile kunit")
    parser.add_argument("--kunit-config", required=True, help="tools/build/kunit_config.py")
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()

    uml, lkl = Uml(arguments).results(), ours(arguments.lkl)
    there, here = counts(uml), counts(lkl)
    print(f"{'':10}{'UML':>8}{'LKL':>8}")
    for what in there:
        print(f"{what:10}{there[what]:8}{here[what]:8}")
    for title, some, others in (("only on user-mode Linux", uml, lkl), ("only here", lkl, uml)):
        suites = sorted({suite_of(name) for name in some} - {suite_of(name) for name in others})
        print(f"{title}: {', '.join(suites) or 'none'}")
    complaints = compare(uml, lkl)
    for complaint in complaints:
        print(f"uml_compare: {complaint}", file=sys.stderr)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
