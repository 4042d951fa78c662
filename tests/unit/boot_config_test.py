# SPDX-License-Identifier: GPL-2.0
"""Finding built-in tests and their modules in a small tree."""

import tempfile
import unittest
from pathlib import Path

import boot_config
import kconfig

TREE = {
    "Kconfig": """
source "lib/Kconfig"
source "crypto/Kconfig"
source "drivers/Kconfig"
""",
    "lib/Kconfig": """
config KUNIT
	bool "KUnit"
menuconfig RUNTIME_TESTING_MENU
	bool "menu"
if RUNTIME_TESTING_MENU
config TEST_ONE
	tristate "one"
config STRANGE_NAME
	tristate "two"
	depends on HELPER
config TEST_WITH_KUNIT
	tristate "kunit"
	depends on KUNIT
config TEST_MODULE_ONLY
	tristate "module"
	depends on m
config LKDTM
	tristate "crashes"
endif
config HELPER
	bool "helper"
config GLOB_SELFTEST
	tristate "glob"
config NO_PROMPT_SELFTEST
	bool
config LATEST
	bool "no test"
""",
    "crypto/Kconfig": """
config CRYPTO_ODD
	tristate "odd"
config CRYPTO_TEST
	tristate "tcrypt"
""",
    "drivers/Kconfig": """
config DRIVER_SELFTEST
	bool "of hardware"
""",
    "lib/Makefile": "obj-$(CONFIG_TEST_ONE) += test-one.o \\\n\ttest_more.o # and more\n"
                    "obj-$(CONFIG_GLOB_SELFTEST) += globtest.o\nobj-y += other.o\n",
    "crypto/Makefile": "obj-$(CONFIG_CRYPTO_TEST) += tcrypt.o\n",
    "lib/build/Makefile": "",
}
SYMBOLS = """
0000000000000010 d __initcall__kmod_test_one__165_88_test_one_init6
0000000000000018 d __initcall__kmod_other__165_88_other_init6
0000000000000020 d __initcall__kmod_globtest__3_12_glob_init7s
0000000000000028 t something_else
"""


class BootConfigTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, text in TREE.items():
            path = Path(folder.name) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.tree = folder.name
        self.kconfig = kconfig.Kconfig(folder.name, "toy")

    def test_finds_the_tests_and_nothing_else(self):
        names = {option.name for option, _ in boot_config.options_of_tests(self.kconfig)}
        self.assertEqual(names, {"TEST_ONE", "STRANGE_NAME", "TEST_MODULE_ONLY", "GLOB_SELFTEST",
                                 "CRYPTO_TEST"})

    def test_switches_on_what_they_and_the_algorithms_want(self):
        config = {"RUNTIME_TESTING_MENU": "y"}
        plan, verdicts = boot_config.choose(self.kconfig, config)
        self.assertLessEqual({"TEST_ONE", "STRANGE_NAME", "HELPER", "CRYPTO_ODD"}, plan)
        self.assertEqual(verdicts["TEST_MODULE_ONLY"], "only as a module")
        self.assertIsNone(verdicts["TEST_ONE"])
        self.assertNotIn("CRYPTO_ODD", verdicts)

    def test_modules_of_options(self):
        modules = boot_config.modules_of(self.tree, {"TEST_ONE", "GLOB_SELFTEST", "CRYPTO_TEST"})
        self.assertEqual(modules, {"TEST_ONE": ["test_one", "test_more"],
                                   "GLOB_SELFTEST": ["globtest"], "CRYPTO_TEST": ["tcrypt"]})

    def test_initcalls_of_modules(self):
        found = boot_config.initcalls(SYMBOLS, {"test_one", "globtest"})
        self.assertEqual([(module, function) for _, module, function in found],
                         [("test_one", "test_one_init"), ("globtest", "glob_init")])
        text = boot_config.assembly(found)
        self.assertIn("__initcall__kmod_test_one__165_88_test_one_init6", text)
        self.assertIn('.asciz "globtest"', text)


if __name__ == "__main__":
    unittest.main()
