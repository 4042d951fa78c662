// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "block/callback_backend.h"
#include "block/host_disk.h"
#include "block/memory_backend.h"
#include "block/overlay_backend.h"
#include "support/backend_requests.h"
#include "support/fault_backend.h"
#ifdef LKL_HAVE_NBD
#include "block/nbd_client.h"
#endif

namespace {

using namespace lkl::host;

using Request = lkl_test::TestRequest;

class BackendTest : public ::testing::TestWithParam<const char*> {
 protected:
  static constexpr uint64_t kSize = 4 << 20;

  void SetUp() override {
    loop_ = make_event_loop();
    std::string name = "/tmp/lkl-backend-XXXXXX";
    fd_ = mkstemp(name.data());
    path_ = name;
    ASSERT_EQ(ftruncate(fd_, kSize), 0);
    if (std::string(GetParam()) == "file") {
      std::unique_ptr<BlockBackend> file;
      ASSERT_EQ(open_host_disk(fd_, {}, *loop_, file), 0);
      backend_ = std::move(file);
    } else if (std::string(GetParam()) == "memory") {
      backend_ = std::make_unique<MemoryBackend>(kSize);
    } else if (std::string(GetParam()) == "caller_memory") {
      bytes_.resize(kSize);
      backend_ = std::make_unique<MemoryBackend>(std::as_writable_bytes(std::span(bytes_)));
    } else if (std::string(GetParam()) == "overlay") {
      std::unique_ptr<BlockSource> source;
      std::unique_ptr<OverlayBackend> overlay;
      ASSERT_EQ(open_host_source(fd_, true, source), 0);
      ASSERT_EQ(OverlayBackend::open(std::move(source), *loop_, overlay), 0);
      backend_ = std::move(overlay);
    } else if (std::string(GetParam()) == "nbd") {
      open_nbd();
    } else {
      bytes_.resize(kSize);
      backend_ = std::make_unique<CallbackBackend>(
          kSize, *loop_, [this](BlockOp op, uint64_t offset, std::span<lkl::host::IoVec> vector) {
            for (const lkl::host::IoVec& part : vector) {
              if (op == BlockOp::kRead)
                std::memcpy(part.base, &bytes_[offset], part.size);
              else
                std::memcpy(&bytes_[offset], part.base, part.size);
              offset += part.size;
            }
            return 0;
          });
    }
  }
  // A server that others have written, on the file.
  void open_nbd() {
#ifdef LKL_HAVE_NBD
    socket_ = path_ + ".socket";
    server_ = fork();
    if (server_ == 0) {
      execlp("nbdkit", "nbdkit", "-f", "-U", socket_.c_str(), "file", path_.c_str(), nullptr);
      _exit(127);
    }
    std::unique_ptr<NbdClient> client;
    int status, error = -ENOENT;
    for (int i = 0; i < 500 && error; ++i) {
      if (waitpid(server_, &status, WNOHANG) == server_) {
        server_ = -1;
        GTEST_SKIP() << "nbdkit does not run (package nbdkit)";
      }
      usleep(10'000);
      error = NbdClient::open("nbd+unix:///?socket=" + socket_, client);
      if (error == -EPROTONOSUPPORT) GTEST_SKIP() << "libnbd is not installed (package libnbd0)";
    }
    ASSERT_EQ(error, 0);
    backend_ = std::make_unique<NbdBackend>(std::move(client), false, *loop_);
#else
    GTEST_SKIP() << "built without libnbd-dev";
#endif
  }

  void TearDown() override {
    backend_.reset();
    if (server_ > 0) {
      kill(server_, SIGTERM);
      waitpid(server_, nullptr, 0);
      unlink(socket_.c_str());
    }
    close(fd_);
    unlink(path_.c_str());
  }

  int run(BlockOp op, uint64_t offset, std::vector<lkl::host::IoVec> parts, uint64_t length = 0) {
    return lkl_test::run(*backend_, *loop_, op, offset, std::move(parts), length);
  }

  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<BlockBackend> backend_;
  std::vector<char> bytes_;
  std::string path_;
  int fd_ = -1;
  std::string socket_;
  pid_t server_ = -1;
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, BackendTest,
                         ::testing::Values("file", "memory", "caller_memory", "callback", "overlay",
                                           "nbd"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(BackendTest, KeepsWhatItGets) {
  EXPECT_EQ(backend_->size(), kSize);
  // small, and large enough for the other way of writing
  for (const size_t size : {size_t{512}, size_t{64 << 10}, size_t{1 << 20}}) {
    std::vector<char> out(size), back(size);
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 13 + size);
    EXPECT_EQ(run(BlockOp::kWrite, 8192, {{out.data(), 512}, {out.data() + 512, size - 512}}), 0);
    EXPECT_EQ(run(BlockOp::kFlush, 0, {}), 0);
    EXPECT_EQ(
        run(BlockOp::kRead, 8192, {{back.data(), size - 512}, {back.data() + size - 512, 512}}), 0);
    EXPECT_EQ(back, out);
  }
}

TEST_P(BackendTest, DiscardAndZeroes) {
  if (!backend_->can_discard()) {
    EXPECT_EQ(run(BlockOp::kDiscard, 0, {}, 4096), -EOPNOTSUPP);
    return;
  }
  std::vector<char> ones(64 << 10, 1), back(64 << 10);
  for (const BlockOp op : {BlockOp::kWriteZeroes, BlockOp::kDiscard}) {
    ASSERT_EQ(run(BlockOp::kWrite, 0, {{ones.data(), ones.size()}}), 0);
    EXPECT_EQ(run(op, 5 * 512, {}, 40 << 10), 0);
    ASSERT_EQ(run(BlockOp::kRead, 0, {{back.data(), back.size()}}), 0);
    EXPECT_EQ(back[5 * 512 - 1], 1);
    EXPECT_EQ(back[5 * 512], 0);
    EXPECT_EQ(back[5 * 512 + (40 << 10) - 1], 0);
    EXPECT_EQ(back[5 * 512 + (40 << 10)], 1);
  }
}

// Random requests of any alignment against a model.
TEST_P(BackendTest, AgreesWithAModel) {
  std::mt19937 random(42);
  std::vector<char> model(kSize), data(200 << 10);
  for (int step = 0; step < 400; ++step) {
    const uint64_t offset = random() % (kSize / 512) * 512;
    const size_t size = std::min<uint64_t>((random() % 300 + 1) * 512, kSize - offset);
    const size_t cut = size / 2;
    switch (random() % 5) {
      case 0:
        if (!backend_->can_discard()) break;
        ASSERT_EQ(run(BlockOp::kWriteZeroes, offset, {}, size), 0);
        std::fill_n(model.begin() + static_cast<ptrdiff_t>(offset), size, 0);
        break;
      case 1:
      case 2:
        for (size_t i = 0; i < size; ++i) data[i] = static_cast<char>(random());
        ASSERT_EQ(run(BlockOp::kWrite, offset, {{data.data(), cut}, {&data[cut], size - cut}}), 0);
        std::copy_n(data.begin(), size, model.begin() + static_cast<ptrdiff_t>(offset));
        break;
      default:
        ASSERT_EQ(run(BlockOp::kRead, offset, {{data.data(), cut}, {&data[cut], size - cut}}), 0);
        ASSERT_EQ(std::memcmp(data.data(), &model[offset], size), 0) << "step " << step;
    }
  }
}

using OverlayBackendTest = BackendTest;
INSTANTIATE_TEST_SUITE_P(On, OverlayBackendTest, ::testing::Values("overlay"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(OverlayBackendTest, TheBaseIsRead) {
  backend_.reset();
  std::vector<char> base(kSize), back(kSize);
  for (size_t i = 0; i < kSize; ++i) base[i] = static_cast<char>(i / 512 * 7 + i);
  ASSERT_EQ(pwrite(fd_, base.data(), kSize, 0), static_cast<ssize_t>(kSize));
  std::unique_ptr<BlockSource> source;
  std::unique_ptr<OverlayBackend> overlay;
  ASSERT_EQ(open_host_source(fd_, true, source), 0);
  ASSERT_EQ(OverlayBackend::open(std::move(source), *loop_, overlay), 0);
  backend_ = std::move(overlay);
  std::vector<char> sector(512, 's');
  std::vector<char> expected = base;
  // within a block, over the edge of two, and the last sector
  for (const uint64_t offset : {uint64_t{512}, uint64_t{4096 - 512}, kSize - 512}) {
    ASSERT_EQ(run(BlockOp::kWrite, offset, {{sector.data(), 512}}), 0);
    std::fill_n(expected.begin() + static_cast<ptrdiff_t>(offset), 512, 's');
  }
  ASSERT_EQ(run(BlockOp::kRead, 0, {{back.data(), kSize}}), 0);
  EXPECT_TRUE(back == expected);
  // and the image is as it was
  ASSERT_EQ(pread(fd_, back.data(), kSize, 0), static_cast<ssize_t>(kSize));
  EXPECT_TRUE(back == base);
}

TEST_P(OverlayBackendTest, TheBaseIsLockedForReading) {
  std::unique_ptr<BlockBackend> other;
  const int writer = open(path_.c_str(), O_RDWR);
  EXPECT_EQ(open_host_disk(writer, {}, *loop_, other), -EBUSY);
  EXPECT_EQ(open_host_disk(writer, {.read_only = true}, *loop_, other), 0);
  close(writer);
}

using FileBackendTest = BackendTest;
INSTANTIATE_TEST_SUITE_P(On, FileBackendTest, ::testing::Values("file"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(FileBackendTest, AFileThatShrinksUnderUs) {
  ASSERT_EQ(ftruncate(fd_, 4096), 0);
  char data[1024];
  EXPECT_EQ(run(BlockOp::kRead, 0, {{data, sizeof data}}), 0);
  EXPECT_EQ(run(BlockOp::kRead, 1 << 20, {{data, sizeof data}}), -EIO);
  EXPECT_EQ(run(BlockOp::kRead, 4096 - 512, {{data, sizeof data}}), -EIO);
}

TEST_P(FileBackendTest, OneWriterOrManyReaders) {
  std::unique_ptr<BlockBackend> other;
  const int writer = open(path_.c_str(), O_RDWR);
  const int reader = open(path_.c_str(), O_RDONLY);
  EXPECT_EQ(open_host_disk(writer, {}, *loop_, other), -EBUSY);
  EXPECT_EQ(open_host_disk(reader, {}, *loop_, other), -EBUSY);
  EXPECT_EQ(open_host_disk(reader, {.read_only = true, .lock = false}, *loop_, other), 0);
  other.reset();
  backend_.reset();
  EXPECT_EQ(open_host_disk(reader, {}, *loop_, other), 0);
  EXPECT_TRUE(other->read_only());
  std::unique_ptr<BlockBackend> third;
  EXPECT_EQ(open_host_disk(writer, {.read_only = true}, *loop_, third), 0);
  third.reset();
  EXPECT_EQ(open_host_disk(writer, {}, *loop_, third), -EBUSY);
  backend_ = std::move(other);
  char byte[512] = {};
  EXPECT_EQ(run(BlockOp::kWrite, 0, {{byte, sizeof byte}}), -EROFS);
  close(writer);
  close(reader);
}

TEST_P(FileBackendTest, WhatIsNoDisk) {
  std::unique_ptr<BlockBackend> other;
  EXPECT_EQ(open_host_disk(-1, {}, *loop_, other), -EBADF);
  const int null = open("/dev/null", O_RDWR);
  EXPECT_EQ(open_host_disk(null, {}, *loop_, other), -EINVAL);
  close(null);
}

TEST(FaultBackend, FailsOnDemand) {
  FaultBackend backend(std::make_unique<MemoryBackend>(1 << 20));
  char data[512] = {};
  const auto run = [&](BlockOp op) {
    Request request;
    request.op = op;
    request.parts = {{data, sizeof data}};
    request.vector = request.parts;
    request.length = sizeof data;
    backend.submit(request);
    return request.error;
  };
  EXPECT_EQ(run(BlockOp::kWrite), 0);
  backend.fail_writes = true;
  EXPECT_EQ(run(BlockOp::kWrite), -EIO);
  EXPECT_EQ(run(BlockOp::kRead), 0);
  backend.fail_reads = true;
  EXPECT_EQ(run(BlockOp::kRead), -EIO);
  backend.fail_flushes = true;
  EXPECT_EQ(run(BlockOp::kFlush), -EIO);
  EXPECT_EQ(backend.writes, 2u);
  EXPECT_EQ(backend.flushes, 1u);
}
