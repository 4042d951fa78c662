# SPDX-License-Identifier: GPL-2.0
"""Finding suites and their dependencies in a small tree of Kconfig files."""

import tempfile
import unittest
from pathlib import Path

import kconfig
import kunit_config
import option_search

TREE = {
    "Kconfig": """
mainmenu "test"
config CC_IS_GCC
	def_bool $(success,true (with (parentheses)))
source "arch/$(SRCARCH)/Kconfig"
source "lib/Kconfig"
source "not/there/Kconfig"
""",
    "arch/toy/Kconfig": """
config TOY
	def_bool y
config MMU
	def_bool n
""",
    "lib/kunit/Kconfig": """
menuconfig KUNIT
	tristate "KUnit"
if KUNIT
config KUNIT_DEBUGFS
	bool "debugfs"
config KUNIT_ALL_TESTS
	tristate "all"
endif # KUNIT
""",
    "lib/Kconfig": """
source "lib/kunit/Kconfig"
config PLAIN_TEST
	tristate "plain" if !KUNIT_ALL_TESTS
	depends on KUNIT
	default KUNIT_ALL_TESTS
	help
	  config NOT_AN_OPTION
	  depends on KUNIT
config PLAIN_MORE_TEST
	bool "what a plain test can do besides"
	depends on PLAIN_TEST
config BUS
	bool "a bus" # with a comment
menu "drivers"
	depends on BUS
config HIDDEN
	bool
config DEAR_DRIVER
	bool "dear"
	depends on TOY && \\
		   BUS
	select OTHER
	select HIDDEN
config OTHER
	bool "other"
config CHEAP_DRIVER
	bool "cheap"
	select HIDDEN
	select LAMP if MMU
config LAMP
	bool "lamp"
endmenu
config NEEDS_HIDDEN_TEST
	tristate "hidden" if !KUNIT_ALL_TESTS
	depends on HIDDEN && KUNIT
	default KUNIT_ALL_TESTS
config NEEDS_LAMP_TEST
	tristate "lamp" if !KUNIT_ALL_TESTS
	depends on LAMP && KUNIT
	default KUNIT_ALL_TESTS
config NEEDS_MMU_TEST
	tristate "mmu" if !KUNIT_ALL_TESTS
	depends on (MMU && TOY) && KUNIT=y
	default KUNIT_ALL_TESTS
config NEEDS_NOTHING_THERE_TEST
	bool "gone"
	depends on KUNIT && (NOWHERE || MMU)
config NO_DEFAULT_TEST
	tristate "forgotten" if !KUNIT_ALL_TESTS
	depends on KUNIT
config NO_TEST
	bool "has nothing to do with it"
	depends on !KUNIT
""",
}
FILES = {
    "lib/.kunitconfig": "CONFIG_KUNIT=y\nCONFIG_NEEDS_HIDDEN_TEST=y\nCONFIG_OTHER=y\nCONFIG_MMU=y\n",
    "arch/.kunitconfig": "CONFIG_NEEDS_MMU_TEST=y\nCONFIG_DEAR_DRIVER=y\n",
}
CONFIG = {"KUNIT": "y", "KUNIT_ALL_TESTS": "y", "TOY": "y", "CC_IS_GCC": "y"}


class KunitConfigTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, text in (TREE | FILES).items():
            path = Path(folder.name) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.tree = folder.name
        self.kconfig = kconfig.Kconfig(folder.name, "toy")
        self.plan, self.verdicts = kunit_config.choose(self.kconfig, CONFIG)

    def test_finds_the_suites_and_nothing_else(self):
        self.assertEqual(set(self.verdicts),
                         {"PLAIN_TEST", "PLAIN_MORE_TEST", "NEEDS_HIDDEN_TEST", "NEEDS_LAMP_TEST", "NEEDS_MMU_TEST",
                          "NEEDS_NOTHING_THERE_TEST", "NO_DEFAULT_TEST"})

    def test_help_is_no_kconfig(self):
        self.assertNotIn("NOT_AN_OPTION", self.kconfig.options)

    def test_the_cheapest_way_is_taken(self):
        self.assertLessEqual({"BUS", "CHEAP_DRIVER", "NEEDS_HIDDEN_TEST", "PLAIN_TEST"}, self.plan)
        self.assertNotIn("DEAR_DRIVER", self.plan)

    def test_what_cannot_be_had_is_named(self):
        self.assertIn("MMU", self.verdicts["NEEDS_MMU_TEST"])
        self.assertIn("MMU", self.verdicts["NEEDS_NOTHING_THERE_TEST"])
        self.assertEqual(self.verdicts["NO_DEFAULT_TEST"], "KUNIT_ALL_TESTS is on")
        self.assertIsNone(self.verdicts["PLAIN_TEST"])

    def test_kunitconfigs_of_suites_that_can_be_had_are_followed(self):
        plan = kunit_config.add_wishes(self.kconfig, CONFIG, self.tree, self.plan, self.verdicts)
        self.assertEqual(plan, self.plan | {"OTHER"})

    def test_the_fragment_sets_only_what_may_be_set(self):
        text = option_search.fragment(self.kconfig, CONFIG, self.plan, self.verdicts, "me")
        self.assertIn("CONFIG_CHEAP_DRIVER=y\n", text)
        self.assertNotIn("CONFIG_HIDDEN=y\n", text)
        # selected by what is on, under a condition that is not met
        self.assertIn("CONFIG_LAMP=y\n", text)
        self.assertIn("# cannot NEEDS_MMU_TEST: ", text)

    def test_expressions(self):
        expression = kconfig.read("A && (B || !C) && D != \"x y\" # rest")
        self.assertEqual(set(kconfig.symbols_of(expression)), {"A", "B", "C", "D"})
        self.assertEqual(kconfig.show(kconfig.read("(A || B) && !(C && D)")),
                         "(A || B) && !(C && D)")
        self.assertEqual(kconfig.read("$(cc-option,-f(x))"), kconfig.YES)

    def test_the_report_tells_granted_from_refused(self):
        granted = dict(CONFIG, PLAIN_TEST="y")
        rows, count = option_search.table(
            self.kconfig, granted, kunit_config.options_of_suites(self.kconfig),
            {"NEEDS_MMU_TEST": "no MMU"})
        verdicts = {row[0]: row[2] for row in rows}
        self.assertEqual(count, 1)
        self.assertEqual(verdicts["PLAIN_TEST"], "yes")
        self.assertEqual(verdicts["NEEDS_MMU_TEST"], "no: no MMU")
        self.assertTrue(verdicts["NEEDS_HIDDEN_TEST"].startswith("no: "))


if __name__ == "__main__":
    unittest.main()
