// SPDX-License-Identifier: GPL-2.0
//
// lkl build. The file systems' own checkers and debugfs judge the images, cmp what is reproducible.
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

class BuildTest : public ToolTest {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    unsetenv("SOURCE_DATE_EPOCH");
  }

  void make_tree(const std::string& name) {
    shell(
        "mkdir -p " + name + "/dir/below " + name + "/empty && cd " + name +
        " && echo one >one && ln one dir/hard && ln -s ../one dir/link && mkfifo fifo"
        " && chmod 4711 one && truncate -s 8M sparse && echo x >>sparse && setfattr -n user.a -v b "
        "one && for i in $(seq 700); do echo $i >dir/below/file-with-a-longer-name-$i; done"
        " && touch -d '2001-02-03 UTC' one && touch -d '2030-01-01 UTC' dir && chmod 750 .");
    write_noise(name + "/noise", 5'000'000, 1);
  }
  std::string debugfs(const std::string& image, const std::string& request) {
    return shell("debugfs -R '" + request + "' " + image + " 2>/dev/null");
  }
};

TEST_F(BuildTest, Ext4) {
  make_tree("tree");
  lkl_ok({"build", "tree", "e.img", "--label", "hello", "--uuid",
          "01234567-89ab-cdef-0123-456789abcdef"});
  check_ext4("e.img");
  shell("mkdir dump && debugfs -R 'rdump / dump' e.img 2>/dev/null && rmdir dump/lost+found");
  EXPECT_EQ(checksums("dump"), checksums("tree"));
  const std::string one = debugfs("e.img", "stat /one");
  EXPECT_NE(one.find("Mode:  04711"), std::string::npos) << one;
  EXPECT_NE(one.find("Links: 2"), std::string::npos) << one;
  EXPECT_NE(one.find("mtime: 0x3a7b4a00"), std::string::npos) << one;
  EXPECT_NE(debugfs("e.img", "stat /").find("Mode:  0750"), std::string::npos);
  const std::string super = shell("dumpe2fs -h e.img 2>/dev/null");
  EXPECT_NE(super.find("volume name:   hello"), std::string::npos) << super;
  EXPECT_NE(super.find("01234567-89ab-cdef-0123-456789abcdef"), std::string::npos) << super;
  EXPECT_NE(super.find("has_journal"), std::string::npos) << super;
  // Holes stay holes, and the image is not much larger than its contents.
  EXPECT_LE(std::filesystem::file_size("e.img"), 40U << 20);
}

TEST_F(BuildTest, Owner) {
  make_tree("tree");
  lkl_ok({"build", "--owner", "12:34", "tree", "e.img"});
  for (const char* file : {"/", "/one", "/dir/link", "/dir/below"}) {
    const std::string stat = debugfs("e.img", "stat " + std::string(file));
    EXPECT_NE(stat.find("User:    12   Group:    34"), std::string::npos) << stat;
  }
  EXPECT_NE(debugfs("e.img", "stat /one").find("Mode:  04711"), std::string::npos);
  check_ext4("e.img");
  EXPECT_EQ(lkl({"build", "--owner", "me", "tree", "x.img"}).status, 2);
  EXPECT_FALSE(std::filesystem::exists("x.img"));
}

class SizeTest : public BuildTest, public testing::WithParamInterface<const char*> {};

TEST_P(SizeTest, Fits) {
  const std::string type = GetParam();
  if (!have("mkfs." + type)) GTEST_SKIP() << "there is no mkfs." << type;
  shell("mkdir empty many big && cd many && for i in $(seq 12000); do echo $i >$i; done");
  for (int i = 0; i < 4; i++) write_noise("big/" + std::to_string(i), 60'000'000, 1U + i);
  for (const std::string tree : {"empty", "many", "big"}) {
    const std::string image = tree + ".img";
    lkl_ok({"build", "-t", type, tree, image});
    if (type == "btrfs") {
      check_btrfs(image);
    } else if (type == "vfat") {
      shell("fsck.vfat -n " + image);
    } else {
      check_ext4(image);
    }
    if (tree == "big") {
      EXPECT_LE(std::filesystem::file_size(image), 600U << 20);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Of, SizeTest, testing::Values("ext4", "ext2", "vfat", "btrfs"),
                         [](const auto& info) { return std::string(info.param); });

// What mke2fs takes for a small file system has no room for these.
TEST_F(BuildTest, LongNamesLinksAndAttributes) {
  shell(
      "mkdir -p tree/names && cd tree/names && seq -f \"%05g$(printf 'n%.0s' $(seq 240))\" 4000 | "
      "xargs touch && cd .. && ln -s $(printf 'x%.0s' $(seq 2000)) link && echo x >file");
  const bool attributes =
      shell_status("setfattr -n user.big -v $(printf 'v%.0s' $(seq 3000)) tree/file").status == 0;
  for (const char* type : {"ext4", "ext2"}) {
    lkl_ok({"build", "-t", type, "tree", "e.img", "--force"});
    EXPECT_NE(shell("dumpe2fs -h e.img 2>/dev/null").find("Block size:               4096"),
              std::string::npos);
    EXPECT_EQ(debugfs("e.img", "stat /link").find("Size: 2000") != std::string::npos, true);
    if (attributes) {
      EXPECT_NE(debugfs("e.img", "ea_get /file user.big").find("vvv"), std::string::npos);
    }
    check_ext4("e.img");
  }
  // As it is wanted otherwise.
  shell("rm -r tree/names tree/link && setfattr -x user.big tree/file; true");
  lkl_ok({"build", "tree", "e.img", "--force", "--mkfs-options", "-b 1024"});
  EXPECT_NE(shell("dumpe2fs -h e.img 2>/dev/null").find("Block size:               1024"),
            std::string::npos);
  // A size that is given says nothing of how many files there are.
  shell("mkdir many && cd many && seq 5000 | xargs touch");
  lkl_ok({"build", "--size", "24M", "many", "e.img", "--force"});
  check_ext4("e.img");
}

TEST_F(BuildTest, FromFileSystemsThatCompress) {
  if (geteuid() != 0 || !have("mkfs.erofs")) GTEST_SKIP() << "needs root and mkfs.erofs";
  shell(
      "mkdir tree m && for i in 1 2; do yes \"line $i of a text that can be compressed\" | head -c "
      "60M >tree/$i; done && truncate -s 1G tree/hole");
  if (shell_status("mkfs.erofs -zlz4 e.img tree && mount -o loop,ro e.img m").status != 0)
    GTEST_SKIP() << "no lz4 in mkfs.erofs, or no mounting here";
  std::vector<Result> results;
  for (const char* type : {"ext4", "btrfs"})
    results.push_back(lkl({"build", "-q", "-t", type, "m", std::string(type) + ".img"}));
  shell("umount m");
  for (const Result& result : results) EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(BuildTest, BtrfsThatStoresTwice) {
  shell("mkdir tree");
  write_noise("tree/noise", 120'000'000, 1);
  for (const char* options : {"-d dup -m dup", "--data=dup", "-ddup"}) {
    lkl_ok({"build", "-t", "btrfs", "--force", "--mkfs-options", options, "tree", "b.img"});
    check_btrfs("b.img");
  }
}

TEST_F(BuildTest, Btrfs) {
  make_tree("tree");
  shell("rm tree/fifo tree/dir/link");
  lkl_ok({"build", "-t", "btrfs", "--label", "b", "tree", "b.img"});
  check_btrfs("b.img");
  EXPECT_NE(shell("btrfs filesystem show b.img").find("Label: 'b'"), std::string::npos);
  shell("mkdir out && btrfs restore b.img out 2>/dev/null >/dev/null");
  EXPECT_EQ(checksums("out"), checksums("tree"));
}

TEST_F(BuildTest, Vfat) {
  if (!have("mkfs.vfat")) GTEST_SKIP() << "needs dosfstools";
  make_tree("tree");
  shell("rm tree/fifo tree/dir/link");
  lkl_ok({"build", "-t", "vfat", "--label", "STICK", "--uuid", "1234abcd", "tree", "v.img"});
  shell("fsck.vfat -n v.img");
  EXPECT_EQ(shell("blkid -p -s UUID -s LABEL -o value v.img | sort"), "1234-ABCD\nSTICK\n");
}

TEST_F(BuildTest, Reproducible) {
  make_tree("1");
  // Of one block of 1 KiB, but not of one of 4.
  const bool attributes =
      shell_status("setfattr -n user.large -v $(printf 'v%.0s' $(seq 3000)) 1/noise").status == 0;
  lkl_ok({"build", "--reproducible", "1", "zero.img"});
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  // Another order in the directory, other times of access.
  shell(
      "cp -a 1 2 && cd 2 && mv dir/below x && mkdir dir/below && ls -r x | while read f; do"
      " mv x/$f dir/below; done && rmdir x && touch -r ../1/dir/below dir/below && touch -r "
      "../1/dir "
      "dir && touch -r ../1 . && cat one noise >/dev/null && touch -a one");
  setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
  for (const char* type : {"ext4", "ext3", "ext2"}) {
    lkl_ok({"build", "-t", type, "1", "1.img", "--force"});
    lkl_ok({"build", "-t", type, "2", "2.img", "--force"});
    EXPECT_EQ(shell_status("cmp 1.img 2.img").out, "") << type;
    check_ext4("1.img");
    const std::string features = shell("dumpe2fs -h 1.img 2>/dev/null | grep features");
    EXPECT_EQ(features.find("metadata_csum") != std::string::npos, std::string(type) == "ext4");
    const std::string dir = debugfs("1.img", "stat /dir");
    EXPECT_NE(dir.find("mtime: 0x6553f100"), std::string::npos) << dir;
    EXPECT_NE(debugfs("1.img", "stat /one").find("mtime: 0x3a7b4a00"), std::string::npos);
    shell(
        "rm -rf dump && mkdir dump && debugfs -R 'rdump / dump' 1.img 2>/dev/null"
        " && rmdir dump/lost+found");
    EXPECT_EQ(checksums("dump"), checksums("1"));
  }
  // Features that have metadata of their own.
  for (const char* more : {"-b 4096 -O ^has_journal,metadata_csum_seed,sparse_super2 -m 0",
                           "-b 1024 -O meta_bg,^resize_inode,ea_inode", "-O inline_data",
                           "-O orphan_file", "-O ^extents,^64bit,^metadata_csum,uninit_bg"}) {
    lkl_ok({"build", "1", "1.img", "--force", "--mkfs-options", more});
    lkl_ok({"build", "2", "2.img", "--force", "--mkfs-options", more});
    EXPECT_EQ(shell_status("cmp 1.img 2.img").out, "") << more;
    check_ext4("1.img");
    if (std::string_view(more).ends_with("ea_inode") && attributes) {
      EXPECT_NE(debugfs("1.img", "ea_get /noise user.large").find("vvv"), std::string::npos);
    }
  }

  // Where the bytes are not the same, the contents are.
  lkl_ok({"build", "-t", "btrfs", "1", "1.img", "--force"});
  lkl_ok({"build", "-t", "btrfs", "2", "2.img", "--force"});
  lkl_ok({"tar", "out", "1.img", "-f", "1.tar"});
  lkl_ok({"tar", "out", "2.img", "-f", "2.tar"});
  EXPECT_EQ(shell_status("cmp 1.tar 2.tar").out, "");
  // Without a time all is from 1970: what mkfs made, too.
  unsetenv("SOURCE_DATE_EPOCH");
  lkl_ok({"build", "--reproducible", "2", "2.img", "--force"});
  EXPECT_EQ(shell_status("cmp zero.img 2.img").out, "");
  check_ext4("2.img");
  for (const char* file : {"/one", "/lost+found", "<8>"})
    EXPECT_NE(debugfs("2.img", "stat " + std::string(file)).find("mtime: 0x00000000"),
              std::string::npos)
        << file;
  for (const char* time : {"Filesystem created: ", "Last write time: ", "Last checked: "})
    EXPECT_NE(shell("TZ=UTC dumpe2fs -h 2.img 2>/dev/null | grep '" + std::string(time) + "'")
                  .find("Jan  1 00:00:01 1970"),
              std::string::npos)
        << time;
}

// What would remove the image is a process that closes descriptors: none of its own has the number
// of one that it still looks at.
TEST_F(BuildTest, WhateverDescriptorsAreInherited) {
  shell("mkdir tree && echo 1 >tree/1");
  std::string opened;
  for (int fd = 3; fd < 9; fd++) {
    const Result built =
        shell_status("exec" + opened +
                     "; timeout 60 '" LKL_TOOL_PATH "' build --reproducible --force tree x.img");
    EXPECT_EQ(built.status, 0) << "with" << opened << ": " << built.err;
    opened += " " + std::to_string(fd) + "</dev/null";
  }
}

TEST_F(BuildTest, Errors) {
  make_tree("tree");
  write_file("there.img", "precious");
  const Result exists = lkl({"build", "tree", "there.img"});
  EXPECT_EQ(exists.status, 1);
  EXPECT_NE(exists.err.find("there.img: exists; remove it, or replace it with --force"),
            std::string::npos)
      << exists.err;
  EXPECT_EQ(shell("cat there.img"), "precious");

  const auto fails = [&](std::vector<std::string> arguments, const char* message, int status) {
    arguments.insert(arguments.begin(), "build");
    const Result result = lkl(arguments);
    EXPECT_EQ(result.status, status) << message;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
    EXPECT_FALSE(std::filesystem::exists("x.img")) << message;
  };
  fails({"tree", "x.img", "-t", "nosuch"}, "mkfs.nosuch: no such program", 1);
  fails({"tree", "x.img", "--size", "2M"}, "x.img: not made, because of the errors above", 1);
  fails({"tree", "x.img", "--mkfs-options", "--nonsense"}, "mkfs.ext4 failed with status 1", 1);
  fails({"tree", "x.img", "--mkfs-options", "'"}, "is not closed", 2);
  fails({"tree", "x.img", "-t", "minix", "--label", "x"}, "--label: not known for minix", 2);
  fails({"nowhere", "x.img"}, "nowhere: No such file", 1);
  fails({"tree", "tree/x.img"}, "is in the directory it is made of", 1);
  fails({"tree", "x.img", "--size", "1K"}, "too small", 2);
  fails({"tree"}, "needs a directory and the image", 2);
  fails({"tree", "nowhere/x.img"}, "nowhere/x.img: cannot make it: No such file", 1);
  shell("mkdir lib && echo >lib/libext2fs.so.2");
  setenv("LD_LIBRARY_PATH", "lib", 1);
  fails({"tree", "x.img", "--reproducible"}, "libext2fs, which reproducible images need, cannot be",
        1);
  unsetenv("LD_LIBRARY_PATH");
  setenv("SOURCE_DATE_EPOCH", "yesterday", 1);
  fails({"tree", "x.img"}, "SOURCE_DATE_EPOCH: 'yesterday'", 2);
}

TEST_F(BuildTest, MissingMkfsNamesThePackage) {
  shell("mkdir tree");
  if (have("mkfs.f2fs") || have("mkfs.jfs")) GTEST_SKIP() << "both are installed";
  const Result result = lkl({"build", "-t", "f2fs", "tree", "x.img"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("mkfs.f2fs: no such program; it is in the Debian package f2fs-tools"),
            std::string::npos)
      << result.err;
  EXPECT_FALSE(std::filesystem::exists("x.img"));
}

TEST_F(BuildTest, InterruptedImageIsRemoved) {
  shell("mkdir tree && mkfifo tree/never && mkdir tree/a");
  // Enough to be in the middle of.
  for (int i = 0; i < 4; i++) write_noise("tree/a/" + std::to_string(i), 100'000'000, 1U + i);
  Process process({LKL_TOOL_PATH, "build", "tree", "x.img"}, false);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  const auto started = [] {
    std::error_code ec;
    return std::filesystem::file_size("x.img", ec) > 0 && !ec;
  };
  while (!started() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  process.signal(SIGINT);
  const Result result = process.finish();
  EXPECT_EQ(result.status, 128 + SIGINT) << result.err;
  EXPECT_FALSE(std::filesystem::exists("x.img"));
}

}  // namespace
}  // namespace lkl::tool_test
