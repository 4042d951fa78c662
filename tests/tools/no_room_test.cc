// SPDX-License-Identifier: GPL-2.0
//
// "No space left on device" is said of many things that a file system can run out of.
#include <unistd.h>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

class NoRoomTest : public ToolTest {
 protected:
  // Runs lkl, which must fail; what it says.
  static std::string error_of(const std::vector<std::string>& arguments) {
    const Result result = lkl(arguments);
    EXPECT_EQ(result.status, 1) << result.err;
    return result.err;
  }
  static void expect_words(const std::string& text, const std::string& words) {
    EXPECT_NE(text.find(words), std::string::npos) << text.substr(0, 1000);
  }
};

TEST_F(NoRoomTest, OfBytes) {
  shell("mkdir tree");
  for (int i = 0; i < 1500; i++) write_file("tree/f" + std::to_string(i), std::string(4096, 'x'));
  shell("tar -cf tree.tar tree");
  for (const auto& command : {std::vector<std::string>{"cp", "-q", "-r", "tree", "e.img:/"},
                              {"tar", "in", "-q", "e.img", "-f", "tree.tar"}}) {
    shell("rm -f e.img && mke2fs -q -F -t ext4 -N 4000 e.img 6M");
    const std::string said = error_of(command);
    expect_words(said, "e.img:/tree/f");
    expect_words(said, ": the file system is full (");
    expect_words(said, "of 4.");
    check_ext4("e.img");
  }
  expect_words(error_of({"write", "e.img", "/more", "--text", std::string(100'000, 'x')}),
               "e.img:/more: the file system is full (");
}

TEST_F(NoRoomTest, OfBytesForOneFile) {
  write_noise("big", 20'000'000, 1);
  make_ext4("e.img", "8M");
  const std::string said = error_of({"cp", "-q", "big", "e.img:/"});
  expect_words(said, "e.img:/big: does not fit into the file system (");
  EXPECT_EQ(said.find("full"), std::string::npos) << said;
}

TEST_F(NoRoomTest, OfInodes) {
  shell("mkdir tree && cd tree && seq -f f%g 1 100 | xargs touch && cd .. && tar -cf t.tar tree");
  shell("mke2fs -q -F -t ext4 -N 64 e.img 8M");
  expect_words(error_of({"tar", "in", "-q", "e.img", "-f", "t.tar"}), "has no inode left (");
  for (const auto& command : {std::vector<std::string>{"cp", "-q", "-r", "tree", "e.img:/again"},
                              {"mkdir", "e.img", "/d"},
                              {"write", "e.img", "/f", "--text", "x"},
                              {"ln", "-s", "e.img", "x", "/l"}})
    expect_words(error_of(command), "has no inode left (");
}

// Blocks of 1 KiB, of which few make an index, and names of which few make a block.
TEST_F(NoRoomTest, OfTheIndexOfADirectory) {
  const std::string long_name(240, 'n');
  shell("mkdir tree && cd tree && seq -f '" + long_name + "%06g' 1 23000 | xargs touch");
  shell("mke2fs -q -F -t ext4 -b 1024 -N 40000 e.img 100M");
  const std::string said = error_of({"cp", "-q", "-r", "tree", "e.img:/"});
  expect_words(said, ": the directory's index is full (");
  EXPECT_EQ(said.find("file system is full"), std::string::npos);
  // What is said to help does.
  const std::size_t at = said.find(long_name);
  ASSERT_NE(at, std::string::npos);
  const std::string name = said.substr(at, long_name.size() + 6);
  expect_words(error_of({"cp", "-q", "tree/" + name, "e.img:/tree/"}), "index is full (");
  expect_words(error_of({"mkdir", "e.img", "/tree/" + name}), "index is full (");
  shell("tune2fs -O large_dir e.img");
  lkl_ok({"cp", "-q", "tree/" + name, "e.img:/tree/"});
  check_ext4("e.img");
}

TEST_F(NoRoomTest, OfNamesInTheRootOfFat) {
  shell("mkdir tree && cd tree && seq -f 'a-name-of-some-length-%g' 1 400 | xargs touch");
  shell("mkfs.vfat -F 16 -C v.img 20000");
  const std::string said = error_of({"cp", "-q", "-r", "tree/.", "v.img:/"});
  expect_words(said, ": the directory can hold no more names (");
}

TEST_F(NoRoomTest, OfLinks) {
  if (shell_status("truncate -s 256M b.img && mkfs.btrfs -q -O ^extref b.img").status != 0)
    GTEST_SKIP() << "this mkfs.btrfs makes no file systems without extref";
  const std::string long_name(240, 'n');
  write_file("f", "x");
  shell("for i in $(seq 100); do ln f " + long_name + "$i; done && tar -cf t.tar f " + long_name +
        "*");
  const std::string said = error_of({"tar", "in", "-q", "b.img", "-f", "t.tar"});
  expect_words(said, ": the file system allows no more links to it");
  expect_words(error_of({"ln", "b.img", "/f", "/" + std::string(200, 'o')}),
               ": the file system allows no more links to it");
}

TEST_F(NoRoomTest, OfAQuota) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to set quotas";
  make_btrfs("b.img");
  shell("mkdir host");
  if (shell_status("mount -o loop b.img host").status != 0)
    GTEST_SKIP() << "this host does not mount btrfs from files";
  const Result set = shell_status(
      "btrfs quota enable host && btrfs subvolume create host/sub &&"
      " btrfs qgroup limit 4M host/sub; status=$?; umount host; exit $status");
  ASSERT_EQ(set.status, 0) << set.err;
  write_noise("big", 10'000'000, 1);
  expect_words(error_of({"cp", "-q", "big", "b.img:/sub/"}),
               "b.img:/sub/big: a quota of the file system is used up");
}

TEST_F(NoRoomTest, OfAttributes) {
  write_file("f", "x");
  if (shell_status("setfattr -n user.large -v $(head -c 3000 /dev/zero | tr '\\0' v) f").status !=
      0)
    GTEST_SKIP() << "the host keeps no such attributes";
  shell("mke2fs -q -F -t ext4 -b 1024 e.img 8M");
  expect_words(error_of({"cp", "-q", "f", "e.img:/"}),
               "attribute user.large not kept: the file system has no room for its 3000 bytes at "
               "this file; larger ones fit after tune2fs -O ea_inode");
  shell("tune2fs -O ea_inode e.img");
  lkl_ok({"cp", "-q", "f", "e.img:/"});
  check_ext4("e.img");
}

}  // namespace
}  // namespace lkl::tool_test
