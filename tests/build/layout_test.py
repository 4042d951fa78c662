#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""layout_test.py LAYOUT.PY - layout.py finds what is wrong in small trees that are made for it."""
import os
import subprocess
import sys
import tempfile
import unittest

LAYOUT = sys.argv.pop(1)
TABLE = {"host": "nothing", "host/io": "`host`", "host/core": "`host`, `host/io`"}
FILES = {
    "host/host.h": "",
    "host/io/loop.h": '#include "host.h"\n',
    "host/core/core.cc": '#include <vector>\n#include "io/loop.h"\n#include "host.h"\n',
}


class LayoutTest(unittest.TestCase):
    def check(self, table, files):
        with tempfile.TemporaryDirectory() as tree:
            os.mkdir(os.path.join(tree, "docs"))
            with open(os.path.join(tree, "docs/layout.md"), "w") as file:
                for folder, uses in table.items():
                    file.write(f"| `{folder}` | something | {uses} |\n")
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
                with open(os.path.join(tree, path), "w") as file:
                    file.write(text)
            done = subprocess.run([sys.executable, LAYOUT, tree], capture_output=True, text=True)
            return done.returncode, done.stdout + done.stderr

    def expect(self, words, table=TABLE, files=FILES):
        code, text = self.check(table, files)
        self.assertNotEqual(code, 0)
        self.assertIn(words, text)

    def test_what_is_right_passes(self):
        self.assertEqual(self.check(TABLE, FILES), (0, ""))

    def test_an_arrow_that_is_not_there(self):
        self.expect("host/io may not use host/core",
                    files=FILES | {"host/core/core.h": "",
                                   "host/io/loop.h": '#include "host.h"\n#include "core/core.h"\n'})

    def test_a_header_of_an_operating_system(self):
        self.expect("host/io/loop.h includes <sys/uio.h>: that is for host/posix",
                    files=FILES | {"host/io/loop.h": '#include "host.h"\n#include <sys/uio.h>\n'})

    def test_which_may_have_it_in_its_folder(self):
        self.assertEqual(self.check(TABLE | {"host/posix": "`host`"}, FILES | {
            "host/posix/a.cc": '#include <sys/uio.h>\n#include "host.h"\n'}), (0, ""))

    def test_an_arrow_that_nobody_uses(self):
        self.expect("host/io does not use host", files=FILES | {"host/io/loop.h": ""})

    def test_a_folder_that_is_not_there(self):
        self.expect("there is no host/block", table=TABLE | {"host/block": "nothing"})

    def test_a_folder_without_a_line(self):
        self.expect("tools/new/a.cc", files=FILES | {"tools/new/a.cc": ""})

    def test_a_circle_of_folders(self):
        self.expect("a circle of folders: host/core -> host/io -> host/core",
                    table=TABLE | {"host/io": "`host`, `host/core`"},
                    files=FILES | {"host/core/core.h": "",
                                   "host/io/loop.h": '#include "host.h"\n#include "core/core.h"\n'})

    def test_a_circle_of_files(self):
        self.expect("a circle of files: host/io/a.h -> host/io/b.h -> host/io/a.h",
                    files=FILES | {"host/io/a.h": '#include "b.h"\n', "host/io/b.h": '#include "io/a.h"\n'})

    def test_no_table(self):
        self.expect("has no table", table={})


unittest.main()
