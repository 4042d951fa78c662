// SPDX-License-Identifier: GPL-2.0
//
// cptofs, cpfromfs and fs2tar: the names by which the program does one thing.
#include <unistd.h>

#include <filesystem>
#include <regex>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

class FacesTest : public ToolTest {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    for (const char* name : {"cptofs", "cpfromfs", "fs2tar"})
      std::filesystem::create_symlink(LKL_TOOL_PATH, path(name));
    shell(
        "mkdir -p tree/dir && echo one >tree/one && echo two >tree/dir/two && chmod 640 tree/one"
        " && ln -s one tree/link && touch -d '2001-02-03 UTC' tree/one && echo conf >tree/a.conf");
  }
  std::string debugfs(const std::string& image, const std::string& request) {
    return shell("debugfs -R '" + request + "' " + image + " 2>/dev/null");
  }
  static void ok(const std::vector<std::string>& arguments) {
    const Result result = run(arguments);
    EXPECT_EQ(result.status, 0) << arguments[0] << "\n" << result.err;
    EXPECT_EQ(result.err, "");
    EXPECT_EQ(result.out, "");
  }
  // Two partitions; the second one holds what is in `from`.
  void make_disk(const std::string& from) {
    shell(
        "truncate -s 100M d.img && printf 'label: gpt\\nsize=20M\\nsize=64M\\n' | sfdisk -q d.img");
    make_ext4("p1", "20M");
    make_ext4("p2", "64M", from);
    shell(
        "dd if=p1 of=d.img bs=1M seek=1 conv=notrunc status=none"
        " && dd if=p2 of=d.img bs=1M seek=21 conv=notrunc status=none");
  }
};

TEST_F(FacesTest, IntoAnImage) {
  make_ext4("e.img", "32M");
  ok({"./cptofs", "-i", "e.img", "-t", "ext4", "tree/one", "tree/dir", "tree/link", "/"});
  check_ext4("e.img");
  EXPECT_EQ(debugfs("e.img", "cat /dir/two"), "two\n");
  const std::string one = debugfs("e.img", "stat /one");
  EXPECT_NE(one.find("Mode:  0640"), std::string::npos) << one;
  EXPECT_TRUE(std::regex_search(one, std::regex("User: +0 +Group: +0 "))) << one;
  EXPECT_NE(one.find("mtime: 0x3a7b4a00"), std::string::npos) << one;
  EXPECT_NE(debugfs("e.img", "stat /link").find("dest: \"one\""), std::string::npos);

  // The options' long names, and a path in the image without its slash.
  ok({"./cptofs", "--filesystem-image", "e.img", "--filesystem-type=ext4", "--owner", "12",
      "--group", "34", "--memory", "64", "--selinux", "a_u:b_r:c_t:s0", "tree/one", "dir"});
  const std::string copy = debugfs("e.img", "stat /dir/one");
  EXPECT_TRUE(std::regex_search(copy, std::regex("User: +12 +Group: +34 "))) << copy;
  EXPECT_NE(debugfs("e.img", "ea_get /dir/one security.selinux").find("a_u:b_r:c_t:s0"),
            std::string::npos);
  check_ext4("e.img");
}

TEST_F(FacesTest, OwnersOfOthersBecomeRoots) {
  if (geteuid() != 0) GTEST_SKIP() << "only root has files of others";
  shell("chown 77:88 tree/one && chmod 4755 tree/one");
  make_ext4("e.img", "32M");
  ok({"./cptofs", "-i", "e.img", "tree/one", "/"});
  const std::string one = debugfs("e.img", "stat /one");
  EXPECT_TRUE(std::regex_search(one, std::regex("User: +0 +Group: +0 "))) << one;
  // Who becomes the owner is not given to who runs the program.
  EXPECT_NE(one.find("Mode:  0755"), std::string::npos) << one;
}

TEST_F(FacesTest, OutOfAPartition) {
  make_disk("tree");
  std::filesystem::create_directory("out");
  ok({"./cpfromfs", "-P", "2", "-i", "d.img", "-t", "ext4", "/dir", "/*.conf", "out"});
  EXPECT_EQ(shell("cd out && find . -type f | sort"), "./a.conf\n./dir/two\n");
  ok({"./cpfromfs", "--partition", "2", "-i", "d.img", "/one", "renamed"});
  EXPECT_EQ(shell("cat renamed"), "one\n");
  EXPECT_EQ(shell("stat -c '%a %Y' renamed"), "640 981158400\n");

  const Result none = run({"./cpfromfs", "-P", "2", "-i", "d.img", "/*.nothing", "out"});
  EXPECT_EQ(none.status, 1);
  EXPECT_NE(none.err.find("d.img:2:/*.nothing: No such file"), std::string::npos) << none.err;
}

TEST_F(FacesTest, KernelMessages) {
  make_ext4("e.img", "32M");
  const Result result = run({"./cptofs", "-p", "-i", "e.img", "tree/one", "/"});
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.err.find("EXT4-fs"), std::string::npos) << result.err;
  EXPECT_EQ(result.out, "");
}

TEST_F(FacesTest, Archive) {
  const bool root = geteuid() == 0;
  if (root) shell("setfattr -n security.selinux -v a_u:b_r:c_t:s0 tree/dir/two");
  make_disk("tree");
  ok({"./fs2tar", "-t", "ext4", "-P", "2", "-s", "labels", "d.img", "d.tar.gz"});
  EXPECT_EQ(shell("gzip -dc d.tar.gz | tar -t"),
            "./\n./a.conf\n./dir/\n./dir/two\n./link\n./lost+found/\n./one\n");
  EXPECT_EQ(shell("tar -xOf d.tar.gz ./dir/two"), "two\n");
  if (root) {
    EXPECT_EQ(shell("cat labels"), "/dir/two a_u:b_r:c_t:s0\n");
  }
}

TEST_F(FacesTest, Errors) {
  make_ext4("e.img", "32M");
  EXPECT_EQ(run({"./cptofs", "tree/one", "/"}).status, 2);
  EXPECT_EQ(run({"./cptofs", "-i", "e.img", "tree/one"}).status, 2);
  EXPECT_EQ(run({"./cptofs", "-i", "e.img", "-m", "1", "tree/one", "/"}).status, 2);
  const Result unknown = run({"./cpfromfs", "-i", "e.img", "--nonsense"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_NE(unknown.err.find("'cpfromfs --help'"), std::string::npos) << unknown.err;
  EXPECT_EQ(run({"./fs2tar", "e.img"}).status, 2);
  EXPECT_EQ(run({"./fs2tar", "no.img", "x.tar"}).status, 1);
  EXPECT_FALSE(std::filesystem::exists("x.tar"));
  const Result missing = run({"./cptofs", "-i", "e.img", "tree/none", "tree/one", "/"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_NE(missing.err.find("tree/none: No such file"), std::string::npos) << missing.err;
  EXPECT_EQ(debugfs("e.img", "cat /one"), "one\n");
  const Result type = run({"./cptofs", "-i", "e.img", "-t", "nosuch", "tree/one", "/"});
  EXPECT_EQ(type.status, 1);
  EXPECT_NE(type.err.find("nosuch"), std::string::npos) << type.err;
}

}  // namespace
}  // namespace lkl::tool_test
