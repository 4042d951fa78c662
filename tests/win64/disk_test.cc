// SPDX-License-Identifier: GPL-2.0
// Images as disks, by overlapped I/O and by threads: host/win32.
#include <windows.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "block/open.h"
#include "descriptor.h"
#include "host.h"
#include "io/event_loop.h"
#include "support/backend_requests.h"
#include "support/host_tools.h"
#include "win32/overlapped.h"

namespace {

using lkl::host::BackendOptions;
using lkl::host::BlockBackend;
using lkl::host::BlockOp;
using lkl::host::EventLoop;
using lkl::host::EventLoopKind;

constexpr uint64_t kSize = 4 << 20;

class DiskTest : public ::testing::TestWithParam<EventLoopKind> {
 protected:
  void SetUp() override {
    std::ofstream(path()).close();
    std::filesystem::resize_file(path(), kSize);
    loop_ = lkl::host::make_event_loop(GetParam());
    ASSERT_TRUE(loop_);
    loop_->set_submitter({[](void* self) { static_cast<EventLoop*>(self)->kick(); }, loop_.get()});
  }
  void TearDown() override {
    disk_.reset();
    loop_.reset();
  }
  std::string path() const { return dir_ / "image"; }
  int open(const std::string& name, const BackendOptions& options,
           std::unique_ptr<BlockBackend>& disk) {
    return lkl::host::open_backend(name, options, *loop_, disk);
  }
  int run(BlockOp op, uint64_t offset, std::vector<lkl::host::IoVec> parts, uint64_t length = 0) {
    return lkl_test::run(*disk_, *loop_, op, offset, std::move(parts), length);
  }

  lkl_test::TempDir dir_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<BlockBackend> disk_;
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(By, DiskTest,
                         ::testing::Values(EventLoopKind::kAuto, EventLoopKind::kUring,
                                           EventLoopKind::kThreads),
                         [](const auto& info) {
                           return info.param == EventLoopKind::kAuto    ? "any"
                                  : info.param == EventLoopKind::kUring ? "port"
                                                                        : "threads";
                         });

TEST_P(DiskTest, ReadsWhatWasWrittenInPieces) {
  ASSERT_EQ(open(path(), {}, disk_), 0);
  EXPECT_EQ(disk_->size(), kSize);
  EXPECT_FALSE(disk_->read_only());
  std::vector<char> out(64 << 10), back(out.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(i * 31 + i / 512);
  // neighbours, which are one piece, and others
  const size_t cut = 12 * 512;
  EXPECT_EQ(run(BlockOp::kWrite, 8192,
                {{out.data(), 512}, {&out[512], cut - 512}, {&out[cut], out.size() - cut}}),
            0);
  EXPECT_EQ(run(BlockOp::kFlush, 0, {}), 0);
  std::vector<char> first(cut), rest(out.size() - cut);
  EXPECT_EQ(run(BlockOp::kRead, 8192, {{first.data(), cut}, {rest.data(), rest.size()}}), 0);
  EXPECT_EQ(std::memcmp(first.data(), out.data(), cut), 0);
  EXPECT_EQ(std::memcmp(rest.data(), &out[cut], rest.size()), 0);
  disk_.reset();
  // as anybody else sees it
  std::ifstream file(path(), std::ios::binary);
  file.seekg(8192);
  file.read(back.data(), static_cast<std::streamsize>(back.size()));
  EXPECT_EQ(back, out);
}

TEST_P(DiskTest, WhatIsDiscardedOrZeroed) {
  ASSERT_EQ(open(path(), {}, disk_), 0);
  std::vector<char> ones(256 << 10, 1), back(ones.size());
  ASSERT_EQ(run(BlockOp::kWrite, 0, {{ones.data(), ones.size()}}), 0);
  EXPECT_EQ(run(BlockOp::kWriteZeroes, 4096, {}, 100 << 10), 0);
  ASSERT_EQ(run(BlockOp::kRead, 0, {{back.data(), back.size()}}), 0);
  EXPECT_EQ(back[4095], 1);
  EXPECT_EQ(back[4096], 0);
  EXPECT_EQ(back[4095 + (100 << 10)], 0);
  EXPECT_EQ(back[4096 + (100 << 10)], 1);
  // a hint: the content is the old one or zeroes
  EXPECT_EQ(run(BlockOp::kDiscard, 200 << 10, {}, 4096), 0);
  ASSERT_EQ(run(BlockOp::kRead, 200 << 10, {{back.data(), 4096}}), 0);
  EXPECT_TRUE(back[0] == 0 || back[0] == 1);
}

TEST_P(DiskTest, OneWriterOrAnyNumberOfReaders) {
  std::unique_ptr<BlockBackend> other;
  ASSERT_EQ(open(path(), {}, disk_), 0);
  EXPECT_EQ(open(path(), {}, other), -EBUSY);
  EXPECT_EQ(open(path(), {.read_only = true}, other), -EBUSY);
  EXPECT_EQ(open(path(), {.lock = false}, other), 0);
  other.reset();
  disk_.reset();
  ASSERT_EQ(open(path(), {.read_only = true}, disk_), 0);
  EXPECT_EQ(open(path(), {.read_only = true}, other), 0);
  std::unique_ptr<BlockBackend> writer;
  EXPECT_EQ(open(path(), {}, writer), -EBUSY);
  other.reset();
  disk_.reset();
  EXPECT_EQ(open(path(), {}, writer), 0);
}

TEST_P(DiskTest, OnlyToBeRead) {
  ASSERT_EQ(open(path(), {.read_only = true}, disk_), 0);
  char sector[512] = {};
  EXPECT_TRUE(disk_->read_only());
  EXPECT_EQ(run(BlockOp::kWrite, 0, {{sector, sizeof sector}}), -EROFS);
  EXPECT_EQ(run(BlockOp::kRead, 0, {{sector, sizeof sector}}), 0);
  EXPECT_EQ(run(BlockOp::kFlush, 0, {}), 0);
  disk_.reset();
  // a descriptor that is for no more
  lkl::host::Descriptor file;
  ASSERT_EQ(lkl::host::open_file(path(), lkl::host::Access::kRead, file), 0);
  ASSERT_EQ(lkl::host::open_file_backend(file.get(), {}, *loop_, disk_), 0);
  EXPECT_TRUE(disk_->read_only());
}

TEST_P(DiskTest, OneThatWasMadeShorter) {
  // (a file that is open to others can't be made shorter by them where Windows locks it)
  std::vector<std::string> said;
  ASSERT_EQ(
      open(path(), {.lock = false, .say = [&](std::string_view line) { said.emplace_back(line); }},
           disk_),
      0);
  const HANDLE other =
      CreateFileA(path().c_str(), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr,
                  OPEN_EXISTING, 0, nullptr);
  ASSERT_NE(other, INVALID_HANDLE_VALUE);
  SetFilePointer(other, kSize / 2, nullptr, FILE_BEGIN);
  ASSERT_TRUE(SetEndOfFile(other));
  CloseHandle(other);
  char sector[512] = {};
  EXPECT_EQ(run(BlockOp::kRead, kSize - 512, {{sector, sizeof sector}}), -EIO);
  EXPECT_EQ(run(BlockOp::kWrite, kSize - 512, {{sector, sizeof sector}}), -EIO);
  EXPECT_EQ(run(BlockOp::kRead, 0, {{sector, sizeof sector}}), 0);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("made shorter"), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(path()), kSize / 2);
}

TEST_P(DiskTest, ASnapshotIsForgotten) {
  char sector[512], back[512];
  std::memset(sector, 7, sizeof sector);
  ASSERT_EQ(open(path(), {.snapshot = true}, disk_), 0);
  EXPECT_EQ(run(BlockOp::kWrite, 1024, {{sector, sizeof sector}}), 0);
  EXPECT_EQ(run(BlockOp::kRead, 1024, {{back, sizeof back}}), 0);
  EXPECT_EQ(std::memcmp(sector, back, sizeof back), 0);
  EXPECT_EQ(run(BlockOp::kDiscard, 0, {}, 8192), 0);
  EXPECT_EQ(run(BlockOp::kRead, 1024, {{back, sizeof back}}), 0);
  EXPECT_EQ(back[0], 0);
  disk_.reset();
  std::ifstream file(path(), std::ios::binary);
  file.seekg(1024);
  file.read(back, sizeof back);
  EXPECT_EQ(back[0], 0);
}

TEST_P(DiskTest, NamesOfAnyLengthAndLanguage) {
  std::filesystem::path folder = std::filesystem::path(dir_.path());
  for (int i = 0; i < 6; ++i) folder /= std::wstring(50, L'd') + std::to_wstring(i);
  const std::filesystem::path name = folder / L"\u00e4\u03b1\u4e2d.img";
  const std::wstring wide = L"\\\\?\\" + std::filesystem::absolute(folder).wstring();
  for (std::filesystem::path part = wide; !std::filesystem::exists(part);) {
    // the innermost that is there, one step at a time
    std::filesystem::path next = part;
    while (!std::filesystem::exists(next.parent_path())) next = next.parent_path();
    ASSERT_TRUE(CreateDirectoryW(next.c_str(), nullptr)) << GetLastError();
  }
  const std::wstring file = wide + L"\\\u00e4\u03b1\u4e2d.img";
  const HANDLE made = CreateFileW(file.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_NEW, 0, nullptr);
  ASSERT_NE(made, INVALID_HANDLE_VALUE) << GetLastError();
  SetFilePointer(made, 1 << 20, nullptr, FILE_BEGIN);
  SetEndOfFile(made);
  CloseHandle(made);
  const std::u8string utf8 = name.u8string();
  EXPECT_EQ(open(std::string(utf8.begin(), utf8.end()), {}, disk_), 0);
  ASSERT_TRUE(disk_);
  EXPECT_EQ(disk_->size(), 1u << 20);
  disk_.reset();
}

// What fails is no number of bytes: who waits for it, and who is told of it.
TEST_P(DiskTest, AFailureIsAnError) {
  lkl::host::Descriptor file;
  ASSERT_EQ(lkl::host::open_file(path(), lkl::host::Access::kRead, file), 0);
  std::array<char, 16> bytes = {};
  const lkl::host::IoVec part = {.base = bytes.data(), .size = bytes.size()};
  EXPECT_EQ(lkl::host::write_now(file.get(), std::span(&part, 1), 0, true), -EACCES);
  const lkl::host::OverlappedHandle overlapped(file.get(), GENERIC_READ);
  struct End final : lkl::host::IoCompletion {
    void done(int64_t result) override { told = result; }
    int64_t told = 1;
  } end;
  loop_->write(file.get(), std::span(&part, 1), 0, end);
  loop_->quiesce();
  EXPECT_EQ(end.told, -EACCES);
}

TEST_P(DiskTest, WhatIsNone) {
  EXPECT_EQ(open(dir_ / "nothing", {}, disk_), -ENOENT);
  EXPECT_NE(open(dir_.path(), {}, disk_), 0);
  EXPECT_EQ(lkl::host::open_file_backend(-1, {}, *loop_, disk_), -EBADF);
  EXPECT_EQ(open("nbds://localhost", {}, disk_), -EPROTONOSUPPORT);
  EXPECT_EQ(open("nbd+unix:///?socket=nowhere", {}, disk_), -EPROTONOSUPPORT);
  EXPECT_EQ(open("nbd://localhost:x/", {}, disk_), -EINVAL);
  EXPECT_EQ(open("nbd://127.0.0.1:1/x", {}, disk_), -ECONNREFUSED);
}

namespace {

struct Result final : lkl::host::IoCompletion {
  bool ended = false;
  int64_t value = 0;
  void done(int64_t result) override {
    ended = true;
    value = result;
  }
};

}  // namespace

TEST_P(DiskTest, AKickIsNotLost) {
  loop_->kick();
  loop_->wait(UINT64_MAX);  // came before
  std::atomic<bool> stop = false;
  std::atomic<unsigned> turns = 0;
  std::thread waiter([&] {
    while (!stop) {
      loop_->wait(UINT64_MAX);
      ++turns;
    }
  });
  while (turns == 0) loop_->kick();
  std::vector<std::thread> kickers;
  for (int i = 0; i < 3; ++i)
    kickers.emplace_back([&] {
      for (int k = 0; k < 5000; ++k) loop_->kick();
    });
  for (std::thread& thread : kickers) thread.join();
  stop = true;
  loop_->kick();
  waiter.join();  // else: a kick was lost
}

TEST_P(DiskTest, ADeadlineEndsTheWait) {
  const uint64_t start = lkl::host::monotonic_ns();
  loop_->wait(start + 20'000'000);
  EXPECT_GE(lkl::host::monotonic_ns(), start + 20'000'000);
  loop_->wait(start);  // long past
}

TEST_P(DiskTest, ManyAtOnceAreAllEnded) {
  lkl::host::Descriptor file;
  ASSERT_EQ(lkl::host::open_file(path(), lkl::host::Access::kReadWrite, file), 0);
  constexpr int kCount = 500;
  std::vector<char> data(kCount), back(kCount);
  std::vector<lkl::host::IoVec> vectors(kCount);
  std::vector<Result> results(kCount);
  for (int i = 0; i < kCount; ++i) {
    data[static_cast<size_t>(i)] = static_cast<char>(i);
    vectors[static_cast<size_t>(i)] = {&data[static_cast<size_t>(i)], 1};
    loop_->write(file.get(), {&vectors[static_cast<size_t>(i)], 1}, static_cast<uint64_t>(i),
                 results[static_cast<size_t>(i)]);
  }
  loop_->quiesce();
  for (const Result& result : results) {
    ASSERT_TRUE(result.ended);
    ASSERT_EQ(result.value, 1);
  }
  const lkl::host::IoVec all[] = {{back.data(), back.size()}};
  EXPECT_EQ(lkl::host::read_now(file.get(), all, 0, true), kCount);
  EXPECT_EQ(back, data);
  Result failed;
  loop_->read(-1, all, 0, failed);
  while (!failed.ended) loop_->wait(UINT64_MAX);
  EXPECT_EQ(failed.value, -EBADF);
}
