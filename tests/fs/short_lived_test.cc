// SPDX-License-Identifier: GPL-2.0
// Threads that end at once: what they have read and written goes on without them. What a host
// does for a thread, by io_uring say, it may give up when that ends.
#include <fcntl.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "fs/image.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

constexpr int kFiles = 24;
constexpr size_t kSize = 2 << 20;

std::string content(int file) {
  std::string bytes(kSize, 0);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>((i * 2654435761u + static_cast<size_t>(file)) >> 13);
  return bytes;
}

class ShortLivedTest : public KernelTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void fill(Image& image, const std::string& folder) {
    for (int i = 0; i < kFiles; ++i) {
      const int fd = static_cast<int>(lkl_sys_open((folder + "/f" + std::to_string(i)).c_str(),
                                                   LKL_O_CREAT | LKL_O_WRONLY, 0600));
      const std::string bytes = content(i);
      ASSERT_EQ(lkl_sys_write(fd, bytes.data(), bytes.size()), static_cast<long>(bytes.size()));
      lkl_sys_close(fd);
    }
    ASSERT_EQ(image.umount(), "");
    ASSERT_EQ(image.mount(), "");
  }
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, ShortLivedTest, ::testing::Values("ext4", "btrfs"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(ShortLivedTest, ReadWhatIsNotCached) {
  const TempDir dir;
  Image image(dir, GetParam(), 256);
  ASSERT_EQ(image.mount(), "");
  const std::string folder = image.point();
  fill(image, folder);
  std::atomic<int> bad = 0;
  for (int round = 0; round < 12; ++round) {
    // neither here nor there
    ASSERT_EQ(fsync(image.fd()), 0);
    posix_fadvise(image.fd(), 0, 0, POSIX_FADV_DONTNEED);
    const int drop = static_cast<int>(lkl_sys_open((folder + "/f0").c_str(), LKL_O_RDONLY, 0));
    lkl_sys_close(drop);
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; ++i)
      threads.emplace_back([&, i] {
        const int file = (round * 16 + i) % kFiles;
        const std::string want = content(file);
        const int fd = static_cast<int>(
            lkl_sys_open((folder + "/f" + std::to_string(file)).c_str(), LKL_O_RDONLY, 0));
        lkl_sys_fadvise64(fd, 0, 0, 4 /* POSIX_FADV_DONTNEED */);
        std::string got(8192, 0);
        const size_t at = static_cast<size_t>(round * 16 + i) * 40960 % (kSize - got.size());
        if (lkl_sys_pread64(fd, got.data(), got.size(), static_cast<long>(at)) !=
                static_cast<long>(got.size()) ||
            want.compare(at, got.size(), got) != 0)
          ++bad;
        lkl_sys_close(fd);
      });
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(image.umount(), "");
  EXPECT_EQ(image.check(), "");
}

TEST_P(ShortLivedTest, WriteAndEnd) {
  const TempDir dir;
  Image image(dir, GetParam(), 256);
  ASSERT_EQ(image.mount(), "");
  const std::string folder = image.point();
  std::atomic<int> bad = 0;
  for (int round = 0; round < 6; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 12; ++i)
      threads.emplace_back([&, i] {
        const int fd = static_cast<int>(lkl_sys_open((folder + "/w" + std::to_string(i)).c_str(),
                                                     LKL_O_CREAT | LKL_O_WRONLY, 0600));
        const std::string bytes = content(i);
        if (lkl_sys_write(fd, bytes.data(), bytes.size()) != static_cast<long>(bytes.size())) ++bad;
        if (i % 4 == 0 && lkl_sys_fsync(fd) != 0) ++bad;
        lkl_sys_close(fd);
      });
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(bad, 0);
  ASSERT_EQ(image.umount(), "");
  ASSERT_EQ(image.mount(), "");
  for (int i = 0; i < 12; ++i) {
    const int fd = static_cast<int>(
        lkl_sys_open((folder + "/w" + std::to_string(i)).c_str(), LKL_O_RDONLY, 0));
    std::string got(kSize, 0);
    ASSERT_EQ(lkl_sys_read(fd, got.data(), got.size()), static_cast<long>(got.size()));
    EXPECT_TRUE(got == content(i)) << i;
    lkl_sys_close(fd);
  }
  EXPECT_EQ(image.umount(), "");
  EXPECT_EQ(image.check(), "");
  EXPECT_EQ(kernel_log().find("I/O error"), std::string::npos) << kernel_log();
}
