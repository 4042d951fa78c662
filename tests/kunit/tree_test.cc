// SPDX-License-Identifier: GPL-2.0
//
// A kernel developer's own tree: a bug in it is found, and the commit that made it. Both build a
// kernel.
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "tools/tool_test.h"

namespace lkl::tool_test {
namespace {

namespace fs = std::filesystem;

constexpr char kSuite[] = "math-int_pow";
constexpr char kFile[] = "lib/math/int_pow.c";
constexpr char kBug[] = "sed 's/result \\*= base/result += base/'";

class TreeTest : public ToolTest {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    setenv("XDG_CACHE_HOME", path("cache").c_str(), 1);
  }
  static std::string kernel_file(const std::string& name) {
    return std::string(LKL_KERNEL_TREE) + "/" + name;
  }
};

// The tree is made of links, but for one file that has a bug.
TEST_F(TreeTest, ABugInACopyOfTheTreeIsNamed) {
  shell("mkdir -p tree/arch tree/lib/math && ln -s " LKL_KERNEL_TREE
        "/* tree 2>/dev/null;"
        "rm tree/build; ln -s " LKL_KERNEL_TREE
        "/arch/* tree/arch; rm tree/arch/lkl;"
        "rm -f tree/arch/arch; ln -s " LKL_KERNEL_TREE
        "/lib/* tree/lib 2>/dev/null;"
        "ln -s " LKL_KERNEL_TREE "/lib/math/* tree/lib/math; rm tree/" +
        std::string(kFile));
  shell(std::string(kBug) + " " + kernel_file(kFile) + " >tree/" + kFile);
  ASSERT_NE(shell_status("cmp " + kernel_file(kFile) + " tree/" + kFile).status, 0);
  const std::vector<std::string> test = {"test",     "kunit",  "--tree", "tree",
                                         "--filter", "*int_*", "--json"};
  Result result = lkl(test);
  ASSERT_EQ(result.status, 1) << result.err;
  auto json = nlohmann::json::parse(result.out);
  for (const auto& suite : json["suites"])
    EXPECT_EQ(suite["verdict"] == "failed", suite["name"] == kSuite) << suite.dump(1);
  EXPECT_NE(result.err.find("lib/math/tests/int_pow_kunit.c"), std::string::npos) << result.err;

  // and when it is mended the next run says so
  shell("cp " + kernel_file(kFile) + " tree/" + kFile);
  result = lkl(test);
  EXPECT_EQ(result.status, 0) << result.err;
}

// The repository has the tree in its first commit, a bug in one of the next ones, and one that does
// not compile.
class BisectTest : public TreeTest {
 protected:
  void SetUp() override {
    TreeTest::SetUp();
    if (!have("git")) GTEST_SKIP() << "there is no git";
    shell(
        "git init -q --bare repo && git -C repo config core.compression 0 &&"
        "git -C repo config user.name t && git -C repo config user.email t@example.org &&"
        "git -C repo config gc.auto 0");
  }
  static std::string git(const std::string& words) { return shell("git -C repo " + words); }
  // Commits the file with these contents on top of what there is; its name.
  std::string commit(const std::string& file, const std::string& command, const char* subject) {
    shell(command + " >contents");
    shell(
        "cd repo && blob=$(git hash-object -w ../contents) &&"
        "git update-index --add --cacheinfo 100644,$blob," +
        file +
        " && commit=$(git commit-tree $(git write-tree) $(git rev-parse -q --verify main | sed "
        "'s/^/-p /') -m '" +
        subject + "') && git update-ref refs/heads/main $commit");
    std::string name = git("rev-parse main");
    name.pop_back();
    return name;
  }
  static std::string worktrees() { return git("worktree list --porcelain"); }
};

TEST_F(BisectTest, NamesTheFirstBadCommit) {
  // without what no build for this architecture reads
  shell("git -C " LKL_KERNEL_TREE
        " --git-dir=$PWD/repo --work-tree=."
        " add -A -- . ':!build' ':!arch/lkl'"
        " ':!.lkl-source' ':(exclude,glob)Documentation/**/*.rst' "
        "':(exclude,glob)drivers/gpu/drm/amd/**/*.h'");
  const std::string good = commit("A", "echo 1", "the tree");
  const std::string source = kernel_file(kFile);
  commit(kFile, "sed 's/u64 result = 1;/u64 result = 1ULL;/' " + source, "harmless");
  commit("lib/math/gcd.c", "echo this does not compile", "does not compile");
  commit("lib/math/gcd.c", "cat " + kernel_file("lib/math/gcd.c"), "compiles again");
  const std::string guilty = commit(kFile, std::string(kBug) + " " + source, "the culprit");
  commit("B", "echo 2", "later");
  const std::string bad = commit("C", "echo 3", "latest");

  const Result result = lkl({"bisect", "--tree", "repo", "--good", good, "--bad", "main", "--log",
                             "log", "--", "kunit", "--filter", kSuite});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "first bad commit: [" + guilty + "] the culprit\n");
  EXPECT_NE(shell("cat log").find("git bisect start"), std::string::npos);
  EXPECT_EQ(worktrees().find("cache"), std::string::npos) << worktrees();
}

// With any program, on a repository that is no kernel.
TEST_F(BisectTest, AnyProgramAndInterruption) {
  const std::string good = commit("file", "echo good", "first");
  commit("other", "echo 1", "second");
  const std::string guilty = commit("file", "echo bad", "third");
  commit("other", "echo 2", "fourth");
  const std::vector<std::string> bisect = {"bisect", "--tree", "repo", "--good", good,   "--bad",
                                           "main",   "--",     "grep", "-q",     "good", "{}/file"};
  const Result result = lkl(bisect);
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "first bad commit: [" + guilty + "] third\n");
  EXPECT_EQ(worktrees().find("cache"), std::string::npos) << worktrees();

  std::vector<std::string> slow = {LKL_TOOL_PATH};
  slow.insert(slow.end(), bisect.begin(), bisect.end() - 4);
  slow.insert(slow.end(), {"sh", "-c", "touch " + path("started") + "; sleep 1000"});
  Process process(slow, false);
  while (!fs::exists(path("started")) && !process.ended())
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  process.signal(SIGTERM);
  EXPECT_EQ(process.finish().status, 128 + SIGTERM);
  EXPECT_EQ(worktrees().find("cache"), std::string::npos) << worktrees();
  EXPECT_EQ(shell("ls repo"), shell("ls repo | grep -v BISECT"));

  EXPECT_EQ(
      lkl({"bisect", "--tree", "repo", "--good", "nothing", "--bad", "main", "--", "true"}).status,
      1);
  EXPECT_EQ(lkl({"bisect", "--tree", "repo", "--good", good, "--bad", "main"}).status, 2);
}

}  // namespace
}  // namespace lkl::tool_test
