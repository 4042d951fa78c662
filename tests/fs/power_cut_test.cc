// SPDX-License-Identifier: GPL-2.0
// Power cuts: all that reached a disk is recorded in order, and what a cut at any point may leave
// of it must mount, be whole, and have in it what had been synchronised.
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fs/file_calls.h"
#include "fs/file_history.h"
#include "fs/power_cut.h"
#include "fs/power_cut_workload.h"
#include "fs/recording_disk.h"
#include "support/host_tools.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

constexpr unsigned kWorkloadSeed = 1;
constexpr unsigned kSteps = 150;

class PowerCutTest : public KernelTest, public ::testing::WithParamInterface<const char*> {
 protected:
  std::string type() const { return GetParam(); }

  // A small image with files that are worked on, and the record of that.
  void SetUp() override {
    KernelTest::SetUp();
    if (HasFatalFailure()) return;
    const std::string path = dir_ / "first";
    std::string output;
    // A journal of 4 MiB: it wraps, so that what it had in it is written to its place.
    const std::string make = type() == "ext4"
                                 ? "truncate -s 48M " + path + " && mkfs.ext4 -qF -J size=4 "
                                 : "truncate -s 128M " + path + " && mkfs.btrfs -qf ";
    ASSERT_EQ(lkl_test::run(make + path, &output), 0) << output;
    RecordingDisk disk(path);
    const std::string first = disk.bytes();
    history_ = FileHistory([&disk] { return disk.position(); });
    work(disk);
    if (HasFatalFailure()) return;
    record_ = disk.record();
    image_ = std::make_unique<CutImage>(dir_ / "cut", type(), first);
    std::filesystem::remove(path);
  }

  void work(RecordingDisk& disk) {
    const int id = lkl_disk_add(&disk.disk());
    ASSERT_GE(id, 0);
    const auto number = static_cast<unsigned>(id);
    char point[32];
    ASSERT_EQ(lkl_mount_dev(number, 0, type().c_str(), 0, nullptr, point, sizeof point), 0);
    LibraryCalls calls;
    PowerCutWorkload workload(calls, type(), point, history_, kWorkloadSeed);
    workload.run(kSteps);
    std::cout << workload.syncs() << " calls made something sure\n";
    // What is in the kernel's cache is there, whatever the disk has of it.
    ASSERT_EQ(history_.losses(read_tree(point), disk.position() + 1), std::vector<std::string>());
    ASSERT_EQ(lkl_umount_dev(number, 0, 0, 5000), 0);
    history_.all_synced();
    ASSERT_EQ(lkl_disk_remove(disk.disk()), 0);
  }

  Verdict judge_all(std::vector<Cut> cuts) {
    const KnownDirectory all = {"", &history_};
    return lkl_test::judge_all(*image_, type(), record_, {&all, 1}, std::move(cuts));
  }

  TempDir dir_;
  FileHistory history_{nullptr};
  DiskRecord record_;
  std::unique_ptr<CutImage> image_;
};

}  // namespace

TEST_P(PowerCutTest, Sample) {
  const Verdict verdict = judge_all(sample_cuts(record_));
  EXPECT_EQ(verdict.lost, 0u) << verdict.report;
}

TEST_P(PowerCutTest, SlowThousands) {
  const Verdict verdict = judge_all(thousands_of_cuts(record_));
  EXPECT_EQ(verdict.lost, 0u) << verdict.report;
}

// Who judges the disk that keeps its word finds out one that does not.
TEST_P(PowerCutTest, ADiskThatLiesIsFoundOut) {
  record_ = with_lies(record_, 1);
  const Verdict verdict = judge_all(random_cuts(record_, 5, 3));
  EXPECT_GT(verdict.lost, 0u);
  EXPECT_NE(verdict.report, "");
}

// Many of these lies do not show: nothing was to be kept then, or the next flush comes in time. An
// odd number, since flushes come in pairs: before a commit and after it.
TEST_P(PowerCutTest, SlowADiskThatLiesNowAndThenIsFoundOut) {
  record_ = with_lies(record_, 3);
  std::vector<Cut> cuts = systematic_cuts(record_);
  std::erase_if(cuts, [](const Cut& cut) { return cut.kind != Cut::Kind::kNone; });
  EXPECT_GT(judge_all(std::move(cuts)).lost, 0u);
}

INSTANTIATE_TEST_SUITE_P(On, PowerCutTest, ::testing::Values("ext4", "btrfs"),
                         [](const auto& info) { return std::string(info.param); });
