// SPDX-License-Identifier: GPL-2.0
//
// Names that are one although they are spelled in several ways; names that come and go behind the
// host's back.
#include <dirent.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <string>

#include "fuse/files.h"
#include "fuse/fuse_test.h"

namespace lkl_fuse_test {

namespace {

bool there(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

std::set<std::string> list(const std::string& path) {
  std::set<std::string> names;
  DIR* const directory = opendir(path.c_str());
  if (!directory) return {"error " + std::to_string(errno)};
  while (const dirent* entry = readdir(directory))
    if (entry->d_name[0] != '.') names.insert(entry->d_name);
  closedir(directory);
  return names;
}

class FoldingTest : public FuseTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    FuseTest::SetUp();
    if (IsSkipped()) return;
    const std::string make = GetParam() == std::string("casefold")
                                 ? "mkfs.ext4 -q -O casefold -E encoding=utf8 image"
                                 : "mkfs." + std::string(GetParam()) + " image >/dev/null";
    if (!have(make.substr(0, make.find(' '))))
      GTEST_SKIP() << make.substr(0, make.find(' ')) << " is missing";
    shell("truncate -s 64M image && " + make);
    ASSERT_EQ(mount("image"), "");
    shell("mkdir m/d");
    if (GetParam() == std::string("casefold")) shell("chattr +F m/d");
  }
  void TearDown() override {
    if (mounted()) umount();
    FuseTest::TearDown();
  }
  void remount() {
    umount();
    ASSERT_EQ(mount("image"), "");
  }
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, FoldingTest, ::testing::Values("vfat", "exfat", "casefold"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(FoldingTest, WhatIsMadeIsThereInEverySpelling) {
  EXPECT_FALSE(there("m/d/FOO"));
  EXPECT_FALSE(there("m/d/DIR/x"));
  put("m/d/foo", "x");
  mkdir("m/d/dir", 0755);
  put("m/d/dir/x", "y");
  for (const char* name : {"m/d/FOO", "m/d/Foo", "m/d/foo"}) EXPECT_EQ(get(name), "x") << name;
  EXPECT_EQ(get("m/d/DIR/X"), "y");
  EXPECT_EQ(status_of("m/d/FOO").st_ino, status_of("m/d/foo").st_ino);
  EXPECT_EQ(open("m/d/fOO", O_CREAT | O_EXCL | O_WRONLY, 0644), -1);
  EXPECT_EQ(errno, EEXIST);
  EXPECT_EQ(mkdir("m/d/Dir", 0755), -1);
  EXPECT_EQ(errno, EEXIST);
}

TEST_P(FoldingTest, WhatIsRemovedIsGoneInEverySpelling) {
  put("m/d/README", "old");
  EXPECT_EQ(get("m/d/readme"), "old");
  EXPECT_EQ(list("m/d").size(), 1u);  // which tells the host of it, too
  EXPECT_EQ(unlink("m/d/README"), 0);
  EXPECT_FALSE(there("m/d/readme"));
  put("m/d/readme", "important");
  EXPECT_EQ(get("m/d/ReadMe"), "important");
  remount();
  EXPECT_EQ(get("m/d/README"), "important");
}

TEST_P(FoldingTest, RenamesAreSeenInEverySpelling) {
  put("m/d/one", "1");
  EXPECT_TRUE(there("m/d/ONE"));
  EXPECT_FALSE(there("m/d/TWO"));
  EXPECT_EQ(rename("m/d/one", "m/d/two"), 0);
  EXPECT_FALSE(there("m/d/ONE"));
  EXPECT_EQ(get("m/d/TWO"), "1");
  put("m/d/three", "3");
  EXPECT_EQ(get("m/d/Three"), "3");
  EXPECT_EQ(rename("m/d/Two", "m/d/THREE"), 0);
  EXPECT_EQ(get("m/d/three"), "1");
  EXPECT_EQ(list("m/d").size(), 1u);
  remount();
  EXPECT_EQ(get("m/d/Three"), "1");
}

// One file has one cache, whatever it is opened as.
TEST_P(FoldingTest, WritersOfTwoSpellingsMeet) {
  const int one = make("m/d/file", "0123456789");
  const int two = open("m/d/FILE", O_RDWR);
  EXPECT_EQ(pwrite(one, "abc", 3, 0), 3);
  EXPECT_EQ(pwrite(two, "xyz", 3, 7), 3);
  EXPECT_EQ(get("m/d/File"), "abc3456xyz");
  close(one);
  close(two);
  remount();
  EXPECT_EQ(get("m/d/File"), "abc3456xyz");
}

TEST_P(FoldingTest, OtherNamesOfFat) {
  if (GetParam() != std::string("vfat")) GTEST_SKIP() << "vfat alone has these";
  EXPECT_FALSE(there("m/d/name."));
  put("m/d/name", "dot");
  EXPECT_EQ(get("m/d/name."), "dot");
  put("m/d/a long name.text", "long");
  EXPECT_EQ(get("m/d/ALONGN~1.TEX"), "long");
  EXPECT_EQ(unlink("m/d/a long name.text"), 0);
  EXPECT_FALSE(there("m/d/ALONGN~1.TEX"));
}

// More than are kept open, where nothing that is closed could be opened again.
TEST_P(FoldingTest, MoreFilesThanAreKeptOpen) {
  umount();
  ASSERT_EQ(mount("image", "mb=32"), "");
  constexpr int kFiles = 3000;
  const int held = make("m/d/held", "held");
  for (int i = 0; i < kFiles; ++i) put(("m/d/f" + std::to_string(i)).c_str(), std::to_string(i));
  EXPECT_EQ(list("m/d").size(), static_cast<size_t>(kFiles) + 1);
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < kFiles; i += 3)
      ASSERT_EQ(get(("m/d/f" + std::to_string(i)).c_str()), std::to_string(i));
  EXPECT_EQ(pwrite(held, "h", 1, 4), 1);
  close(held);
  EXPECT_EQ(get("m/d/HELD"), "heldh");
}

// btrfs makes and removes subvolumes by ioctl(2) of the directory.
TEST_F(FuseTest, NamesThatTheHostDoesNotMake) {
  make_btrfs("image");
  ASSERT_EQ(mount("image"), "");
  mkdir("m/d", 0755);
  EXPECT_FALSE(there("m/d/sub"));
  EXPECT_TRUE(list("m/d").empty());
  EXPECT_TRUE(list("m/d").empty());
  const int fd = open("m/d", O_RDONLY | O_DIRECTORY);
  btrfs_ioctl_vol_args arguments = {};
  std::strcpy(arguments.name, "sub");
  ASSERT_EQ(ioctl(fd, BTRFS_IOC_SUBVOL_CREATE, &arguments), 0) << strerror(errno);
  EXPECT_TRUE(there("m/d/sub"));
  EXPECT_EQ(list("m/d"), std::set<std::string>{"sub"});
  put("m/d/sub/f", "x");
  ASSERT_EQ(ioctl(fd, BTRFS_IOC_SNAP_DESTROY, &arguments), 0) << strerror(errno);
  EXPECT_FALSE(there("m/d/sub"));
  EXPECT_FALSE(there("m/d/sub/f"));
  EXPECT_TRUE(list("m/d").empty());
  close(fd);
  umount();
  check_btrfs("image");
}

TEST_P(PosixTest, NamesMadeAfterOpendir) {
  mkdir("m/d", 0755);
  DIR* const directory = opendir("m/d");
  std::set<std::string> expected;
  for (int i = 0; i < 100; ++i) {
    expected.insert("f" + std::to_string(i));
    put(("m/d/f" + std::to_string(i)).c_str(), "");
  }
  const auto read_on = [&] {
    std::set<std::string> names;
    while (const dirent* entry = readdir(directory))
      if (entry->d_name[0] != '.') names.insert(entry->d_name);
    return names;
  };
  EXPECT_EQ(read_on(), expected);
  EXPECT_EQ(list("m/d"), expected);
  unlink("m/d/f5");
  put("m/d/late", "");
  expected.erase("f5");
  expected.insert("late");
  rewinddir(directory);
  EXPECT_EQ(read_on(), expected);
  EXPECT_EQ(list("m/d"), expected);
  closedir(directory);
  shell("rm -r m/d");
}

// What lost its last name is known by a descriptor that keeps nothing open.
TEST_P(PosixTest, RemovedAmongMany) {
  remount("mb=32");
  constexpr int kFiles = 2500;
  shell("mkdir m/d && touch m/d/gone m/d/replaced m/d/by");
  const int gone = open("m/d/gone", O_PATH), replaced = open("m/d/replaced", O_PATH);
  for (int i = 0; i < kFiles; ++i)
    close(open(("m/d/f" + std::to_string(i)).c_str(), O_CREAT | O_WRONLY, 0644));
  EXPECT_EQ(unlink("m/d/gone"), 0);
  EXPECT_EQ(rename("m/d/by", "m/d/replaced"), 0);
  for (int i = 0; i < kFiles; ++i)
    close(open(("m/d/g" + std::to_string(i)).c_str(), O_CREAT | O_WRONLY, 0644));
  for (const int fd : {gone, replaced}) {
    struct stat status = {};
    EXPECT_EQ(fstat(fd, &status), 0) << strerror(errno);
    EXPECT_EQ(status.st_nlink, 0u);
    close(fd);
  }
}

}  // namespace lkl_fuse_test
