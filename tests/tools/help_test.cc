// SPDX-License-Identifier: GPL-2.0
//
// What the program says of itself: help, and what a shell completes. The manual pages are the other
// list of commands.
#include <algorithm>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

using Words = std::set<std::string>;

Words matches(const std::string& text, const std::string& expression) {
  const std::regex regex(expression);
  Words found;
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match)
    found.insert((*match)[1]);
  return found;
}

Words missing(const Words& all, const Words& wanted) {
  Words rest;
  std::set_difference(wanted.begin(), wanted.end(), all.begin(), all.end(),
                      std::inserter(rest, rest.end()));
  return rest;
}

class HelpTest : public ToolTest {
 protected:
  static Words commands() { return matches(lkl_ok({"help"}), "\n  ([a-z]+)  "); }
};

TEST_F(HelpTest, HasEachCommandThatHasAManualPage) {
  Words pages;
  for (const auto& entry : std::filesystem::directory_iterator(LKL_MANUAL))
    pages.merge(matches(entry.path().filename(), "^lkl-([a-z]+)\\.1$"));
  EXPECT_GE(pages.size(), 28u);
  EXPECT_EQ(commands(), pages);
}

TEST_F(HelpTest, ShowsGroups) {
  const std::string help = lkl_ok({"help"});
  EXPECT_TRUE(std::regex_search(
      help, std::regex("\nFiles:\n(  .*\n)*  cp .*\n(  .*\n)*\nImages:\n(  .*\n)*  mount .*\n"
                       "(  .*\n)*\nTests of the kernel:\n(  .*\n)*  test .*\n")))
      << help;
}

TEST_F(HelpTest, IsShownWithoutACommandToo) {
  const Result result = lkl({});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.out.find(lkl_ok({"help"})), std::string::npos);
  EXPECT_NE(result.err.find("no command given"), std::string::npos);
}

TEST_F(HelpTest, OfACommandIsWhatTheCommandSaysItself) {
  for (const std::string& command : commands()) {
    const std::string help = lkl_ok({"help", command});
    EXPECT_EQ(help, lkl_ok({command, "--help"})) << command;
    EXPECT_NE(help.find("Usage: lkl " + command), std::string::npos) << command;
  }
  expect_failure({"help", "frobnicate"}, 2, "frobnicate: no such command; lkl help shows them");
}

class CompletionTest : public HelpTest {
 protected:
  // What bash offers for the last of these words.
  static Words offered(const std::vector<std::string>& words) {
    std::string script = "eval \"$(" LKL_TOOL_PATH " --completion bash)\" && COMP_WORDS=(";
    for (const std::string& word : words) script += " '" + word + "'";
    script += " ) COMP_CWORD=" + std::to_string(words.size() - 1);
    const Result result =
        run({"bash", "-c", script + "; _lkl; printf '%s\\n' \"${COMPREPLY[@]}\""});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
    return matches(result.out, "([^\n]+)\n");
  }
};

TEST_F(CompletionTest, HasAllCommands) {
  EXPECT_EQ(offered({"lkl", ""}), commands());
  EXPECT_EQ(offered({"lkl", "ch"}), Words({"chmod", "chown"}));
  EXPECT_EQ(offered({"lkl", "help", ""}), commands());
  // The value of an option is no command.
  EXPECT_EQ(offered({"lkl", "-a", "cp", "trunc"}), Words({"truncate"}));
}

TEST_F(CompletionTest, HasAllOptionsOfEachCommand) {
  for (const std::string& command : commands()) {
    const Words options = matches(lkl_ok({command, "--help"}), "[ ,](--[a-z0-9_-]+)");
    EXPECT_EQ(options.count("--help"), 1u) << command;
    EXPECT_EQ(missing(offered({"lkl", command, "--"}), options), Words()) << command;
  }
  for (const std::string program : {"cptofs", "cpfromfs", "fs2tar"}) {
    const Words options =
        matches(run({LKL_FACES "/" + program, "--help"}).out, "[ ,](--[a-z0-9_-]+)");
    EXPECT_EQ(options.count("--filesystem-type"), 1u) << program;
    EXPECT_EQ(missing(offered({program, "--"}), options), Words()) << program;
  }
  EXPECT_EQ(offered({"lkl", "find", "-max"}), Words({"-maxdepth"}));
}

TEST_F(CompletionTest, KnowsValues) {
  write_file("some.img", "");
  shell("mkdir some.dir");
  EXPECT_EQ(offered({"lkl", "ls", "-t", "b"}), Words({"btrfs"}));
  EXPECT_EQ(offered({"lkl", "--format", "qc"}), Words({"qcow", "qcow2"}));
  EXPECT_EQ(offered({"lkl", "cp", "--sparse", ""}), Words({"always", "auto", "never"}));
  EXPECT_EQ(offered({"lkl", "find", "x.img", "--type", "d"}), Words({"d"}));
  EXPECT_EQ(offered({"lkl", "test", ""}), Words({"boot", "kunit", "list", "net", "packetdrill"}));
  EXPECT_EQ(offered({"lkl", "tar", ""}), Words({"in", "out"}));
  EXPECT_EQ(offered({"lkl", "tar", "out", "some"}), Words({"some.dir", "some.img"}));
  EXPECT_EQ(offered({"lkl", "test", "kunit", "--tree", "some"}), Words({"some.dir"}));
  EXPECT_EQ(offered({"lkl", "ls", "some"}), Words({"some.dir", "some.img"}));
  EXPECT_EQ(offered({"lkl", "ls", "--mem", ""}), Words());
  EXPECT_EQ(offered({"cptofs", "-t", "ex"}), Words({"exfat", "ext4"}));
}

TEST_F(CompletionTest, IsForBashOnly) {
  expect_failure({"--completion", "fish"}, 2, "there is only bash");
}

}  // namespace
}  // namespace lkl::tool_test
