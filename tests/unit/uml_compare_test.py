# SPDX-License-Identifier: GPL-2.0
"""Comparing results of KUnit on user-mode Linux with ours."""

import unittest
import unittest.mock

import uml_compare

UML = {
    "test_cases": [{"name": "whole", "status": "SKIP"}],
    "sub_groups": [
        {"name": "list", "sub_groups": [], "test_cases": [{"name": "add", "status": "PASS"}]},
        {"name": "iov_iter", "sub_groups": [], "test_cases": [{"name": "copy", "status": "PASS"}]},
        {"name": "many", "test_cases": [{"name": "skipped", "status": "SKIP"}], "sub_groups": [
            {"name": "with", "sub_groups": [], "test_cases": [{"name": "one", "status": "PASS"}]}]},
    ],
}
OURS = {"suites": [
    {"name": "list", "verdict": "passed", "tests": [{"name": "add", "verdict": "passed"}]},
    {"name": "whole", "verdict": "skipped"},
    {"name": "many", "verdict": "passed", "tests": [
        {"name": "skipped", "verdict": "skipped"},
        {"name": "with", "verdict": "passed", "tests": [{"name": "one", "verdict": "passed"}]}]},
]}


def uml():
    results = {}
    uml_compare.flatten_uml(UML, "", results)
    return results


def ours():
    results = {}
    for suite in OURS["suites"]:
        uml_compare.flatten_ours(suite, suite["name"], results)
    return results


class UmlCompareTest(unittest.TestCase):
    def setUp(self):
        patch = unittest.mock.patch.object(uml_compare, "CANNOT", {"iov_iter": "for this test"})
        patch.start()
        self.addCleanup(patch.stop)

    def test_both_have_the_same_names(self):
        self.assertEqual(set(uml()), {"whole", "list/add", "iov_iter/copy", "many/skipped", "many/with/one"})
        self.assertEqual(set(uml()) - set(ours()), {"iov_iter/copy"})

    def test_what_cannot_be_had_is_no_complaint(self):
        self.assertEqual(uml_compare.compare(uml(), ours()), [])

    def test_what_passes_only_there_is_one(self):
        self.assertEqual(len(uml_compare.compare(uml(), ours() | {"list/add": "failed"})), 1)
        without = ours()
        del without["list/add"]
        self.assertEqual(len(uml_compare.compare(uml(), without)), 1)

    def test_an_exception_that_is_none_is_one(self):
        self.assertEqual(len(uml_compare.compare(uml(), ours() | {"iov_iter/copy": "passed"})), 1)

    def test_counts(self):
        self.assertEqual(uml_compare.counts(ours()),
                         {"suites": 3, "tests": 4, "passed": 2, "skipped": 2, "failed": 0})

    def test_the_last_word_counts(self):
        self.assertEqual(uml_compare.last_words("CONFIG_A=y\nCONFIG_B=n\n# CONFIG_A is not set\n"),
                         "# CONFIG_A is not set\nCONFIG_B=n\n")


if __name__ == "__main__":
    unittest.main()
