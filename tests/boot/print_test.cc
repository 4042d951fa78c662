// SPDX-License-Identifier: GPL-2.0
// lkl_set_print(): who gets what is printed, and until when.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/kernel_test.h"

namespace {

struct Log {
  std::mutex mutex;
  std::string text;

  static void print(void* user, const char* text, lkl_ulong length) {
    Log& log = *static_cast<Log*>(user);
    const std::lock_guard lock(log.mutex);
    log.text.append(text, length);
  }
  bool has(const char* words) {
    const std::lock_guard lock(mutex);
    return text.find(words) != std::string::npos;
  }
};

class PrintTest : public ::testing::Test {
 protected:
  void TearDown() override {
    lkl_sys_halt();
    lkl_cleanup();
    EXPECT_EQ(lkl_set_print(nullptr, nullptr), 0);
  }
};

}  // namespace

TEST_F(PrintTest, GetsTheLogOfEachKernel) {
  Log log;
  ASSERT_EQ(lkl_set_print(Log::print, &log), 0);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(lkl_init(&lkl_host_ops), 0);
    ASSERT_EQ(lkl_start_kernel("mem=32M"), 0);
    EXPECT_TRUE(log.has("Linux version"));
    log.text.clear();
    EXPECT_EQ(lkl_printf("%s\n", "by the application"), 19);
    EXPECT_TRUE(log.has("by the application\n"));
    lkl_perror("words", -LKL_ENOENT);
    EXPECT_TRUE(log.has("words: No such file or directory\n"));
    lkl_sys_halt();
    lkl_cleanup();
  }
}

TEST_F(PrintTest, WithoutItTheOperationIsCalled) {
  static std::string operation;
  operation.clear();
  lkl_host_operations ops = lkl_host_ops;
  ops.print = [](const char* text, int length) {
    operation.append(text, static_cast<size_t>(length));
  };
  Log log;
  ASSERT_EQ(lkl_init(&ops), 0);
  ASSERT_EQ(lkl_start_kernel("mem=32M"), 0);
  EXPECT_NE(operation.find("Linux version"), std::string::npos);
  ASSERT_EQ(lkl_set_print(Log::print, &log), 0);
  operation.clear();
  lkl_printf("one\n");
  EXPECT_TRUE(log.has("one"));
  EXPECT_EQ(operation, "");
  ASSERT_EQ(lkl_set_print(nullptr, nullptr), 0);
  lkl_printf("two\n");
  EXPECT_FALSE(log.has("two"));
  EXPECT_EQ(operation, "two\n");
}

TEST_F(PrintTest, TheFunctionItselfMayNotChangeIt) {
  ASSERT_EQ(lkl_init(&lkl_host_ops), 0);
  static int result;
  result = 0;
  const auto change = [](void*, const char*, lkl_ulong) {
    result = lkl_set_print(nullptr, nullptr);
  };
  ASSERT_EQ(lkl_set_print(change, nullptr), 0);
  lkl_printf("words\n");
  EXPECT_EQ(result, -LKL_EDEADLK);
}

// What the function uses may go at once: nobody is in it any more, and nobody comes.
TEST_F(PrintTest, WhenItReturnsTheOneBeforeIsDone) {
  struct User {
    std::atomic<int> inside = 0;
    std::vector<char> text = std::vector<char>(64);
  };
  const auto print = [](void* raw, const char* text, lkl_ulong length) {
    User& user = *static_cast<User*>(raw);
    ++user.inside;
    user.text.assign(text, text + length);
    std::this_thread::yield();
    --user.inside;
  };
  ASSERT_EQ(lkl_init(&lkl_host_ops), 0);
  auto user = std::make_unique<User>();
  ASSERT_EQ(lkl_set_print(print, user.get()), 0);
  std::atomic<bool> stop = false;
  std::vector<std::jthread> threads;
  // each has a copy of its own, one thread at a time in it, so that only the end is shared
  threads.emplace_back([&] {
    while (!stop) lkl_printf("some words of a thread\n");
  });
  for (int i = 0; i < 300; ++i) {
    auto next = std::make_unique<User>();
    ASSERT_EQ(lkl_set_print(print, next.get()), 0);
    EXPECT_EQ(user->inside, 0);
    user = std::move(next);
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  stop = true;
  threads.clear();
  ASSERT_EQ(lkl_set_print(nullptr, nullptr), 0);
}
