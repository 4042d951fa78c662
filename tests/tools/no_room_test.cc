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
  expect_words(said, ": the file system allows no more links to the file");
  expect_words(error_of({"ln", "b.img", "/f", "/" + std::string(200, 'o')}),
               ": the file system allows no more links to the file");
}

// Counts of links near the limit are written to the image, since to make so many takes a while; the
// slow test of the mount does.
TEST_F(NoRoomTest, OfLinksOfExt4) {
  const std::string kSaid =
      ": the file system allows 65000 links to a file, and as many directories";
  shell(
      "mkdir -p tree/full tree/more/full/new && cd tree/full && seq 200 | xargs mkdir && echo x "
      ">../f");
  shell(
      "mke2fs -q -F -t ext4 -b 1024 -O ^dir_nlink -d tree e.img 16M && tar -C tree/more -cf t.tar "
      "full");
  const auto set_links = [](const std::string& file, int links) {
    shell("debugfs -w -R 'set_inode_field " + file + " links_count " + std::to_string(links) +
          "' e.img 2>/dev/null");
  };
  // An index, which mke2fs does not make: without one directories are counted in any case.
  shell("e2fsck -fyD e.img; true");
  check_ext4("e.img");
  set_links("/f", 64999);
  set_links("/full", 64999);
  lkl_ok({"ln", "e.img", "/f", "/f2"});
  lkl_ok({"mkdir", "e.img", "/full/last", "/other"});
  expect_words(error_of({"ln", "e.img", "/f", "/f3"}), kSaid);
  for (const auto& command : {std::vector<std::string>{"mkdir", "e.img", "/full/d"},
                              {"mv", "e.img", "/other", "/full/d"},
                              {"cp", "-q", "-r", "tree/more/full", "e.img:/"},
                              {"tar", "in", "-q", "e.img", "-f", "t.tar"}})
    expect_words(error_of(command), kSaid);
  // What is said to help does.
  shell("tune2fs -O dir_nlink e.img");
  lkl_ok({"mv", "e.img", "/other", "/full/d"});
  lkl_ok({"cp", "-q", "-r", "tree/more/full", "e.img:/"});
  expect_words(error_of({"ln", "e.img", "/f", "/f3"}), kSaid);
  set_links("/f", 2);
  set_links("/full", 205);
  check_ext4("e.img");
}

// btrfs has room for data that names and small files cannot have.
TEST_F(NoRoomTest, OfNamesOfBtrfs) {
  const std::string kSaid = ": the file system is full: no room for names and small files, ";
  shell(
      "mkdir small && cd small && head -c 6M /dev/urandom | split -a 4 -b 2000 - && cd .. &&"
      " head -c 80M /dev/urandom >big");
  // How much it gives to data before it has to is up to when it writes them: all, at times, and
  // then there is no room for the first name.
  std::string said;
  for (int attempt = 0; attempt < 5 && said.find("b.img:/to/x") == said.npos; attempt++) {
    shell("rm -f b.img && truncate -s 140M b.img && mkfs.btrfs -q -m single b.img >/dev/null");
    lkl_ok({"cp", "-q", "big", "b.img:/"});
    lkl_ok({"truncate", "-s", "10M", "b.img", "/big"});
    said = error_of({"cp", "-q", "-r", "small", "b.img:/to"});
    expect_words(said, kSaid);
  }
  EXPECT_EQ(said.find("b.img:/to/x"), 5u) << said.substr(0, 1000);
  expect_words(error_of({"mkdir", "b.img", "/d"}), kSaid);
  expect_words(error_of({"write", "b.img", "/f", "--text", std::string(1000, 'x')}), kSaid);
  check_btrfs("b.img");
  // What was said to be there is.
  lkl_ok({"cp", "-q", "-r", "b.img:/to", "back"});
  const std::string there = shell("ls back");
  EXPECT_GT(there.size(), 5u * 100);
  EXPECT_EQ(shell("cd back && for f in *; do cmp $f ../small/$f; done"), "");
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
