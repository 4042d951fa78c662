// SPDX-License-Identifier: GPL-2.0
// The host has no room left for the image.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "block/host_disk.h"
#include "block/space_wait.h"
#include "host.h"
#include "support/backend_requests.h"
#include "support/faulty_loop.h"
#include "support/mounted.h"
#include "support/temporary_file.h"

namespace {

using namespace lkl::host;
using lkl_test::TemporaryFile;
using lkl_test::TestRequest;

constexpr uint64_t kSize = 8 << 20;  // of the image; the file system has 1 MiB
constexpr size_t kChunk = 32 << 10;

struct FullDisk {
  explicit FullDisk(const std::string& point, int flags, bool wait,
                    const lkl_test::FaultyLoop::Rates& faults = {0, 0, 0, 0})
      : loop(make_event_loop(), 1, faults),
        filler(0, point),
        image(kSize, point),
        chunk(kChunk, 'x') {
    EXPECT_EQ(posix_fallocate(filler.fd(), 0, 768 << 10), 0);
    const int fd = image.open(O_RDWR | flags);
    EXPECT_EQ(open_host_disk(fd,
                             {.wait_for_space = wait,
                              .say =
                                  [this](std::string_view line) {
                                    const std::lock_guard lock(mutex);
                                    lines.emplace_back(line);
                                  }},
                             loop, backend),
              0);
    close(fd);
  }
  void start(uint64_t offset) {
    requests.emplace_back(BlockOp::kWrite, offset,
                          std::vector<lkl::host::IoVec>{{chunk.data(), chunk.size()}});
    backend->submit(requests.back());
  }
  void fill() {
    for (uint64_t at = 0; at < kSize; at += kChunk) start(at);
  }
  void wait_ms(unsigned ms) {
    const uint64_t end = lkl::host::monotonic_ns() + ms * uint64_t{1'000'000};
    while (lkl::host::monotonic_ns() < end) loop.wait(end);
  }
  size_t count(bool ended, int error = 0) {
    size_t n = 0;
    for (const TestRequest& request : requests)
      n += request.ended == ended && request.error == error;
    return n;
  }
  void make_room() { EXPECT_EQ(ftruncate(filler.fd(), 0), 0); }

  lkl_test::FaultyLoop loop;
  TemporaryFile filler, image;
  std::string chunk;
  std::mutex mutex;
  std::vector<std::string> lines;
  std::unique_ptr<BlockBackend> backend;
  std::list<TestRequest> requests;
};

// Its first pause takes an hour.
class DiskThatIsAlwaysFull final : public BlockBackend {
 public:
  explicit DiskThatIsAlwaysFull(EventLoop& loop)
      : space_(
            loop, [this](BlockRequest& request) { start(request); }, 3'600'000) {}
  uint64_t size() const override { return 0; }
  void stop_waiting() override { space_.stop(); }

 private:
  void start(BlockRequest& request) override {
    if (space_.add(request) == SpaceWait::Answer::kStopped) request.completed(-ENOSPC);
  }
  void resume(BlockRequest& request, int64_t result) override {
    request.completed(static_cast<int>(result));
  }
  int64_t run_blocking(BlockRequest&) override { return 0; }

  SpaceWait space_;
};

// 0: writes are copied at once; O_SYNC: by the loop.
class FullDiskTest : public ::testing::TestWithParam<int> {
 protected:
  void on_full_disk(const std::function<void(const std::string& point)>& body) {
    if (!lkl_test::with_mount("tmpfs", "size=1m,mode=777", body))
      GTEST_SKIP() << "the host does not let us mount a tmpfs";
  }
};
INSTANTIATE_TEST_SUITE_P(On, FullDiskTest, ::testing::Values(0, O_SYNC),
                         [](const auto& info) { return info.param == 0 ? "inline" : "loop"; });

}  // namespace

TEST_P(FullDiskTest, IsReportedOnce) {
  on_full_disk([](const std::string& point) {
    FullDisk disk(point, GetParam(), false);
    disk.fill();
    disk.loop.quiesce();
    EXPECT_GT(disk.count(true, 0), 0u);
    EXPECT_EQ(disk.count(true, 0) + disk.count(true, -ENOSPC), kSize / kChunk);
    ASSERT_EQ(disk.lines.size(), 1u);
    EXPECT_EQ(disk.lines[0], "lkl: " + disk.image.path() +
                                 ": the host's disk is full, or a quota is used up: "
                                 "writes fail. Make room, and mount it again\n");
  });
}

TEST_P(FullDiskTest, WritesWaitForRoom) {
  on_full_disk([](const std::string& point) {
    FullDisk disk(point, GetParam(), true);
    for (uint64_t at = 0; at < 20; ++at) disk.start(at * kChunk);
    disk.wait_ms(200);
    const size_t waiting = disk.count(false);
    EXPECT_GT(waiting, 8u);  // more than the pool has threads
    EXPECT_EQ(disk.count(true, -ENOSPC), 0u);
    ASSERT_EQ(disk.lines.size(), 1u);
    EXPECT_NE(disk.lines[0].find("writes wait until there is room"), std::string::npos);
    // not by spinning: the pauses grow
    const uint64_t before = disk.loop.counts().operations;
    disk.wait_ms(300);
    EXPECT_LT(disk.loop.counts().operations - before, 6 * (waiting + 1));
    // and others are not kept from the pool
    struct Task final : BlockingTask {
      int64_t run() override { return 42; }
    } task;
    struct End final : IoCompletion {
      int64_t value = 0;
      void done(int64_t result) override { value = result; }
    } end;
    disk.loop.run_blocking(task, end);
    for (int i = 0; i < 100 && end.value == 0; ++i) disk.wait_ms(1);
    EXPECT_EQ(end.value, 42);

    disk.make_room();
    disk.loop.quiesce();
    EXPECT_EQ(disk.count(true, 0), disk.requests.size());
    ASSERT_EQ(disk.lines.size(), 2u);
    EXPECT_EQ(disk.lines[1], "lkl: " + disk.image.path() + ": there is room again, writes go on\n");
    std::string back(20 * kChunk, 0);
    ASSERT_EQ(pread(disk.image.fd(), back.data(), back.size(), 0),
              static_cast<ssize_t>(back.size()));
    EXPECT_TRUE(back == std::string(back.size(), 'x'));
  });
}

TEST_P(FullDiskTest, TheWaitEndsWithTheDisk) {
  on_full_disk([](const std::string& point) {
    FullDisk disk(point, GetParam(), true);
    disk.fill();
    disk.wait_ms(100);
    EXPECT_GT(disk.count(false), 0u);
    std::thread remover([&] { disk.backend->stop_waiting(); });
    disk.loop.quiesce();
    remover.join();
    EXPECT_EQ(disk.count(true, 0) + disk.count(true, -ENOSPC), kSize / kChunk);
    disk.start(kSize - kChunk);  // what comes late
    disk.loop.quiesce();
    EXPECT_EQ(disk.requests.back().error, -ENOSPC);
  });
}

// Or this does not end.
TEST(SpaceWaitTest, APauseEndsWithTheDisk) {
  const auto loop = make_event_loop();
  DiskThatIsAlwaysFull disk(*loop);
  TestRequest request(BlockOp::kWrite, 0, {}), late(BlockOp::kWrite, 0, {});
  disk.submit(request);
  std::thread remover([&disk] { disk.stop_waiting(); });
  loop->quiesce();
  remover.join();
  EXPECT_TRUE(request.ended);
  EXPECT_EQ(request.error, -ENOSPC);
  disk.submit(late);
  EXPECT_TRUE(late.ended);
  EXPECT_EQ(late.error, -ENOSPC);
}

TEST_P(FullDiskTest, WaitsOnALoopThatFails) {
  on_full_disk([](const std::string& point) {
    FullDisk disk(point, GetParam(), true, lkl_test::FaultyLoop::Rates());
    for (uint64_t at = 0; at < 20; ++at) disk.start(at * kChunk);
    disk.wait_ms(200);
    EXPECT_GT(disk.count(false), 0u);
    disk.make_room();
    disk.loop.quiesce();
    EXPECT_EQ(disk.count(true, 0), disk.requests.size());
  });
}

namespace {

class NoRoomForFlushes final : public lkl_test::FaultyLoop {
 public:
  NoRoomForFlushes() : FaultyLoop(make_event_loop(), 1, {0, 0, 0, 0}) {}
  void sync(int, IoCompletion& end) override { end.done(-ENOSPC); }
};

}  // namespace

// What the host could not write it has forgotten: to flush again would say that all is well.
TEST(FullDisk, AFlushDoesNotWait) {
  NoRoomForFlushes loop;
  const TemporaryFile image(kSize);
  std::unique_ptr<BlockBackend> backend;
  ASSERT_EQ(open_host_disk(image.fd(), {.wait_for_space = true, .say = [](auto) {}}, loop, backend),
            0);
  TestRequest flush(BlockOp::kFlush, 0, {});
  backend->submit(flush);
  EXPECT_TRUE(flush.ended);
  EXPECT_EQ(flush.error, -ENOSPC);
  backend->stop_waiting();
  loop.quiesce();
}
