// SPDX-License-Identifier: GPL-2.0
// Everything at once, at random: calls that wait and calls that do not, threads that begin and
// end, forks, signals whose handlers make calls, disks that come and go, halt, boot again.
// Results are checked; what is wanted is that nothing hangs, nothing is mixed up, nothing breaks.
//
// LKL_STRESS_SECONDS (20) and LKL_STRESS_SEED (from the clock, printed) say how long and what.
#include <gtest/gtest.h>
#include <lkl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <random>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/sanitizers.h"

namespace {

using Random = std::mt19937_64;
using Clock = std::chrono::steady_clock;

std::atomic<bool> stop;
std::atomic<long> calls, forks, handlers, boots;
std::atomic<const char*> failure;

// A descriptor means nothing to the next kernel, or another's file: who has one may see the end of
// a kernel, and not the beginning of the next.
std::shared_mutex descriptors;
std::atomic<bool> between_kernels;

long number_of(const char* name, long otherwise) {
  const char* text = std::getenv(name);
  return text ? std::atol(text) : otherwise;
}

bool is_down(long result) {
  return result == -LKL_ESHUTDOWN || result == -LKL_ENODEV;
}

void fail(const char* what) {
  const char* none = nullptr;
  failure.compare_exchange_strong(none, what);
}

void expect(bool right, const char* what) {
  if (!right) fail(what);
  ++calls;
}

void call_in_handler(int) {
  const long result = lkl_sys_close(-1);
  if (result != -LKL_EBADF && result != -LKL_EDEADLK && !is_down(result)) fail("in a handler");
  ++handlers;
}

void with_descriptors(void (*what)(Random&), Random& random) {
  if (between_kernels) return;
  const std::shared_lock lock(descriptors);
  what(random);
}

void short_calls(Random& random) {
  const long me = lkl_sys_gettid();
  if (is_down(me)) return;
  for (unsigned i = random() % 200; i > 0; --i) {
    const long again = lkl_sys_gettid();
    expect(again == me || is_down(again), "gettid");
  }
}

void through_a_pipe(Random& random) {
  int pipe[2];
  if (lkl_sys_pipe2(pipe, 0) != 0) return;
  const char sent = static_cast<char>(random());
  std::thread other([&] {
    const long written = lkl_sys_write(pipe[1], &sent, 1);
    expect(written == 1 || is_down(written) || written == -LKL_EINTR, "write to a pipe");
    if (written != 1) lkl_sys_close(pipe[1]);
  });
  char got = 0;
  const long count = lkl_sys_read(pipe[0], &got, 1);
  expect((count == 1 && got == sent) || is_down(count) || count == 0 || count == -LKL_EINTR,
         "read from a pipe");
  other.join();
  lkl_sys_close(pipe[0]);
  lkl_sys_close(pipe[1]);
}

void a_nap(Random& random) {
  __lkl__kernel_timespec ts = {.tv_sec = 0, .tv_nsec = static_cast<long>(random() % 2'000'000)};
  const long result = lkl_sys_nanosleep(&ts, nullptr);
  expect(result == 0 || is_down(result) || result == -LKL_EINTR, "nanosleep");
}

void a_file(Random& random) {
  const std::string name = "/f" + std::to_string(random() % 8);
  const long fd = lkl_sys_open(name.c_str(), LKL_O_CREAT | LKL_O_RDWR, 0600);
  if (fd < 0) return;
  std::string data(random() % 20000 + 1, static_cast<char>(random()));
  lkl_sys_pwrite64(static_cast<int>(fd), data.data(), data.size(), 0);
  lkl_sys_close(static_cast<int>(fd));
  if (random() % 4 == 0) lkl_sys_unlink(name.c_str());
}

void a_disk(Random& random) {
  lkl_disk disk = {};
  lkl_disk_options options = {};
  options.struct_size = sizeof(options);
  options.flags = LKL_DISK_MEMORY;
  options.size = 1 << 20;
  const int id = lkl_disk_add_options(&disk, &options);
  if (id < 0) return;
  unsigned dev;
  const std::string node = "/disk" + std::to_string(id);
  if (lkl_get_virtio_blkdev(id, 0, &dev) == 0 &&
      lkl_sys_mknod(node.c_str(), LKL_S_IFBLK | 0600, dev) == 0) {
    const long fd = lkl_sys_open(node.c_str(), LKL_O_RDWR, 0);
    if (fd >= 0) {
      std::string data(4096, static_cast<char>(random())), back(4096, 0);
      if (lkl_sys_pwrite64(static_cast<int>(fd), data.data(), data.size(), 4096) == 4096 &&
          lkl_sys_fsync(static_cast<int>(fd)) == 0 &&
          lkl_sys_pread64(static_cast<int>(fd), back.data(), back.size(), 4096) == 4096)
        expect(back == data, "content of a disk");
      lkl_sys_close(static_cast<int>(fd));
    }
    lkl_sys_unlink(node.c_str());
  }
  lkl_disk_remove(disk);
}

void a_fork(Random&) {
  if (lkl_test::kWhyNoForkBesideThreads) return;
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(60);
    const long answer = lkl_sys_getpid();
    _exit(answer == 1 || is_down(answer) ? 0 : 1);
  }
  if (pid < 0) return;
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  expect(status == 0, "child of a fork");
  ++forks;
}

// Numbers of threads that work; one that has ended may still be there.
std::array<std::atomic<pid_t>, 6> workers_now;

void work(std::atomic<pid_t>& me, uint64_t seed) {
  me = gettid();
  Random random(seed);
  for (unsigned i = random() % 40 + 1; i > 0 && !stop; --i) {
    switch (random() % 16) {
      case 0:
        a_fork(random);
        break;
      case 1:
      case 2:
        with_descriptors(a_disk, random);
        break;
      case 3:
      case 4:
        a_nap(random);
        break;
      case 5:
      case 6:
      case 7:
        with_descriptors(through_a_pipe, random);
        break;
      case 8:
      case 9:
      case 10:
        with_descriptors(a_file, random);
        break;
      default:
        short_calls(random);
    }
  }
}

// Threads one after the other, each for a while.
void keep_working(std::atomic<pid_t>& me, uint64_t seed) {
  Random random(seed);
  while (!stop) std::thread(work, std::ref(me), random()).join();
}

void interrupt_somebody(Random& random) {
  const size_t who = random() % (workers_now.size() + 1);
  if (who == workers_now.size())
    kill(getpid(), SIGUSR1);
  else if (const pid_t worker = workers_now[who])
    syscall(SYS_tgkill, getpid(), worker, SIGUSR1);
}

}  // namespace

TEST(Stress, EverythingAtOnce) {
  const long seconds = number_of("LKL_STRESS_SECONDS", 20);
  const auto seed = static_cast<uint64_t>(
      number_of("LKL_STRESS_SEED", static_cast<long>(Clock::now().time_since_epoch().count())));
  std::printf("LKL_STRESS_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  Random random(seed);

  struct sigaction action = {};
  action.sa_handler = call_in_handler;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);

  static lkl_host_operations silent = {};
  ASSERT_EQ(lkl_init(&silent), 0);
  ASSERT_EQ(lkl_start_kernel("mem=64M loglevel=0"), 0);
  std::vector<std::thread> workers;
  for (std::atomic<pid_t>& number : workers_now)
    workers.emplace_back(keep_working, std::ref(number), random());

  const auto end = Clock::now() + std::chrono::seconds(seconds);
  auto next_boot = Clock::now() + std::chrono::milliseconds(500);
  while (Clock::now() < end && !failure.load()) {
    usleep(static_cast<useconds_t>(random() % 2000));
    interrupt_somebody(random);
    if (Clock::now() < next_boot) continue;
    if (random() % 2) lkl_sys_halt();
    lkl_cleanup();
    between_kernels = true;
    {
      const std::unique_lock lock(descriptors);
      ASSERT_EQ(lkl_init(&silent), 0);
      ASSERT_EQ(lkl_start_kernel("mem=64M loglevel=0"), 0);
    }
    between_kernels = false;
    ++boots;
    next_boot = Clock::now() + std::chrono::milliseconds(random() % 1500);
  }
  stop = true;
  for (std::thread& worker : workers) worker.join();
  lkl_cleanup();
  EXPECT_EQ(failure.load(), nullptr) << failure.load();
  std::printf("%ld calls, %ld forks, %ld handlers, %ld boots\n", calls.load(), forks.load(),
              handlers.load(), boots.load());
  EXPECT_GT(calls, 100);
}
