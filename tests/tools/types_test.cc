// SPDX-License-Identifier: GPL-2.0
//
// File systems beside ext4 and btrfs: built, changed, killed while they are written to, damaged.
// Their own checkers judge, and the host's kernel where it has the file system.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

using Json = nlohmann::json;

struct Kind {
  const char* type;         // of mkfs
  const char* make;         // behind it the image
  const char* size;         // for truncate(1)
  const char* check;        // behind it the image; none: there is no checker
  bool links = true;        // symbolic and hard ones, modes and owners
  const char* repair = "";  // behind it the image: what has to be done after a crash
  const char* named = "";   // by the command, which says so
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.type;
}

#ifdef LKL_TEST_MAPPED
constexpr Kind kKinds[] = {
    {"xfs", "mkfs.xfs -q -f -L label", "320M", "xfs_repair -n"},
    {"f2fs", "mkfs.f2fs -q -f -l label", "128M", "fsck.f2fs --dry-run"},
    {"ntfs", "mkfs.ntfs -q -F -f -L label", "64M", "ntfsfix -n", true, "ntfsfix -d", "ntfsfix -d"},
    {"jfs", "mkfs.jfs -q -L label", "64M", "jfs_fsck -n -f", true, "jfs_fsck -p", "jfs_fsck"},
    {"nilfs2", "mkfs.nilfs2 -q -L label", "256M", ""},
    {"vfat", "mkfs.vfat -n label", "64M", "fsck.vfat -n", false},
    {"exfat", "mkfs.exfat -L label", "64M", "fsck.exfat -n", false},
};
#else
constexpr Kind kKinds[] = {
    {"vfat", "mkfs.vfat -n label", "64M", "fsck.vfat -n", false},
    {"exfat", "mkfs.exfat -L label", "64M", "fsck.exfat -n", false},
};
#endif

std::string name_of(const testing::TestParamInfo<Kind>& info) {
  return info.param.type;
}

class TypeTest : public ToolTest, public testing::WithParamInterface<Kind> {
 protected:
  void SetUp() override {
    if (!have("mkfs." + type())) GTEST_SKIP() << "needs mkfs." << type();
    ToolTest::SetUp();
  }

  static std::string type() { return GetParam().type; }
  static std::string sum(const std::string& file) { return shell("sha256sum " + file); }

  static void make_image() {
    shell(std::string("truncate -s ") + GetParam().size + " x.img && " + GetParam().make +
          " x.img >/dev/null 2>&1");
  }

  void make_tree() const {
    shell(
        "mkdir -p tree/dir/below tree/empty && echo one >tree/one && for i in $(seq 300); do echo "
        "$i >tree/dir/below/file-with-a-longer-name-$i; done");
    if (GetParam().links) shell("cd tree && ln -s ../one dir/link && ln one dir/hard");
    write_noise("tree/noise", 5'000'000, 1);
  }

  static void check(const std::string& image) {
    if (*GetParam().check == '\0') return;
    const Result result = shell_status(std::string(GetParam().check) + " " + image);
    EXPECT_EQ(result.status, 0) << result.out << result.err;
  }

  // By another kernel than ours, where it can.
  void compare_on_host(const std::string& image, const std::string& tree) const {
    const std::string listed = "\t" + type() + "\n";
    if (geteuid() != 0 || shell("cat /proc/filesystems").find(listed) == std::string::npos) return;
    shell("mkdir -p m && mount -o loop,ro " + image + " m");
    EXPECT_EQ(checksums("m"), checksums(tree));
    shell("umount m");
  }

  static Json described(const std::string& image) {
    return Json::parse(lkl_ok({"info", "--json", image})).at(0).at("partitions").at(0);
  }
};

TEST_P(TypeTest, IsBuiltOfADirectory) {
  make_tree();
  lkl_ok({"build", "-t", type(), "--label", "label", "tree", "x.img"});
  check("x.img");
  const Json whole = described("x.img");
  EXPECT_EQ(whole.at("fstype"), type());
  EXPECT_TRUE(whole.at("clean"));
  std::string label = whole.value("label", "");
  for (char& c : label) c = static_cast<char>(tolower(c));
  EXPECT_EQ(label, "label");
  EXPECT_EQ(whole.value("uuid", ""), shell("blkid -p -s UUID -o value x.img | tr -d '\\n'"));
  lkl_ok({"cp", "-r", "x.img:/.", "out"});
  shell("rm -f out/.nilfs");  // nilfs2's own
  EXPECT_EQ(checksums("out"), checksums("tree"));
  if (GetParam().links) {
    EXPECT_EQ(shell("readlink out/dir/link"), "../one\n");
    EXPECT_EQ(shell("stat -c %h out/one"), "2\n");
  }
  compare_on_host("x.img", "tree");
}

TEST_P(TypeTest, IsChanged) {
  make_tree();
  make_image();
  lkl_ok({"cp", "-r", "tree/.", "x.img:/"});
  check("x.img");
  write_noise("tree/noise", 3'000'000, 2);
  lkl_ok({"cp", "tree/noise", "x.img:/noise"});
  lkl_ok({"rm", "-r", "x.img", "/dir/below"});
  lkl_ok({"mv", "x.img", "/one", "/dir/moved"});
  lkl_ok({"mkdir", "x.img", "/new"});
  lkl_ok({"truncate", "-s", "100000", "x.img", "/dir/moved"});
  shell("rm -r tree/dir/below && mv tree/one tree/dir/moved && truncate -s 100000 tree/dir/moved");
  check("x.img");
  lkl_ok({"cp", "-r", "x.img:/.", "out"});
  shell("rm -f out/.nilfs");  // nilfs2's own
  EXPECT_EQ(checksums("out"), checksums("tree"));
  compare_on_host("x.img", "tree");
  const std::string before = sum("x.img");
  lkl_ok({"ls", "-lR", "x.img"});
  lkl_ok({"df", "x.img"});
  EXPECT_EQ(sum("x.img"), before);
}

// What is read of it is without what was not replayed; what is written to it comes after that.
TEST_P(TypeTest, KilledWhileItIsWritten) {
  make_image();
  write_file("file", "before\n");
  lkl_ok({"cp", "file", "x.img:/first"});
  shell(
      "mkdir many && cd many && for i in $(seq 24); do head -c 1M /dev/zero | tr '\\0' x >$i; "
      "done");
  struct stat status = {};
  ASSERT_EQ(stat("x.img", &status), 0);
  const auto before = status.st_blocks;
  Process process({LKL_TOOL_PATH, "-m", "64M", "cp", "--sparse=never", "-r", "many", "x.img:/"},
                  false);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  constexpr long kWritten = (6 << 20) / 512;
  while (stat("x.img", &status) == 0 && status.st_blocks < before + kWritten && !process.ended() &&
         std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  process.signal(SIGKILL);
  process.finish();

  const std::string killed = sum("x.img");
  const Result read = lkl({"cat", "x.img", "/first"});
  EXPECT_EQ(read.status, 0) << read.err;
  EXPECT_EQ(read.out, "before\n");
  EXPECT_EQ(sum("x.img"), killed);
  write_file("file", "after\n");
  const Result written = lkl({"cp", "file", "x.img:/second"});
  if (*GetParam().repair != '\0') {
    EXPECT_EQ(written.status, 1);
    EXPECT_NE(written.err.find(GetParam().named), std::string::npos) << written.err;
    EXPECT_LE(shell_status(std::string(GetParam().repair) + " x.img").status, 1);
    EXPECT_EQ(lkl({"cp", "file", "x.img:/second"}).status, 0);
  } else {
    EXPECT_EQ(written.status, 0) << written.err;
  }
  EXPECT_EQ(lkl({"cat", "x.img", "/first", "/second"}).out, "before\nafter\n");
  if (GetParam().links) check("x.img");
}

TEST_P(TypeTest, TruncatedAndDamaged) {
  make_tree();
  make_image();
  lkl_ok({"cp", "-r", "tree/.", "x.img:/"});
  shell("cp --sparse=always x.img whole && truncate -s 5M x.img");
  std::string before = sum("x.img");
  const Result truncated = lkl({"ls", "x.img"});
  EXPECT_EQ(truncated.status, 1) << truncated.out;
  EXPECT_EQ(truncated.err.rfind("lkl: x.img: ", 0), 0U) << truncated.err;
  EXPECT_EQ(sum("x.img"), before);
  // Its first sector stays.
  shell("cp --sparse=always whole x.img");
  shell(
      "tr '\\0' 'Z' </dev/zero | dd of=x.img bs=512 seek=9 count=40000 conv=notrunc "
      "iflag=fullblock "
      "status=none");
  before = sum("x.img");
  const Result damaged = lkl({"cat", "x.img", "/noise"});
  EXPECT_NE(damaged.status, 0);
  EXPECT_NE(damaged.err, "");
  EXPECT_LT(damaged.status, 128) << damaged.err;
  EXPECT_EQ(sum("x.img"), before);
}

INSTANTIATE_TEST_SUITE_P(Of, TypeTest, testing::ValuesIn(kKinds), name_of);

class OldTypeTest : public ToolTest {
 protected:
  void SetUp() override {
    ToolTest::SetUp();
    shell("mkdir -p tree/dir && echo content >tree/dir/file && seq 20000 >tree/long");
  }
  static std::string type_of(const std::string& image) {
    return Json::parse(lkl_ok({"info", "--json", image})).at(0).at("partitions").at(0).at("fstype");
  }
  static void expect_tree(const std::string& image) {
    EXPECT_TRUE(lkl_ok({"cat", image, "/dir/file", "/long"}) ==
                shell("cat tree/dir/file tree/long"))
        << image;
  }
};

// No kernel is needed to make it.
TEST_F(OldTypeTest, ErofsIsBuilt) {
  if (!have("mkfs.erofs")) GTEST_SKIP() << "needs erofs-utils";
  lkl_ok(
      {"build", "-t", "erofs", "--mkfs-options", "-zlz4hc", "--owner", "12:34", "tree", "e.img"});
  shell("fsck.erofs e.img");
  EXPECT_NE(shell("dump.erofs --path=/dir/file e.img").find("Uid: 12   Gid: 34"),
            std::string::npos);
  setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
  lkl_ok({"build", "-t", "erofs", "tree", "1.img"});
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  lkl_ok({"build", "-t", "erofs", "tree", "2.img"});
  unsetenv("SOURCE_DATE_EPOCH");
  EXPECT_EQ(shell_status("cmp 1.img 2.img").out, "");
  expect_failure({"build", "-t", "erofs", "tree", "1.img"}, 1, "1.img: exists");
  expect_failure({"build", "-t", "erofs", "--size", "10M", "tree", "3.img"}, 2, "--size");
  expect_failure({"build", "-t", "erofs", "--mkfs-options", "-znosuch", "tree", "3.img"}, 1,
                 "mkfs.erofs failed");
  EXPECT_FALSE(std::filesystem::exists("3.img"));
#ifdef LKL_TEST_MAPPED
  expect_tree("e.img");
  EXPECT_EQ(type_of("e.img"), "erofs");
  expect_failure({"rm", "e.img", "/long"}, 1, "Read-only file system");
#endif
}

#ifdef LKL_TEST_MAPPED

TEST_F(OldTypeTest, XfsIsThereTwice) {
  lkl_ok({"build", "-t", "xfs", "tree", "x.img"});
  shell("cp --sparse=always x.img y.img");
  lkl_ok({"rm", "y.img", "/long"});
  const Result result = lkl({"diff", "x.img:/", "y.img:/"});
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_NE(result.out.find("long"), std::string::npos) << result.out;
}

TEST_F(OldTypeTest, NtfsThatWindowsHasNotUnmounted) {
  lkl_ok({"build", "-t", "ntfs", "tree", "n.img"});
  shell("ntfsfix n.img >/dev/null");  // says in the volume that it is to be checked
  const Json whole = Json::parse(lkl({"info", "--json", "n.img"}).out).at(0).at("partitions").at(0);
  EXPECT_FALSE(whole.at("clean")) << whole;
  EXPECT_EQ(lkl({"cat", "n.img", "/dir/file"}).out, "content\n");
  const Result refused = lkl({"rm", "n.img", "/long"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("ntfsfix -d"), std::string::npos) << refused.err;
  lkl_ok({"rm", "--mount-options", "force", "n.img", "/long"});
}

TEST_F(OldTypeTest, UfsOfBothByteOrders) {
  if (!have("makefs")) GTEST_SKIP() << "needs makefs";
  shell("makefs -t ffs -s 8m -o version=1 u.img tree >/dev/null");
  EXPECT_EQ(type_of("u.img"), "ufs");
  expect_tree("u.img");
  expect_failure({"rm", "u.img", "/long"}, 1, "this kernel only reads file systems of type ufs");
  shell("makefs -B big -t ffs -s 8m -o version=1 big.img tree >/dev/null");
  expect_tree("big.img");
}

// makefs leaves the superblock where UFS1 has it; FreeBSD's is at 64 KiB, which is in the midst of
// the inodes here, and of none of those that are in use.
TEST_F(OldTypeTest, Ufs2) {
  if (!have("makefs")) GTEST_SKIP() << "needs makefs";
  shell(
      "makefs -t ffs -s 32m -o version=2,bsize=16384,fsize=2048,density=2048 u.img tree "
      ">/dev/null");
  shell("dd if=u.img of=u.img bs=2048 skip=4 seek=32 count=1 conv=notrunc status=none");
  EXPECT_EQ(type_of("u.img"), "ufs");
  expect_tree("u.img");
}

TEST_F(OldTypeTest, SmallReadOnlyOnes) {
  if (have("mkfs.cramfs")) {
    shell("mkfs.cramfs tree c.img");
    EXPECT_EQ(type_of("c.img"), "cramfs");
    expect_tree("c.img");
  }
  if (have("genromfs")) {
    shell("genromfs -f r.img -d tree");
    EXPECT_EQ(type_of("r.img"), "romfs");
    expect_tree("r.img");
  }
}

TEST_F(OldTypeTest, Minix) {
  for (const std::string version : {"-1", "-2", "-3"}) {
    shell("rm -f m.img && truncate -s 20M m.img && mkfs.minix " + version + " m.img >/dev/null");
    EXPECT_EQ(type_of("m.img"), "minix");
    lkl_ok({"cp", "-r", "tree/.", "m.img:/"});
    expect_tree("m.img");
    lkl_ok({"rm", "m.img", "/long"});
    shell("fsck.minix -f m.img");
  }
}

// hfsutils read it, too.
TEST_F(OldTypeTest, Hfs) {
  if (!have("hformat")) GTEST_SKIP() << "needs hfsutils";
  shell("truncate -s 20M h.img && HOME=. hformat -l disk h.img >/dev/null");
  EXPECT_EQ(type_of("h.img"), "hfs");
  lkl_ok({"cp", "-r", "tree/.", "h.img:/"});
  expect_tree("h.img");
  EXPECT_EQ(shell("export HOME=.; hmount h.img >/dev/null && hcopy -r :dir:file - && humount"),
            "content\n");
}

// Those on hybrid disks are read-only.
TEST_F(OldTypeTest, HfsPlus) {
  if (!have("xorriso")) GTEST_SKIP() << "needs xorriso";
  shell("xorriso -as mkisofs -quiet -hfsplus -o x.iso tree 2>/dev/null");
  const Json found = Json::parse(lkl_ok({"info", "--json", "x.iso"})).at(0).at("partitions");
  const auto partition = std::find_if(found.begin(), found.end(), [](const Json& part) {
    return part.value("fstype", "") == "hfsplus";
  });
  ASSERT_NE(partition, found.end()) << found;
  expect_tree("x.iso:" + std::to_string(partition - found.begin()));
}

// No directories.
TEST_F(OldTypeTest, Bfs) {
  if (!have("mkfs.bfs")) GTEST_SKIP() << "needs mkfs.bfs";
  shell("truncate -s 1M b.img && mkfs.bfs b.img");
  EXPECT_EQ(type_of("b.img"), "bfs");
  lkl_ok({"cp", "tree/long", "tree/dir/file", "b.img:/"});
  EXPECT_TRUE(lkl_ok({"cat", "b.img", "/long", "/file"}) == shell("cat tree/long tree/dir/file"));
  lkl_ok({"rm", "b.img", "/long"});
  EXPECT_EQ(lkl_ok({"ls", "b.img"}), "file\n");
}

// Made by make_old_image.py as their drivers have it.
TEST_F(OldTypeTest, WhatNothingMakes) {
  for (const std::string type : {"efs", "qnx4", "qnx6", "sysv"}) {
    shell("python3 " LKL_MAKE_OLD_IMAGE " " + type + " o.img tree");
    EXPECT_EQ(type_of("o.img"), type);
    expect_tree("o.img");
  }
  // the last is written to, without /long: to free many blocks at once makes that driver complain
  lkl_ok({"rm", "-r", "o.img", "/dir"});
  lkl_ok({"mkdir", "o.img", "/new"});
  lkl_ok({"cp", "tree/dir/file", "o.img:/new/file"});
  EXPECT_EQ(lkl_ok({"ls", "o.img"}), "long\nnew\n");
  EXPECT_EQ(lkl_ok({"cat", "o.img", "/new/file"}), "content\n");
}

TEST_F(OldTypeTest, Omfs) {
  shell("python3 " LKL_MAKE_OLD_IMAGE " omfs o.img");
  EXPECT_EQ(type_of("o.img"), "omfs");
  lkl_ok({"cp", "-r", "tree/.", "o.img:/"});
  expect_tree("o.img");
  lkl_ok({"rm", "o.img", "/long"});
  EXPECT_EQ(lkl_ok({"ls", "o.img"}), "dir\n");
}

// unadf reads it, too.
TEST_F(OldTypeTest, Affs) {
  shell("python3 " LKL_MAKE_OLD_IMAGE " affs a.img");
  EXPECT_EQ(type_of("a.img"), "affs");
  lkl_ok({"cp", "-r", "tree/.", "a.img:/"});
  expect_tree("a.img");
  if (!have("unadf")) GTEST_SKIP() << "needs unadf";
  shell("mkdir out && unadf a.img -d out >/dev/null 2>&1 && diff -r tree out");
  lkl_ok({"rm", "a.img", "/long"});
  EXPECT_EQ(lkl_ok({"ls", "a.img"}), "dir\n");
  EXPECT_EQ(shell("unadf -l a.img 2>/dev/null").find("long"), std::string::npos);
}

#else

TEST_F(OldTypeTest, AKernelWithoutItNamesTheProfileThatHasIt) {
  if (!have("mkfs.xfs")) GTEST_SKIP() << "needs xfsprogs";
  shell("truncate -s 320M x.img && mkfs.xfs -q x.img");
  expect_failure({"ls", "x.img"}, 1, "the library's profile 'default' has it");
  expect_failure({"build", "-t", "xfs", "tree", "y.img"}, 1, "profile 'default' has it");
  EXPECT_FALSE(std::filesystem::exists("y.img"));
}

#endif

}  // namespace
}  // namespace lkl::tool_test
