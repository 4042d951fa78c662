// SPDX-License-Identifier: GPL-2.0
//
// Random work against a model, and many at once.
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "fuse/fuse_test.h"

namespace lkl_fuse_test {

namespace {

// Writes, reads, truncates and punches one file and a copy in memory in the same way.
void work_on_file(const std::string& path, unsigned seed, int steps) {
  std::mt19937 random(seed);
  constexpr size_t kLargest = 2 << 20;
  std::vector<char> model;
  int fd = open(path.c_str(), O_CREAT | O_RDWR, 0644);
  ASSERT_GE(fd, 0) << path;
  for (int step = 0; step < steps; ++step) {
    const size_t at = random() % kLargest;
    const size_t size =
        std::min<size_t>(random() % (random() % 8 ? 5000 : 300000) + 1, kLargest - at);
    switch (random() % 10) {
      case 0: {
        ASSERT_EQ(ftruncate(fd, static_cast<off_t>(at)), 0);
        model.resize(at);
        break;
      }
      case 1: {
        if (model.empty()) break;
        ASSERT_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(at),
                            static_cast<off_t>(size)),
                  0);
        for (size_t i = at; i < std::min(at + size, model.size()); ++i) model[i] = 0;
        break;
      }
      case 2: {
        close(fd);
        fd = open(path.c_str(), O_RDWR);
        ASSERT_GE(fd, 0);
        break;
      }
      case 3:
      case 4:
      case 5: {
        std::vector<char> got(size, 'g');
        const ssize_t n = pread(fd, got.data(), size, static_cast<off_t>(at));
        const size_t expected = at >= model.size() ? 0 : std::min(size, model.size() - at);
        ASSERT_EQ(n, static_cast<ssize_t>(expected)) << "seed " << seed << " step " << step;
        ASSERT_EQ(std::memcmp(got.data(), model.data() + at, expected), 0)
            << "seed " << seed << " step " << step << " at " << at;
        break;
      }
      default: {
        std::vector<char> data(size);
        for (char& c : data) c = static_cast<char>(random());
        ASSERT_EQ(pwrite(fd, data.data(), size, static_cast<off_t>(at)),
                  static_cast<ssize_t>(size));
        if (model.size() < at + size) model.resize(at + size);
        std::copy(data.begin(), data.end(), model.begin() + static_cast<ptrdiff_t>(at));
      }
    }
  }
  std::vector<char> all(model.size());
  ASSERT_EQ(pread(fd, all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
  EXPECT_TRUE(all == model) << "seed " << seed;
  close(fd);
}

}  // namespace

TEST_P(PosixTest, RandomWorkAgainstAModel) {
  const unsigned seed = 20261;
  RecordProperty("seed", static_cast<int>(seed));
  work_on_file("m/f", seed, 3000);
}

TEST_P(PosixTest, EightAtOnce) {
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < 8; ++i)
    workers.emplace_back([i] { work_on_file("m/f" + std::to_string(i), 500 + i, 300); });
  for (std::thread& worker : workers) worker.join();
}

TEST_P(PosixTest, NamesByManyAtOnce) {
  std::vector<std::thread> workers;
  std::atomic<int> errors = 0;
  for (unsigned id = 0; id < 6; ++id)
    workers.emplace_back([id, &errors] {
      std::mt19937 random(id);
      for (int i = 0; i < 400; ++i) {
        const auto name = [&] { return "m/n" + std::to_string(random() % 20); };
        int result = 0;
        switch (random() % 5) {
          case 0:
            result = rename(name().c_str(), name().c_str());
            break;
          case 1:
            result = unlink(name().c_str());
            break;
          case 2:
            result = link(name().c_str(), name().c_str());
            break;
          case 3:
            result = symlink("to", name().c_str());
            break;
          default: {
            const int fd = open(name().c_str(), O_CREAT | O_RDWR, 0644);
            if (fd >= 0) close(fd);
          }
        }
        if (result < 0 && errno != ENOENT && errno != EEXIST) ++errors;
      }
    });
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(errors, 0);
}

// More inodes than path descriptors are kept: those that were closed come back by their handles.
TEST_P(PosixTest, MoreInodesThanDescriptors) {
  remount("mb=32");
  constexpr int kFiles = 4000;
  shell("mkdir m/d");
  const int held = open("m/d/held", O_CREAT | O_RDWR, 0644);
  ASSERT_EQ(write(held, "held", 4), 4);
  ASSERT_EQ(unlink("m/d/held"), 0);
  for (int i = 0; i < kFiles; ++i) {
    const int fd = open(("m/d/f" + std::to_string(i)).c_str(), O_CREAT | O_WRONLY, 0644);
    ASSERT_GE(fd, 0) << i << " " << strerror(errno);
    const std::string text = std::to_string(i);
    ASSERT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    close(fd);
  }
  for (int i = 0; i < kFiles; i += 7) {
    const std::string path = "m/d/f" + std::to_string(i);
    ASSERT_EQ(chmod(path.c_str(), 0600), 0) << i << " " << strerror(errno);
    ASSERT_EQ(rename(path.c_str(), (path + "new").c_str()), 0);
    const int fd = open((path + "new").c_str(), O_RDONLY);
    char text[16] = {};
    ASSERT_GT(read(fd, text, sizeof text), 0);
    EXPECT_EQ(text, std::to_string(i));
    close(fd);
  }
  char text[8] = {};
  EXPECT_EQ(pread(held, text, 4, 0), 4);
  EXPECT_STREQ(text, "held");
  close(held);
}

TEST_P(PosixTest, SlowAHundredThousandSteps) {
  work_on_file("m/f", 99, 100'000);
}

TEST_P(PosixTest, SlowAHundredThousandFiles) {
  umount();
  if (type() == "ext4") shell("truncate -s 1G image && /sbin/mkfs.ext4 -qF -N 120000 image");
  ASSERT_EQ(mount(image_), "");
  shell("mkdir m/d && cd m/d && seq 1 100000 | xargs touch");
  EXPECT_EQ(shell("ls m/d | wc -l"), "100000\n");
  remount();
  EXPECT_EQ(shell("ls m/d | wc -l"), "100000\n");
  shell("rm -r m/d");
}

}  // namespace lkl_fuse_test
