// SPDX-License-Identifier: GPL-2.0
// Pipes, events, timers, sockets: the calls that wait.
#include <atomic>
#include <cstring>
#include <string>
#include <thread>

#include "support/kernel_test.h"

using lkl_test::KernelTest;

namespace {

class IpcTest : public KernelTest {
 protected:
  static double seconds() {
    __lkl__kernel_timespec ts = {};
    lkl_sys_clock_gettime(LKL_CLOCK_MONOTONIC, &ts);
    return static_cast<double>(ts.tv_sec) + static_cast<double>(ts.tv_nsec) * 1e-9;
  }
};

}  // namespace

TEST_F(IpcTest, Futex) {
  std::atomic<__lkl__u32> word = 0;
  auto* address = reinterpret_cast<__lkl__u32*>(&word);
  EXPECT_EQ(lkl_sys_futex(address, LKL_FUTEX_WAIT_PRIVATE, 1, nullptr, nullptr, 0), -LKL_EAGAIN);
  std::thread waiter([&] {
    while (word == 0) lkl_sys_futex(address, LKL_FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  word = 1;
  lkl_sys_futex(address, LKL_FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  waiter.join();
  __lkl__kernel_timespec timeout = {.tv_sec = 0, .tv_nsec = 10'000'000};
  EXPECT_EQ(lkl_sys_futex(address, LKL_FUTEX_WAIT_PRIVATE, 1, &timeout, nullptr, 0),
            -LKL_ETIMEDOUT);
}

TEST_F(IpcTest, EpollOverEventfdTimerfdAndPipe) {
  const int epoll = static_cast<int>(lkl_sys_epoll_create1(0));
  const int event = static_cast<int>(lkl_sys_eventfd2(0, 0));
  const int timer = static_cast<int>(lkl_sys_timerfd_create(LKL_CLOCK_MONOTONIC, 0));
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  for (const int fd : {event, timer, pipe[0]}) {
    lkl_epoll_event wanted = {};
    wanted.events = LKL_EPOLLIN;
    wanted.data = static_cast<__lkl__u64>(fd);
    ASSERT_EQ(lkl_sys_epoll_ctl(epoll, LKL_EPOLL_CTL_ADD, fd, &wanted), 0);
  }
  lkl_epoll_event got[4];
  EXPECT_EQ(lkl_sys_epoll_wait(epoll, got, 4, 0), 0);

  __lkl__u64 one = 1;
  ASSERT_EQ(lkl_sys_write(event, reinterpret_cast<char*>(&one), sizeof one), 8);
  ASSERT_EQ(lkl_sys_epoll_wait(epoll, got, 4, -1), 1);
  EXPECT_EQ(got[0].data, static_cast<__lkl__u64>(event));
  ASSERT_EQ(lkl_sys_read(event, reinterpret_cast<char*>(&one), sizeof one), 8);

  __lkl__kernel_itimerspec spec = {};
  spec.it_value.tv_nsec = 20'000'000;
  const double start = seconds();
  ASSERT_EQ(lkl_sys_timerfd_settime(timer, 0, &spec, nullptr), 0);
  ASSERT_EQ(lkl_sys_epoll_wait(epoll, got, 4, 10000), 1);
  EXPECT_EQ(got[0].data, static_cast<__lkl__u64>(timer));
  EXPECT_GE(seconds() - start, 0.02);
  ASSERT_EQ(lkl_sys_read(timer, reinterpret_cast<char*>(&one), sizeof one), 8);

  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    lkl_sys_write(pipe[1], "x", 1);
  });
  ASSERT_EQ(lkl_sys_epoll_wait(epoll, got, 4, -1), 1);
  EXPECT_EQ(got[0].data, static_cast<__lkl__u64>(pipe[0]));
  writer.join();
}

TEST_F(IpcTest, PollAndSelectTimeOut) {
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  lkl_pollfd fd = {.fd = pipe[0], .events = LKL_POLLIN, .revents = 0};
  double start = seconds();
  EXPECT_EQ(lkl_sys_poll(&fd, 1, 30), 0);
  EXPECT_GE(seconds() - start, 0.03);
  lkl_fd_set set;
  LKL_FD_ZERO(&set);
  LKL_FD_SET(pipe[0], &set);
  __lkl__kernel_old_timeval tv = {.tv_sec = 0, .tv_usec = 30000};
  start = seconds();
  EXPECT_EQ(lkl_sys_select(pipe[0] + 1, &set, nullptr, nullptr, &tv), 0);
  EXPECT_GE(seconds() - start, 0.03);
}

TEST_F(IpcTest, PosixTimer) {
  lkl_sigset_t mask = {};
  mask.sig[0] = 1ul << (LKL_SIGALRM - 1);
  ASSERT_EQ(lkl_sys_rt_sigprocmask(LKL_SIG_BLOCK, &mask, nullptr, sizeof mask), 0);
  lkl_timer_t timer = 0;
  // To this thread: what is sent to the process as a whole is dropped when there is
  // no handler, as for any init.
  lkl_sigevent_t event = {};
  event.sigev_notify = LKL_SIGEV_THREAD_ID;
  event.sigev_signo = LKL_SIGALRM;
  event._sigev_un._tid = static_cast<int>(lkl_sys_gettid());
  ASSERT_EQ(lkl_sys_timer_create(LKL_CLOCK_MONOTONIC, &event, &timer), 0);
  __lkl__kernel_itimerspec spec = {};
  spec.it_value.tv_nsec = 10'000'000;
  ASSERT_EQ(lkl_sys_timer_settime(timer, 0, &spec, nullptr), 0);
  __lkl__kernel_timespec timeout = {.tv_sec = 10, .tv_nsec = 0};
  EXPECT_EQ(lkl_sys_rt_sigtimedwait(&mask, nullptr, &timeout, sizeof mask), LKL_SIGALRM);
}

TEST_F(IpcTest, UnixSockets) {
  int pair[2];
  ASSERT_EQ(lkl_sys_socketpair(LKL_AF_UNIX, LKL_SOCK_STREAM, 0, pair), 0);
  std::thread echo([&] {
    char buffer[100];
    long count;
    while ((count = lkl_sys_read(pair[1], buffer, sizeof buffer)) > 0)
      lkl_sys_write(pair[1], buffer, static_cast<size_t>(count));
  });
  std::string text(50, 'u'), back(50, 0);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(lkl_sys_write(pair[0], text.data(), text.size()), 50);
    ASSERT_EQ(lkl_sys_read(pair[0], back.data(), back.size()), 50);
    ASSERT_EQ(back, text);
  }
  lkl_sys_close(pair[0]);
  echo.join();
}

// A megabyte through TCP over the loopback interface, in both families.
TEST_F(IpcTest, TcpOverLoopback) {
  if (!lkl_test::kernel_has_ip()) GTEST_SKIP() << "the kernel's profile has no IPv4 and IPv6";
  ASSERT_EQ(lkl_if_up(1), 0);
  for (const int family : {LKL_AF_INET, LKL_AF_INET6}) {
    lkl_sockaddr_in v4 = {};
    v4.sin_family = LKL_AF_INET;
    v4.sin_port = 0x3930;
    v4.sin_addr.s_addr = 0x0100007f;
    lkl_sockaddr_in6 v6 = {};
    v6.sin6_family = LKL_AF_INET6;
    v6.sin6_port = 0x3930;
    v6.sin6_addr.in6_u.u6_addr8[15] = 1;
    auto* address = family == LKL_AF_INET ? reinterpret_cast<lkl_sockaddr*>(&v4)
                                          : reinterpret_cast<lkl_sockaddr*>(&v6);
    const int length = family == LKL_AF_INET ? sizeof v4 : sizeof v6;

    const int listener = static_cast<int>(lkl_sys_socket(family, LKL_SOCK_STREAM, 0));
    ASSERT_GE(listener, 0);
    ASSERT_EQ(lkl_sys_bind(listener, address, length), 0);
    ASSERT_EQ(lkl_sys_listen(listener, 1), 0);
    std::string sent(1 << 20, 0), received;
    for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 7 + i / 251);
    std::thread server([&] {
      const int fd = static_cast<int>(lkl_sys_accept(listener, nullptr, nullptr));
      ASSERT_GE(fd, 0);
      char buffer[5000];
      long count;
      while ((count = lkl_sys_read(fd, buffer, sizeof buffer)) > 0)
        received.append(buffer, static_cast<size_t>(count));
      lkl_sys_close(fd);
    });
    const int fd = static_cast<int>(lkl_sys_socket(family, LKL_SOCK_STREAM, 0));
    ASSERT_EQ(lkl_sys_connect(fd, address, length), 0);
    for (size_t at = 0; at < sent.size();) {
      const long count = lkl_sys_write(fd, sent.data() + at, sent.size() - at);
      ASSERT_GT(count, 0);
      at += static_cast<size_t>(count);
    }
    lkl_sys_close(fd);
    server.join();
    lkl_sys_close(listener);
    EXPECT_EQ(received, sent);
  }
}

TEST_F(IpcTest, Inotify) {
  ASSERT_EQ(lkl_sys_mkdir("/watched", 0755), 0);
  const int fd = static_cast<int>(lkl_sys_inotify_init1(0));
  ASSERT_GE(lkl_sys_inotify_add_watch(fd, "/watched", LKL_IN_CREATE), 0);
  lkl_sys_close(
      static_cast<unsigned>(lkl_sys_open("/watched/new", LKL_O_CREAT | LKL_O_RDWR, 0644)));
  alignas(8) char buffer[512];
  ASSERT_GT(lkl_sys_read(fd, buffer, sizeof buffer), 0);
  EXPECT_STREQ(reinterpret_cast<lkl_inotify_event*>(buffer)->name, "new");
}

TEST_F(IpcTest, FileLocksBetweenOpenFiles) {
  const int one = static_cast<int>(lkl_sys_open("/locked", LKL_O_CREAT | LKL_O_RDWR, 0644));
  const int two = static_cast<int>(lkl_sys_open("/locked", LKL_O_RDWR, 0));
  constexpr unsigned kExclusive = 2, kNonBlocking = 4, kUnlock = 8;
  EXPECT_EQ(lkl_sys_flock(one, kExclusive), 0);
  EXPECT_EQ(lkl_sys_flock(two, kExclusive | kNonBlocking), -LKL_EWOULDBLOCK);
  std::thread waiter([&] { EXPECT_EQ(lkl_sys_flock(two, kExclusive), 0); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(lkl_sys_flock(one, kUnlock), 0);
  waiter.join();
}

TEST_F(IpcTest, NamespacesOfOneThread) {
  std::thread([] {
    EXPECT_EQ(lkl_sys_unshare(LKL_CLONE_NEWUTS), 0);
    char name[] = "other";
    EXPECT_EQ(lkl_sys_sethostname(name, 5), 0);
    lkl_new_utsname uts;
    EXPECT_EQ(lkl_sys_uname(&uts), 0);
    EXPECT_STREQ(uts.nodename, "other");
  }).join();
  lkl_new_utsname uts;
  EXPECT_EQ(lkl_sys_uname(&uts), 0);
  EXPECT_STREQ(uts.nodename, "lkl");
}
