// SPDX-License-Identifier: GPL-2.0
// Power cuts: all that reached a disk is recorded in order, and what a cut at any point may leave
// of it must mount, be whole, and have in it what had been synchronised.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "fs/file_history.h"
#include "fs/image.h"
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
    PowerCutWorkload workload(point, history_, kWorkloadSeed);
    workload.run(kSteps);
    syncs_ = workload.syncs();
    // What is in the kernel's cache is there, whatever the disk has of it.
    ASSERT_EQ(history_.losses(read_tree(point), disk.position() + 1), std::vector<std::string>());
    ASSERT_EQ(lkl_umount_dev(number, 0, 0, 5000), 0);
    history_.all_synced();
    ASSERT_EQ(lkl_disk_remove(disk.disk()), 0);
  }

  // The number of cuts that lose something; what the first few of them lose goes to `report`.
  size_t judge_all(std::vector<Cut> cuts, std::string* report) {
    std::ranges::stable_sort(cuts, {}, &Cut::flushed);
    size_t lost = 0, claims = 0;
    for (const Cut& cut : cuts) {
      claims += history_.claims(cut.end);
      image_->apply(record_, cut);
      const std::string wrong = judge(*image_, type(), history_, cut);
      if (wrong.empty()) continue;
      if (++lost <= 5) *report += cut.describe() + ":\n" + wrong + "\n";
    }
    const auto flushes = std::ranges::count_if(record_, &DiskRequest::is_flush);
    std::cout << type() << ": " << cuts.size() << " cuts of " << record_.size() << " requests, "
              << flushes << " of them flushes; " << syncs_ << " calls made something sure; "
              << claims << " files compared; " << lost << " cuts lose something\n";
    return lost;
  }

  TempDir dir_;
  FileHistory history_{nullptr};
  DiskRecord record_;
  std::unique_ptr<CutImage> image_;
  unsigned syncs_ = 0;
};

// So many of them, evenly.
std::vector<Cut> sample(const std::vector<Cut>& cuts, size_t count) {
  std::vector<Cut> result;
  for (size_t i = 0; i < count; ++i) result.push_back(cuts[i * cuts.size() / count]);
  return result;
}

// The record of a disk that has done nothing at each `every`th flush but say so.
DiskRecord with_lies(DiskRecord record, size_t every) {
  size_t flushes = 0;
  for (DiskRequest& request : record)
    if (request.is_flush && ++flushes % every == 0) request.is_flush = false;
  return record;
}

}  // namespace

TEST_P(PowerCutTest, Sample) {
  std::vector<Cut> cuts = sample(systematic_cuts(record_), 16);
  for (const Cut& cut : random_cuts(record_, 8, 1)) cuts.push_back(cut);
  std::string report;
  EXPECT_EQ(judge_all(cuts, &report), 0u) << report;
}

TEST_P(PowerCutTest, SlowThousands) {
  std::vector<Cut> cuts = systematic_cuts(record_);
  const size_t rest = cuts.size() < 1600 ? 2000 - cuts.size() : 400;
  for (const Cut& cut : random_cuts(record_, rest, 2)) cuts.push_back(cut);
  std::string report;
  EXPECT_EQ(judge_all(cuts, &report), 0u) << report;
}

// Who judges the disk that keeps its word finds out one that does not.
TEST_P(PowerCutTest, ADiskThatLiesIsFoundOut) {
  std::string report;
  record_ = with_lies(record_, 1);
  EXPECT_GT(judge_all(random_cuts(record_, 5, 3), &report), 0u);
  EXPECT_NE(report, "");
}

// Many of these lies do not show: nothing was to be kept then, or the next flush comes in time. An
// odd number, since flushes come in pairs: before a commit and after it.
TEST_P(PowerCutTest, SlowADiskThatLiesNowAndThenIsFoundOut) {
  std::string report;
  record_ = with_lies(record_, 3);
  std::vector<Cut> cuts = systematic_cuts(record_);
  std::erase_if(cuts, [](const Cut& cut) { return cut.kind != Cut::Kind::kNone; });
  EXPECT_GT(judge_all(cuts, &report), 0u);
}

INSTANTIATE_TEST_SUITE_P(On, PowerCutTest, ::testing::Values("ext4", "btrfs"),
                         [](const auto& info) { return std::string(info.param); });
