// SPDX-License-Identifier: GPL-2.0
// What the tests of power cuts have to know of btrfs' log. When a directory is logged for the first
// time since the last commit, the entries that were removed since then are told by ranges, but an
// entry that was made since then, too, is copied from the tree if it is there already
// (log_delayed_deletions_full() in fs/btrfs/tree-log.c leaves it). So it comes back.
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "fs/file_calls.h"
#include "fs/power_cut_workload.h"
#include "fs/recording_disk.h"
#include "support/host_tools.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

// With so many entries that wait, btrfs brings them into the tree: BTRFS_DELAYED_BACKGROUND twice.
constexpr int kMany = 256;

class BtrfsLogTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (HasFatalFailure()) return;
    std::string output;
    ASSERT_EQ(lkl_test::run("truncate -s 128M " + image_ + " && mkfs.btrfs -qf " + image_, &output),
              0)
        << output;
  }

  int open(const std::string& name, FileCalls::How how) {
    const long fd = calls_.open(point_ + name, how);
    EXPECT_GE(fd, 0) << name;
    return static_cast<int>(fd);
  }

  void sync(const std::string& name, FileCalls::How how) {
    const int fd = open(name, how);
    EXPECT_EQ(calls_.fsync(fd), 0) << name;
    calls_.close(fd);
  }

  void mount(RecordingDisk& disk) {
    const int id = lkl_disk_add(&disk.disk());
    ASSERT_GE(id, 0);
    id_ = static_cast<unsigned>(id);
    char point[32];
    ASSERT_EQ(lkl_mount_dev(id_, 0, "btrfs", 0, nullptr, point, sizeof point), 0);
    point_ = point;
  }

  void umount(RecordingDisk& disk) {
    ASSERT_EQ(lkl_umount_dev(id_, 0, 0, 5000), 0);
    ASSERT_EQ(lkl_disk_remove(disk.disk()), 0);
  }

  // A new file, then many others, then it moves; and what is there after a power cut.
  FileHistory::Tree moved_and_cut(bool synced_before) {
    {
      RecordingDisk disk(image_);
      mount(disk);
      if (HasFatalFailure()) return {};
      for (const char* name : {"/from", "/to", "/other"}) EXPECT_EQ(calls_.mkdir(point_ + name), 0);
      EXPECT_TRUE(calls_.sync());
      sync("/from/old", FileCalls::How::kMake);
      if (synced_before) sync("/from", FileCalls::How::kDirectory);
      for (int i = 0; i < kMany; ++i)
        calls_.close(open("/other/" + std::to_string(i), FileCalls::How::kMake));
      // A thread of the kernel does it; nothing tells when.
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      EXPECT_EQ(calls_.rename(point_ + "/from/old", point_ + "/to/new"), 0);
      sync("/from", FileCalls::How::kDirectory);
      std::ofstream(image_, std::ios::binary | std::ios::trunc) << disk.bytes();
      umount(disk);
    }
    RecordingDisk cut(image_);
    mount(cut);
    if (HasFatalFailure()) return {};
    FileHistory::Tree tree = read_tree(point_);
    umount(cut);
    std::erase_if(tree, [](const auto& file) { return file.first.starts_with("/other/"); });
    return tree;
  }

 private:
  TempDir dir_;
  std::string image_ = dir_ / "image";
  LibraryCalls calls_;
  std::string point_;
  unsigned id_ = 0;
};

const FileHistory::Tree kMoved = {{"/to/new", ""}};
const FileHistory::Tree kTwice = {{"/from/old", ""}, {"/to/new", ""}};

}  // namespace

TEST_F(BtrfsLogTest, ANameThatGoesDoesNotComeBackIfItsDirectoryWasSynchronisedBefore) {
  EXPECT_EQ(moved_and_cut(true), kMoved);
}

TEST_F(BtrfsLogTest, ANameThatGoesDoesNotComeBack) {
  const FileHistory::Tree tree = moved_and_cut(false);
  if (tree == kTwice) GTEST_SKIP() << "btrfs of this kernel brings it back, see docs/limits.md";
  EXPECT_EQ(tree, kMoved);
}
