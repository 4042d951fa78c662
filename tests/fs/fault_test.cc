// SPDX-License-Identifier: GPL-2.0
// File systems on a host whose I/O does all it may do wrong: they see nothing of it.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/registry.h"
#include "fs/image.h"
#include "support/faulty_loop.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

struct Case {
  const char* type;
  int host_flags;
};

class FaultTest : public KernelTest, public ::testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    seed = FaultyLoop::choose_seed();
    lkl::host::Registry::get().decorate_loop =
        [](std::unique_ptr<lkl::host::EventLoop> loop) -> std::unique_ptr<lkl::host::EventLoop> {
      auto faulty = std::make_unique<FaultyLoop>(std::move(loop), seed);
      current = faulty.get();
      return faulty;
    };
    KernelTest::SetUp();
    struct statfs where = {};
    ASSERT_EQ(statfs(dir_.path().c_str(), &where), 0);
    if (where.f_type == TMPFS_MAGIC) GTEST_SKIP() << "images in memory are not waited for: TMPDIR";
    // with 4 KiB blocks, as disks of that sector size want them
    image_ = std::make_unique<Image>(dir_, GetParam().type, 600);
    image_->open_with(GetParam().host_flags);
  }
  void TearDown() override {
    EXPECT_EQ(kernel_log().find("I/O error"), std::string::npos) << kernel_log();
    image_.reset();
    KernelTest::TearDown();
    lkl::host::Registry::get().decorate_loop = nullptr;
  }

  // The content of a file, by its number.
  static std::string content(unsigned number) {
    std::mt19937 random(number * 977 + seed);
    std::string text(random() % 200'000, 0);
    for (char& c : text) c = static_cast<char>(random());
    return text;
  }
  std::string path(unsigned number) {
    return image_->point() + "/d" + std::to_string(number % 7) + "/f" + std::to_string(number);
  }
  void write_file(unsigned number) {
    const std::string text = content(number);
    const int fd =
        static_cast<int>(lkl_sys_open(path(number).c_str(), LKL_O_CREAT | LKL_O_WRONLY, 0644));
    ASSERT_GE(fd, 0);
    for (size_t at = 0; at < text.size();) {
      const size_t part = std::min<size_t>(text.size() - at, 1 + (number * 7919) % 50'000);
      ASSERT_EQ(lkl_sys_write(fd, text.data() + at, part), static_cast<long>(part));
      at += part;
    }
    if (number % 4 == 0) {
      ASSERT_EQ(lkl_sys_fsync(fd), 0);
    }
    ASSERT_EQ(lkl_sys_close(fd), 0);
  }
  void expect_file(unsigned number) {
    const std::string text = content(number);
    const int fd = static_cast<int>(lkl_sys_open(path(number).c_str(), LKL_O_RDONLY, 0));
    ASSERT_GE(fd, 0) << number;
    std::string back(text.size() + 1, 0);
    size_t count = 0;
    long got;
    while ((got = lkl_sys_read(fd, back.data() + count, back.size() - count)) > 0)
      count += static_cast<size_t>(got);
    EXPECT_EQ(got, 0);
    back.resize(count);
    EXPECT_TRUE(back == text) << "file " << number << " seed " << seed;
    lkl_sys_close(fd);
  }

  static inline unsigned seed = 0;
  static inline FaultyLoop* current = nullptr;
  TempDir dir_;
  std::unique_ptr<Image> image_;
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, FaultTest,
                         ::testing::Values(Case{"ext4", 0}, Case{"ext4", O_DIRECT},
                                           Case{"btrfs", 0}, Case{"btrfs", O_DIRECT}),
                         [](const auto& info) {
                           return std::string(info.param.type) +
                                  (info.param.host_flags ? "_direct" : "");
                         });

TEST_P(FaultTest, NothingIsLost) {
  constexpr unsigned kThreads = 4, kFiles = 40;
  ASSERT_EQ(image_->mount(), "");
  for (unsigned d = 0; d < 7; ++d)
    ASSERT_EQ(lkl_sys_mkdir((image_->point() + "/d" + std::to_string(d)).c_str(), 0755), 0);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t)
    threads.emplace_back([this, t] {
      for (unsigned i = 0; i < kFiles; ++i) {
        const unsigned number = t * kFiles + i;
        write_file(number);
        if (i % 5 == 4) {
          ASSERT_EQ(lkl_sys_unlink(path(number - 2).c_str()), 0);
        }
        if (i % 10 == 0) expect_file(number);
      }
    });
  for (std::thread& thread : threads) thread.join();
  // what the kernel has in memory is gone after this
  ASSERT_EQ(image_->umount(), "");
  EXPECT_EQ(image_->check(), "");
  ASSERT_EQ(image_->mount(), "");
  for (unsigned number = 0; number < kThreads * kFiles; ++number)
    if (number % kFiles % 5 != 2) expect_file(number);
  ASSERT_EQ(image_->umount(), "");
  EXPECT_EQ(image_->check(), "");
  // it was not for want of faults
  const FaultyLoop::Counts& counts = current->counts();
  EXPECT_GT(counts.operations, 100u);
  EXPECT_GT(counts.errors_before, 5u);
  EXPECT_GT(counts.errors_after, 5u);
  EXPECT_GT(counts.short_transfers, 5u);
}
