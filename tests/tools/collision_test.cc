// SPDX-License-Identifier: GPL-2.0
//
// Names that differ, and lead to one file: on vfat and exfat, and in directories of ext4 that fold
// case. Nothing that was just written may be replaced by another spelling of its name.
#include "tool_test.h"

namespace lkl::tool_test {
namespace {

class CollisionTest : public ToolTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    const std::string type = GetParam();
    if (type != "ext4" && !have("mkfs." + type)) GTEST_SKIP() << "there is no mkfs." << type;
    shell("truncate -s 32M f.img && " + std::string(type == "ext4"
                                                        ? "mke2fs -q -F -t ext4 -O casefold f.img"
                                                        : "mkfs." + type + " f.img >/dev/null"));
    if (type != "ext4") return;
    // The root itself folds.
    shell("printf 'sif <2> flags 0x40080000\n' | debugfs -w f.img 2>/dev/null");
    ASSERT_NE(shell("debugfs -R 'stat <2>' f.img 2>/dev/null").find("0x40080000"),
              std::string::npos);
  }

  // Names in a directory of the image, one a line.
  static std::string names(const std::string& directory = "/") {
    std::string all = lkl_ok({"ls", "-1", "f.img", directory});
    if (const std::size_t at = all.find("lost+found\n"); at != std::string::npos) all.erase(at, 11);
    return all;
  }
  static std::string contents(const std::string& file) { return lkl_ok({"cat", "f.img", file}); }
};

TEST_P(CollisionTest, CpOfATreeLeavesTheSecondOut) {
  shell("mkdir s && echo upper >s/README && echo lower >s/readme && echo other >s/other");
  const Result result = lkl({"cp", "-r", "s", "f.img:/"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("to this file system it is the same name as that of"),
            std::string::npos)
      << result.err;
  // The first one is whole, whichever that was.
  const std::string first = names("/s").find("README") != std::string::npos ? "upper\n" : "lower\n";
  EXPECT_EQ(contents("/s/readme"), first);
  EXPECT_EQ(contents("/s/other"), "other\n");
}

TEST_P(CollisionTest, CpIntoADirectoryThatWasThere) {
  shell("mkdir s && echo upper >s/README && echo lower >s/readme && echo old >old");
  lkl_ok({"cp", "old", "f.img:/ReadMe"});
  lkl_ok({"cp", "old", "f.img:/zzz"});
  // One of them replaces what was there, as on any such file system; not the other one that.
  expect_failure({"cp", "-r", "s/.", "f.img:/"}, 1, "which was just written");
  EXPECT_EQ(names(), "ReadMe\nzzz\n");
  EXPECT_NE(contents("/readme"), "old\n");
  // By itself, each replaces it.
  lkl_ok({"cp", "s/README", "f.img:/"});
  EXPECT_EQ(contents("/ReadMe"), "upper\n");
  lkl_ok({"cp", "-r", "-T", "s/readme", "f.img:/README"});
  EXPECT_EQ(contents("/ReadMe"), "lower\n");
}

TEST_P(CollisionTest, NeitherNorIsSilent) {
  // What exists is to be left alone; but not what was not there before.
  shell("mkdir s && echo upper >s/README && echo lower >s/readme");
  for (const char* option : {"-n", "-u"})
    expect_failure({"cp", "-r", option, "s", "f.img:/" + std::string(option + 1)}, 1,
                   "which was just written");
}

TEST_P(CollisionTest, Directories) {
  shell("mkdir -p s/Dir s/dir && echo 1 >s/Dir/a && echo 2 >s/dir/a && echo 3 >s/dir/b");
  expect_failure({"cp", "-r", "s/.", "f.img:/"}, 1, "which was just written");
  const bool upper = names().find("Dir") != std::string::npos;
  EXPECT_EQ(contents("/dir/a"), upper ? "1\n" : "2\n");
  EXPECT_EQ(names("/dir"), upper ? "a\n" : "a\nb\n");
  // As one wants it said: the second goes into the first.
  lkl_ok({"cp", "-r", "s/Dir/.", "s/dir/.", "f.img:/dir"});
  EXPECT_EQ(contents("/dir/b"), "3\n");
}

TEST_P(CollisionTest, OfTheCommandLine) {
  shell("mkdir a b && echo 1 >a/f && echo 2 >b/f && echo 3 >b/F && mkdir a/d b/d && echo 4 >b/d/x");
  expect_failure({"cp", "a/f", "b/f", "f.img:/"}, 1, "f.img:/f: was just written");
  EXPECT_EQ(contents("/f"), "1\n");
  expect_failure({"cp", "b/f", "b/F", "f.img:/"}, 1, "which was just written");
  EXPECT_EQ(contents("/f"), "2\n");
  // Directories of one name are merged, as by cp(1).
  lkl_ok({"cp", "-r", "a/d", "b/d", "f.img:/"});
  EXPECT_EQ(contents("/d/x"), "4\n");
}

TEST_P(CollisionTest, TarIn) {
  shell(
      "mkdir -p s/Dir s/dir && echo upper >s/README && echo lower >s/readme && echo 1 >s/Dir/a"
      " && echo 2 >s/dir/b && tar -C s -cf t.tar README readme Dir/a dir/b"
      " && echo later >s/README && tar -C s -rf t.tar README");
  const Result result = lkl({"tar", "in", "f.img", "-f", "t.tar"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("member 'readme' is left out"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("member 'dir' is left out"), std::string::npos) << result.err;
  EXPECT_EQ(names(), "Dir\nREADME\n");
  // A member that comes again replaces itself.
  EXPECT_EQ(contents("/readme"), "later\n");
  EXPECT_EQ(names("/Dir"), "a\n");
  // What was there before is replaced.
  shell("tar -C s -cf one.tar readme");
  lkl_ok({"tar", "in", "f.img", "-f", "one.tar"});
  EXPECT_EQ(contents("/README"), "lower\n");
}

TEST_P(CollisionTest, MvSpellsAnew) {
  shell("echo precious >f && mkdir d && echo 1 >d/README && echo 2 >d/x");
  lkl_ok({"cp", "f", "f.img:/readme"});
  lkl_ok({"cp", "-r", "d", "f.img:/Dir"});
  lkl_ok({"mv", "f.img", "/readme", "/README"});
  lkl_ok({"mv", "f.img", "/Dir", "/DIR"});
  EXPECT_EQ(names(), "DIR\nREADME\n");
  EXPECT_EQ(contents("/README"), "precious\n");
  EXPECT_EQ(contents("/DIR/x"), "2\n");
  lkl_ok({"mv", "-n", "f.img", "/rEADME", "/ReadMe"});
  EXPECT_EQ(names(), "DIR\nReadMe\n");
  expect_failure({"mv", "f.img", "/ReadMe", "/ReadMe"}, 1, "are the same");
  // Two that become one.
  lkl_ok({"mkdir", "f.img", "/to"});
  expect_failure({"mv", "f.img", "/ReadMe", "/DIR/README", "/to"}, 1, "which was just written");
  EXPECT_EQ(contents("/to/readme"), "precious\n");
  EXPECT_EQ(contents("/DIR/README"), "1\n");
}

TEST_P(CollisionTest, Build) {
  const std::string type = GetParam();
  if (type == "ext4") GTEST_SKIP() << "no directory folds in what is built as ext4";
  shell("mkdir s && echo 1 >s/README && echo 2 >s/readme");
  expect_failure({"build", "-t", type, "s", "b.img"}, 1, "which was just written");
  EXPECT_NE(shell_status("test -e b.img").status, 0);
}

TEST_P(CollisionTest, DotsAndShortNames) {
  const std::string type = GetParam();
  if (type != "vfat") GTEST_SKIP() << "only vfat has both";
  shell(
      "mkdir s && echo 1 >s/name && echo 2 >s/name. && mkdir l && echo long >l/longfilename.txt"
      " && echo short >'l/LONGFI~1.TXT'");
  expect_failure({"cp", "-r", "s/.", "f.img:/"}, 1, "which was just written");
  EXPECT_EQ(names(), "name\n");
  expect_failure({"cp", "l/longfilename.txt", "l/LONGFI~1.TXT", "f.img:/"}, 1,
                 "the same name as that of longfilename.txt");
  EXPECT_EQ(contents("/longfilename.txt"), "long\n");
  // There is no such spelling.
  expect_failure({"mv", "f.img", "/name", "/name."}, 1, "does not keep this spelling");
  EXPECT_EQ(names(), "longfilename.txt\nname\n");
}

INSTANTIATE_TEST_SUITE_P(On, CollisionTest, testing::Values("vfat", "exfat", "ext4"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace lkl::tool_test
