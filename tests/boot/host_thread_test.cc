// SPDX-License-Identifier: GPL-2.0
// Threads of the application as the host sees them.
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "support/kernel_test.h"

namespace {

class HostThreadTest : public lkl_test::KernelTest {};

void sleep_ms(int ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

// What the host says of a thread of ours: R, S, ...
char state_of(pid_t thread) {
  std::ifstream stat("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string line;
  std::getline(stat, line);
  const size_t end_of_name = line.rfind(')');
  return end_of_name == std::string::npos ? '?' : line.at(end_of_name + 2);
}

}  // namespace

// Several at once, since one of them may spin for a moment.
TEST_F(HostThreadTest, WhoWaitsSleeps) {
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  constexpr unsigned kReaders = 4;
  std::array<std::atomic<pid_t>, kReaders> ids = {};
  std::vector<std::thread> readers;
  for (auto& id : ids)
    readers.emplace_back([&] {
      id = gettid();
      char c;
      EXPECT_EQ(lkl_sys_read(pipe[0], &c, 1), 1);
    });
  for (auto& id : ids)
    while (id == 0) std::this_thread::yield();
  sleep_ms(100);
  constexpr int kSamples = 50;
  int running = 0;
  for (int i = 0; i < kSamples; ++i) {
    sleep_ms(2);
    for (auto& id : ids) running += state_of(id) == 'R';
  }
  EXPECT_LT(running, kSamples / 5);
  for (unsigned i = 0; i < kReaders; ++i) EXPECT_EQ(lkl_sys_write(pipe[1], "x", 1), 1);
  for (std::thread& reader : readers) reader.join();
}

TEST_F(HostThreadTest, CancellationWaitsForTheEndOfTheCall) {
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  struct Shared {
    int fd;
    std::atomic<long> result = -1;
  } shared = {.fd = pipe[0]};
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, nullptr,
                [](void* raw) -> void* {
                  auto* shared = static_cast<Shared*>(raw);
                  char c;
                  shared->result = lkl_sys_read(shared->fd, &c, 1);
                  for (;;) pthread_testcancel();
                },
                &shared),
            0);
  sleep_ms(20);
  ASSERT_EQ(pthread_cancel(thread), 0);
  sleep_ms(20);
  EXPECT_EQ(shared.result, -1);  // still inside
  ASSERT_EQ(lkl_sys_write(pipe[1], "x", 1), 1);
  void* value;
  ASSERT_EQ(pthread_join(thread, &value), 0);
  EXPECT_EQ(value, PTHREAD_CANCELED);
  EXPECT_EQ(shared.result, 1);
  EXPECT_EQ(lkl_sys_getpid(), 1);
}
