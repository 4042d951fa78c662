// SPDX-License-Identifier: GPL-2.0
// FileBackend on what descriptors may be like, and what may happen to the image.
#include "block/host_disk.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "block/overlay_backend.h"
#include "posix/image_lock.h"
#include "support/backend_requests.h"
#include "support/child.h"
#include "support/faulty_loop.h"
#include "support/mounted.h"
#include "support/temporary_file.h"

namespace {

using namespace lkl::host;
using lkl_test::FaultyLoop;
using lkl_test::TemporaryFile;

constexpr uint64_t kSize = 4 << 20;
constexpr FaultyLoop::Rates kNoFaults = {0, 0, 0, 0};

// The host does not let the file be opened again in this scope, whatever the descriptor can.
class NotToBeOpened final {
 public:
  explicit NotToBeOpened(const TemporaryFile& file) : file_(file) {
    EXPECT_EQ(chmod(file_.path().c_str(), 0), 0);
    if (geteuid() == 0) {
      EXPECT_EQ(seteuid(65534), 0);
    }
    EXPECT_EQ(file_.open(O_RDONLY), -1);
  }
  ~NotToBeOpened() {
    if (getuid() == 0) {
      EXPECT_EQ(seteuid(0), 0);
    }
    chmod(file_.path().c_str(), 0600);
  }

 private:
  const TemporaryFile& file_;
};

class FileBackendTest : public ::testing::Test {
 protected:
  // What goes to the loop is counted.
  FaultyLoop loop_{make_event_loop(), 1, kNoFaults};
  TemporaryFile file_{kSize};
  std::unique_ptr<BlockBackend> backend_;
  std::vector<std::string> lines_;

  HostDiskOptions saying(HostDiskOptions options = {}) {
    options.say = [this](std::string_view line) { lines_.emplace_back(line); };
    return options;
  }
  int open(int fd, HostDiskOptions options = {}) {
    return open_host_disk(fd, saying(options), loop_, backend_);
  }
  int run(BlockOp op, uint64_t offset, std::vector<lkl::host::IoVec> parts, uint64_t length = 0) {
    return lkl_test::run(*backend_, loop_, op, offset, std::move(parts), length);
  }
  int write(uint64_t offset, std::string text) {
    return run(BlockOp::kWrite, offset, {{text.data(), text.size()}});
  }
  std::string in_file(uint64_t offset, size_t length) {
    std::string back(length, 0);
    EXPECT_EQ(pread(file_.fd(), back.data(), length, static_cast<off_t>(offset)),
              static_cast<ssize_t>(length));
    return back;
  }
  bool somebody_can_write() {
    const int fd = file_.open(O_RDWR);
    const bool can = lock_image(fd, true) == 0;
    close(fd);
    return can;
  }
  bool somebody_can_read() {
    const int fd = file_.open(O_RDWR);
    const bool can = lock_image(fd, false) == 0;
    close(fd);
    return can;
  }
};

const std::string kBlock(4096, 'b');

}  // namespace

// ---- whose descriptor ----

TEST_F(FileBackendTest, ClosingTheCallersDescriptorRedirectsNothing) {
  for (const bool again : {true, false}) {
    const int fd = file_.open(O_RDWR);
    {
      std::unique_ptr<NotToBeOpened> not_again;
      if (!again) not_again = std::make_unique<NotToBeOpened>(file_);
      ASSERT_EQ(open(fd), 0);
    }
    const TemporaryFile other(kSize);
    const int same_number = dup3(other.fd(), fd, O_CLOEXEC);
    ASSERT_EQ(same_number, fd);
    EXPECT_EQ(write(8192, kBlock), 0);
    EXPECT_EQ(write(kSize / 2, std::string(1 << 20, 'x')), 0);
    EXPECT_EQ(run(BlockOp::kFlush, 0, {}), 0);
    close(same_number);
    EXPECT_EQ(in_file(8192, 4096), kBlock);
    std::string others(4096, 1);
    ASSERT_EQ(pread(other.fd(), others.data(), 4096, 8192), 4096);
    EXPECT_EQ(others, std::string(4096, 0));
    backend_.reset();
    ASSERT_EQ(ftruncate(file_.fd(), 0), 0);
    ASSERT_EQ(ftruncate(file_.fd(), kSize), 0);
  }
}

TEST_F(FileBackendTest, AppendingIsNotKept) {
  const int fd = file_.open(O_RDWR | O_APPEND);
  ASSERT_EQ(open(fd), 0);
  EXPECT_EQ(write(4096, kBlock), 0);
  EXPECT_EQ(write(1 << 20, std::string(1 << 20, 'x')), 0);
  EXPECT_EQ(lseek(file_.fd(), 0, SEEK_END), static_cast<off_t>(kSize));
  EXPECT_EQ(in_file(4096, 4096), kBlock);
  close(fd);
}

TEST_F(FileBackendTest, AppendingThatMustBeKeptIsRefused) {
  const int fd = file_.open(O_RDWR | O_APPEND);
  const NotToBeOpened not_again(file_);
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(open(fd), -EINVAL);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("O_APPEND"), std::string::npos);
  EXPECT_EQ(open(fd, {.read_only = true}), 0);  // where it does not matter
  close(fd);
}

// io_uring says EAGAIN to whatever is not done at once on such a description.
TEST_F(FileBackendTest, NonblockingDescriptors) {
  for (const bool again : {true, false}) {
    const int fd = file_.open(O_RDWR | O_NONBLOCK);
    {
      std::unique_ptr<NotToBeOpened> not_again;
      if (!again) not_again = std::make_unique<NotToBeOpened>(file_);
      ASSERT_EQ(open(fd), 0);
    }
    const uint64_t before = loop_.counts().operations;
    EXPECT_EQ(write(1 << 20, std::string(1 << 20, 'x')), 0);
    EXPECT_EQ(run(BlockOp::kFlush, 0, {}), 0);
    ASSERT_EQ(posix_fadvise(file_.fd(), 0, 0, POSIX_FADV_DONTNEED), 0);
    std::string back(1 << 20, 0);
    EXPECT_EQ(run(BlockOp::kRead, 1 << 20, {{back.data(), back.size()}}), 0);
    EXPECT_EQ(back, std::string(1 << 20, 'x'));
    EXPECT_LE(loop_.counts().operations, before + 4);  // it does not spin, nor try in vain
    close(fd);
    backend_.reset();
  }
}

TEST_F(FileBackendTest, DescriptorsThatAreNotForReading) {
  const int only_name = file_.open(O_PATH);
  EXPECT_EQ(open(only_name), -EBADF);
  close(only_name);
  const int only_write = file_.open(O_WRONLY);
  EXPECT_EQ(open(only_write), -EBADF);
  close(only_write);
}

TEST_F(FileBackendTest, MemoryFiles) {
  const int fd = memfd_create("disk", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(fd, kSize), 0);
  ASSERT_EQ(open(fd), 0);
  EXPECT_EQ(write(4096, kBlock), 0);
  std::string back(4096, 0);
  ASSERT_EQ(pread(fd, back.data(), 4096, 4096), 4096);
  EXPECT_EQ(back, kBlock);
  close(fd);
}

// ---- locks ----

TEST_F(FileBackendTest, AForkedChildThatCleansUpLeavesTheLock) {
  const int fd = file_.open(O_RDWR);
  for (const bool again : {true, false}) {
    {
      std::unique_ptr<NotToBeOpened> not_again;
      if (!again) not_again = std::make_unique<NotToBeOpened>(file_);
      ASSERT_EQ(open(fd), 0);
    }
    EXPECT_EQ(lkl_test::in_child([&] {
                loop_.after_fork_child();
                backend_.reset();
                return 0;
              }),
              0);
    EXPECT_FALSE(somebody_can_write());
    backend_.reset();
    // with a description of its own the disk gives up the lock, though the descriptor is open
    EXPECT_EQ(somebody_can_write(), again);
  }
  close(fd);
}

TEST_F(FileBackendTest, ASecondDiskOnOneDescriptorIsRefused) {
  const int fd = file_.open(O_RDWR);
  ASSERT_EQ(open(fd), 0);
  std::unique_ptr<BlockBackend> second;
  EXPECT_EQ(open_host_disk(fd, {}, loop_, second), -EBUSY);
  close(fd);
}

TEST_F(FileBackendTest, TheCallersOwnLockIsNoObstacle) {
  const int fd = file_.open(O_RDWR);
  ASSERT_EQ(lock_image(fd, true), 0);
  ASSERT_EQ(open(fd), 0);
  EXPECT_EQ(write(0, kBlock), 0);
  EXPECT_FALSE(somebody_can_write());
  backend_.reset();
  EXPECT_FALSE(somebody_can_write());  // it is the caller's still
  // reading does not make less of it
  ASSERT_EQ(open(fd, {.read_only = true}), 0);
  EXPECT_FALSE(somebody_can_read());
  close(fd);
}

// ---- what may wait goes to the loop ----

TEST_F(FileBackendTest, OnATmpfsAllIsDoneAtOnce) {
  const int fd = memfd_create("disk", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(fd, kSize), 0);
  ASSERT_EQ(open(fd), 0);
  std::string back(4096, 0);
  EXPECT_EQ(write(0, kBlock), 0);
  EXPECT_EQ(run(BlockOp::kRead, 0, {{back.data(), back.size()}}), 0);
  EXPECT_EQ(back, kBlock);
  EXPECT_EQ(loop_.counts().operations, 0u);
  close(fd);
}

TEST_F(FileBackendTest, WritesThatWaitForTheDiskGoToTheLoop) {
  for (const int flag : {O_SYNC, O_DSYNC}) {
    const TemporaryFile image(kSize, "/dev/shm");  // where nothing else would make them
    const int fd = image.open(O_RDWR | flag);
    ASSERT_EQ(open(fd), 0);
    const uint64_t before = loop_.counts().operations;
    EXPECT_EQ(write(0, kBlock), 0);
    EXPECT_EQ(loop_.counts().operations, before + 1);
    close(fd);
    backend_.reset();
  }
}

// ext4 has no writes that do not wait.
TEST_F(FileBackendTest, AWriteIsInlineOnlyIfItIsSureNotToWait) {
  const iovec vector = {const_cast<char*>(kBlock.data()), kBlock.size()};
  const bool can = pwritev2(file_.fd(), &vector, 1, 0, RWF_NOWAIT) >= 0 || errno == EAGAIN;
  const int fd = file_.open(O_RDWR);
  ASSERT_EQ(open(fd), 0);
  if (can) GTEST_SKIP() << "the file system of /tmp has writes that do not wait";
  EXPECT_EQ(write(0, kBlock), 0);
  EXPECT_EQ(write(8192, kBlock), 0);
  EXPECT_EQ(loop_.counts().operations, 2u);
  EXPECT_EQ(in_file(8192, 4096), kBlock);
  close(fd);
}

// Pages of the file that the host has, and has not begun to write; -1 if it does not tell.
int64_t dirty_pages(int fd) {
  constexpr long kCachestat = 451;  // Linux 6.5
  const uint64_t all[2] = {0, 0};
  struct {
    uint64_t cached, dirty, in_writeback, evicted, recently_evicted;
  } pages = {};
  return syscall(kCachestat, fd, all, &pages, 0) == 0 ? static_cast<int64_t>(pages.dirty) : -1;
}

// Without a flush: the one that comes has less to wait for.
TEST_F(FileBackendTest, MuchThatIsWrittenSetsTheDiskToWork) {
  const int fd = file_.open(O_RDWR);
  ASSERT_EQ(open(fd), 0);
  ASSERT_EQ(write(0, kBlock), 0);
  const int64_t dirty = dirty_pages(fd);
  if (dirty <= 0)
    GTEST_SKIP() << "the host does not tell what is dirty (Linux 6.5 does), or keeps "
                    "files in memory";
  ASSERT_EQ(write(kSize / 2, std::string(1 << 20, 'm')), 0);
  // A page that is being made dirty and written may be seen as both for a while. The host itself
  // begins after 30 seconds.
  for (int i = 0; i < 300 && dirty_pages(fd) > dirty; i++) usleep(10'000);
  EXPECT_LE(dirty_pages(fd), dirty);
  EXPECT_EQ(in_file(kSize / 2, 1 << 20), std::string(1 << 20, 'm'));
  close(fd);
}

// ---- O_DIRECT, large sectors ----

class DirectTest : public FileBackendTest {
 protected:
  void SetUp() override {
    fd_ = file_.open(O_RDWR | O_DIRECT);
    if (fd_ < 0) GTEST_SKIP() << "the file system of /tmp has no O_DIRECT";
    ASSERT_EQ(open(fd_), 0);
  }
  void TearDown() override {
    if (fd_ >= 0) close(fd_);
  }
  int fd_ = -1;
};

TEST_F(DirectTest, NothingIsInline) {
  std::string back(8192, 0);
  EXPECT_EQ(write(0, kBlock + kBlock), 0);
  EXPECT_EQ(loop_.counts().operations, 1u);
  EXPECT_EQ(run(BlockOp::kRead, 0, {{back.data(), back.size()}}), 0);
  EXPECT_EQ(loop_.counts().operations, 2u);
  EXPECT_EQ(back, kBlock + kBlock);
}

TEST_F(DirectTest, AnyMemoryWillDo) {
  alignas(4096) static char memory[3 << 20];
  const size_t block = backend_->block_size();
  ASSERT_GE(block, 512u);
  for (const size_t shift : {size_t{0}, size_t{1}, size_t{16}, block}) {
    for (const size_t length : {block, 16 * block, size_t{1} << 20}) {
      char* const from = memory + shift;
      for (size_t i = 0; i < length; ++i) from[i] = static_cast<char>(i * 7 + shift + length);
      const std::string wanted(from, length);
      const size_t cut = block / 2 + 3;  // parts that are no blocks
      EXPECT_EQ(run(BlockOp::kWrite, 4 * block, {{from, cut}, {from + cut, length - cut}}), 0);
      EXPECT_EQ(in_file(4 * block, length), wanted);
      std::memset(memory, 0, sizeof memory);
      EXPECT_EQ(run(BlockOp::kRead, 4 * block, {{from, length - cut}, {from + length - cut, cut}}),
                0);
      EXPECT_EQ(std::string(from, length), wanted) << shift << " " << length;
    }
  }
}

TEST_F(DirectTest, ASnapshotOfItReadsAnything) {
  std::string text(kSize, 0);
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 + i / 512);
  ASSERT_EQ(pwrite(file_.fd(), text.data(), text.size(), 0), static_cast<ssize_t>(kSize));
  backend_.reset();
  for (const bool again : {true, false}) {
    std::unique_ptr<BlockSource> source;
    {
      std::unique_ptr<NotToBeOpened> not_again;
      if (!again) not_again = std::make_unique<NotToBeOpened>(file_);
      ASSERT_EQ(open_host_source(fd_, true, source), 0);
    }
    std::string back(300'001, 0);
    for (const uint64_t offset : {0, 1, 511, 4095, 1'000'003}) {
      ASSERT_EQ(source->read(reinterpret_cast<std::byte*>(back.data()), back.size(), offset), 0);
      EXPECT_TRUE(back == text.substr(offset, back.size())) << offset;
    }
  }
}

namespace {

// A loop device with sectors of 4096 bytes.
class LargeSectors final {
 public:
  explicit LargeSectors(int image) {
    const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0) return;
    const int number = ioctl(control, LOOP_CTL_GET_FREE);
    close(control);
    path_ = "/dev/loop" + std::to_string(number);
    fd_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
    loop_config config = {};
    config.fd = static_cast<unsigned>(image);
    config.block_size = 4096;
    if (fd_ < 0 || ioctl(fd_, LOOP_CONFIGURE, &config) < 0) return;
    works_ = true;
  }
  ~LargeSectors() {
    if (works_) ioctl(fd_, LOOP_CLR_FD);
    if (fd_ >= 0) close(fd_);
  }
  LargeSectors(const LargeSectors&) = delete;
  LargeSectors& operator=(const LargeSectors&) = delete;
  bool works() const { return works_; }
  int open(int flags) const { return ::open(path_.c_str(), flags | O_CLOEXEC); }

 private:
  std::string path_;
  int fd_ = -1;
  bool works_ = false;
};

}  // namespace

TEST_F(FileBackendTest, LargeSectors) {
  const LargeSectors device(file_.fd());
  if (!device.works()) GTEST_SKIP() << "no loop device for us (root has them)";
  for (const int flags : {O_RDWR, O_RDWR | O_DIRECT}) {
    const int fd = device.open(flags);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(open(fd), 0);
    EXPECT_EQ(backend_->block_size(), 4096u);
    EXPECT_EQ(backend_->size(), kSize);
    std::string text(64 << 10, 'x'), back(text.size() + 1, 0);
    EXPECT_EQ(write(0, text), 0);
    // memory that is not aligned
    EXPECT_EQ(run(BlockOp::kRead, 0, {{back.data() + 1, text.size()}}), 0);
    EXPECT_EQ(back.substr(1), text);
    // ranges the device refuses: hints are left, within them
    EXPECT_EQ(run(BlockOp::kDiscard, 512, {}, 1024), 0);
    EXPECT_EQ(run(BlockOp::kDiscard, 512, {}, 12 << 10), 0);
    EXPECT_EQ(run(BlockOp::kWriteZeroes, 16 << 10, {}, 8192), 0);
    EXPECT_EQ(run(BlockOp::kRead, 0, {{back.data(), text.size()}}), 0);
    EXPECT_EQ(back.substr(0, 4096), std::string(4096, 'x'));
    EXPECT_EQ(back.substr(16 << 10, 8192), std::string(8192, 0));
    EXPECT_EQ(back[24 << 10], 'x');
    EXPECT_EQ(run(BlockOp::kFlush, 0, {}), 0);
    backend_.reset();
    close(fd);
  }
}

TEST_F(FileBackendTest, AnIncompleteLastBlockIsNotOffered) {
  ASSERT_EQ(ftruncate(file_.fd(), kSize + 700), 0);
  ASSERT_EQ(open(file_.fd()), 0);
  EXPECT_EQ(backend_->size(), kSize + 512);
  backend_.reset();
  const int direct = file_.open(O_RDWR | O_DIRECT);
  if (direct < 0) GTEST_SKIP() << "the file system of /tmp has no O_DIRECT";
  ASSERT_EQ(open(direct), 0);
  EXPECT_EQ(backend_->size(), (kSize + 700) / backend_->block_size() * backend_->block_size());
  close(direct);
}

// ---- discard, zeroes ----

TEST_F(FileBackendTest, ADiscardThatIsRefusedIsNoError) {
  const int fd = memfd_create("disk", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  ASSERT_EQ(ftruncate(fd, kSize), 0);
  ASSERT_EQ(open(fd), 0);
  ASSERT_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
  EXPECT_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);  // EPERM
  EXPECT_EQ(run(BlockOp::kDiscard, 0, {}, 4096), 0);
  EXPECT_EQ(run(BlockOp::kWriteZeroes, 0, {}, 4096), -EPERM);  // this is more than a hint
  close(fd);
}

TEST_F(FileBackendTest, ZeroesAreWrittenWhereThereIsNoOtherWay) {
  const bool mounted = lkl_test::with_mount("ramfs", "mode=777", [this](const std::string& point) {
    loop_.after_fork_child();
    const TemporaryFile file(kSize, point);
    ASSERT_EQ(open(file.fd()), 0);
    ASSERT_EQ(write(0, std::string(1 << 20, 'x')), 0);
    // ramfs has no holes to make
    ASSERT_EQ(fallocate(file.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
    EXPECT_EQ(run(BlockOp::kDiscard, 0, {}, 4096), 0);
    EXPECT_EQ(run(BlockOp::kWriteZeroes, 512, {}, 200 << 10), 0);
    std::string back(1 << 20, 0);
    EXPECT_EQ(run(BlockOp::kRead, 0, {{back.data(), back.size()}}), 0);
    EXPECT_EQ(back.substr(0, 512), std::string(512, 'x'));
    EXPECT_EQ(back.substr(512, 200 << 10), std::string(200 << 10, 0));
    EXPECT_EQ(back[512 + (200 << 10)], 'x');
  });
  if (!mounted) GTEST_SKIP() << "the host does not let us mount a ramfs";
}

// ---- the image gets shorter ----

TEST_F(FileBackendTest, WhatWasTruncatedDoesNotGrowAgain) {
  for (const bool in_memory : {false, true}) {
    const TemporaryFile image(kSize, in_memory ? "/dev/shm" : "/tmp");
    lines_.clear();
    ASSERT_EQ(open(image.fd()), 0);
    EXPECT_EQ(write(1 << 20, kBlock), 0);
    ASSERT_EQ(ftruncate(image.fd(), 64 << 10), 0);
    EXPECT_EQ(write(1 << 20, kBlock), -EIO);
    EXPECT_EQ(write(1 << 20, std::string(1 << 20, 'x')), -EIO);
    EXPECT_EQ(write((64 << 10) - 512, kBlock), -EIO);  // in part
    EXPECT_EQ(run(BlockOp::kWriteZeroes, 1 << 20, {}, 4096), -EIO);
    std::string back(4096, 0);
    EXPECT_EQ(run(BlockOp::kRead, 1 << 20, {{back.data(), back.size()}}), -EIO);
    EXPECT_EQ(lseek(image.fd(), 0, SEEK_END), 64 << 10);
    EXPECT_EQ(write(0, kBlock), 0);  // what is left is in order
    ASSERT_EQ(lines_.size(), 1u);
    EXPECT_EQ(lines_[0], "lkl: " + image.path() +
                             ": was made shorter while it is in use; what is beyond its end can "
                             "be neither read nor written\n");
    backend_.reset();
  }
}

// ---- on a loop that fails ----

class FaultTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(On, FaultTest, ::testing::Values(0, O_DIRECT, O_SYNC),
                         [](const auto& info) {
                           return info.param == 0          ? "plain"
                                  : info.param == O_DIRECT ? "direct"
                                                           : "sync";
                         });

TEST_P(FaultTest, WhatTheLoopDoesWrongIsSetRight) {
  const unsigned seed = FaultyLoop::choose_seed();
  FaultyLoop loop(make_event_loop(), seed);
  const TemporaryFile file(kSize);
  const int fd = file.open(O_RDWR | GetParam());
  if (fd < 0) GTEST_SKIP() << "the file system of /tmp has no O_DIRECT";
  std::unique_ptr<BlockBackend> backend;
  ASSERT_EQ(open_host_disk(fd, {}, loop, backend), 0);
  std::mt19937 random(seed);
  std::vector<char> model(kSize), data(200 << 10);
  const uint64_t block = backend->block_size();
  const auto run = [&](BlockOp op, uint64_t offset, std::vector<lkl::host::IoVec> parts,
                       uint64_t length = 0) {
    return lkl_test::run(*backend, loop, op, offset, std::move(parts), length);
  };
  for (int step = 0; step < 400; ++step) {
    const uint64_t offset = random() % (kSize / block) * block;
    const size_t size = std::min<uint64_t>((random() % 40 + 1) * block, kSize - offset);
    const size_t cut = 1 + random() % (size - 1);
    const auto at = model.begin() + static_cast<ptrdiff_t>(offset);
    posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);  // or reads would not come to the loop
    switch (random() % 6) {
      case 0:
        ASSERT_EQ(run(BlockOp::kWriteZeroes, offset, {}, size), 0) << seed;
        std::fill_n(at, size, 0);
        break;
      case 1:
        ASSERT_EQ(run(BlockOp::kFlush, 0, {}), 0) << seed;
        break;
      case 2:
      case 3:
        for (size_t i = 0; i < size; ++i) data[i] = static_cast<char>(random());
        ASSERT_EQ(run(BlockOp::kWrite, offset, {{data.data(), cut}, {&data[cut], size - cut}}), 0)
            << seed;
        std::copy_n(data.begin(), size, at);
        break;
      default:
        ASSERT_EQ(run(BlockOp::kRead, offset, {{data.data(), cut}, {&data[cut], size - cut}}), 0)
            << seed;
        ASSERT_EQ(std::memcmp(data.data(), &*at, size), 0) << "seed " << seed << " step " << step;
    }
  }
  EXPECT_GT(loop.counts().errors_before, 10u);
  EXPECT_GT(loop.counts().errors_after, 10u);
  close(fd);
}

TEST_P(FaultTest, WhatFailsForEverIsReported) {
  FaultyLoop::Rates rates = kNoFaults;
  rates.errors_before = 1000;
  FaultyLoop loop(make_event_loop(), 1, rates);
  const TemporaryFile file(kSize);
  const int fd = file.open(O_RDWR | GetParam());
  if (fd < 0) GTEST_SKIP() << "the file system of /tmp has no O_DIRECT";
  std::unique_ptr<BlockBackend> backend;
  ASSERT_EQ(open_host_disk(fd, {}, loop, backend), 0);
  std::string data(1 << 20, 'x');
  for (const BlockOp op : {BlockOp::kWrite, BlockOp::kFlush, BlockOp::kDiscard}) {
    const uint64_t before = loop.counts().operations;
    std::vector<lkl::host::IoVec> parts;
    if (op == BlockOp::kWrite) parts = {{data.data(), data.size()}};
    EXPECT_LT(lkl_test::run(*backend, loop, op, 0, parts), 0);
    EXPECT_LE(loop.counts().operations, before + 20);
  }
  close(fd);
}
