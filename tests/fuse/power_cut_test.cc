// SPDX-License-Identifier: GPL-2.0
// Power cuts under a mount: while programs work there, all that reaches the disk is recorded in
// order, and what a cut at any point may leave must mount, be whole, and have in it what these
// programs had synchronised.
#include "fs/power_cut.h"

#include <fcntl.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fs/file_calls.h"
#include "fs/power_cut_workload.h"
#include "fuse/fuse_test.h"
#include "support/kernel_test.h"
#include "support/nbd_server.h"

namespace lkl_fuse_test {

using namespace lkl_test;

namespace {

constexpr size_t kPrograms = 2;
constexpr unsigned kSteps = 100;

FileHistory::Tree read_host_tree(const std::string& root) {
  FileHistory::Tree tree;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    tree[entry.path().string().substr(root.size())].assign(std::istreambuf_iterator<char>(file),
                                                           {});
  }
  return tree;
}

}  // namespace

class MountPowerCutTest : public FuseTest, public ::testing::WithParamInterface<const char*> {
 protected:
  std::string type() const { return GetParam(); }

  // A small image, on which programs work at the same time, each in a directory of its own; and
  // the record of that.
  void SetUp() override {
    FuseTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    shell("mkdir tree tree/0 tree/1");
    // A journal of 4 MiB: it wraps.
    shell(type() == "ext4" ? "truncate -s 48M first && mkfs.ext4 -qF -J size=4 -d tree first"
                           : "truncate -s 128M first && mkfs.btrfs -qf -r tree first");
    RecordingDisk disk("first");
    const std::string first = disk.bytes();
    std::filesystem::remove("first");
    {
      NbdServer server(disk.disk(), path("disk"));
      const std::string error = mount(server.uri());
      if (error.find("libnbd") != std::string::npos) GTEST_SKIP() << error;
      ASSERT_EQ(error, "");
      work(disk);
      umount();
      ASSERT_EQ(server.wait(), "");
    }
    for (FileHistory& history : histories_) history.all_synced();
    record_ = disk.record();
    image_ = std::make_unique<CutImage>("cut", type(), first);
    boot();
  }

  void TearDown() override {
    if (lkl_is_running()) {
      EXPECT_EQ(lkl_sys_halt(), 0);
      lkl_cleanup();
    }
    FuseTest::TearDown();
  }

  Verdict judge_all(std::vector<Cut> cuts) {
    std::array<KnownDirectory, kPrograms> all;
    for (size_t i = 0; i < kPrograms; ++i) all[i] = {"/" + std::to_string(i), &histories_[i]};
    return lkl_test::judge_all(*image_, type(), record_, all, std::move(cuts));
  }

  DiskRecord record_;

 private:
  void work(RecordingDisk& disk) {
    histories_.assign(kPrograms, FileHistory([&disk] { return disk.position(); }));
    std::array<std::string, kPrograms> errors;
    std::array<unsigned, kPrograms> syncs = {};
    std::vector<std::thread> programs;
    for (size_t i = 0; i < kPrograms; ++i)
      programs.emplace_back([&, i] {
        try {
          HostCalls calls;
          PowerCutWorkload workload(calls, type(), "m/" + std::to_string(i), histories_[i],
                                    static_cast<unsigned>(i));
          workload.run(kSteps);
          syncs[i] = workload.syncs();
        } catch (const std::exception& error) {
          errors[i] = error.what();
        }
      });
    for (std::thread& program : programs) program.join();
    for (size_t i = 0; i < kPrograms; ++i) {
      EXPECT_EQ(errors[i], "");
      EXPECT_GT(syncs[i], 20u);
      // What the host has is there, whatever the disk has of it.
      EXPECT_EQ(histories_[i].losses(read_host_tree("m/" + std::to_string(i)), disk.position() + 1),
                std::vector<std::string>());
    }
  }

  // The kernel that looks at what is left.
  void boot() {
    ops_.print = keep_log;
    ASSERT_EQ(lkl_init(&ops_), 0);
    ASSERT_EQ(lkl_start_kernel("mem=128M loglevel=8"), 0) << kernel_log();
  }

  std::vector<FileHistory> histories_;
  std::unique_ptr<CutImage> image_;
  lkl_host_operations ops_ = {};
};

TEST_P(MountPowerCutTest, Sample) {
  const Verdict verdict = judge_all(sample_cuts(record_));
  EXPECT_EQ(verdict.lost, 0u) << verdict.report;
}

TEST_P(MountPowerCutTest, SlowThousands) {
  const Verdict verdict = judge_all(thousands_of_cuts(record_));
  EXPECT_EQ(verdict.lost, 0u) << verdict.report;
}

// Were fsync not passed on, it would look like this.
TEST_P(MountPowerCutTest, ADiskThatLiesIsFoundOut) {
  record_ = with_lies(record_, 1);
  EXPECT_GT(judge_all(random_cuts(record_, 5, 3)).lost, 0u);
}

INSTANTIATE_TEST_SUITE_P(On, MountPowerCutTest, ::testing::Values("ext4"),
                         [](const auto& info) { return std::string(info.param); });
// Not in each run: names come back in one record of about eighty still (docs/limits.md).
INSTANTIATE_TEST_SUITE_P(SlowOn, MountPowerCutTest, ::testing::Values("btrfs"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace lkl_fuse_test
