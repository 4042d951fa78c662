// SPDX-License-Identifier: GPL-2.0
// Events: what is recorded is what was done, with its values.
#include <cstdio>
#include <thread>

#include "fs/image.h"
#include "trace/trace_fs.h"

using namespace lkl_test;

namespace {

class EventTest : public TraceTest {};

std::string hex(const void* pointer) {
  char text[32];
  std::snprintf(text, sizeof text, "%lx", reinterpret_cast<unsigned long>(pointer));
  return text;
}

}  // namespace

TEST_F(EventTest, SystemCallsWithArgumentsAndResults) {
  static const char kName[] = "/dir";
  for (const char* event : {"syscalls/sys_enter_mkdirat", "syscalls/sys_exit_mkdirat"})
    enable(event);
  ASSERT_EQ(lkl_sys_mkdir(kName, 0751), 0);
  ASSERT_EQ(lkl_sys_rmdir(kName), 0);
  ASSERT_EQ(lkl_sys_mkdir("/no/such/dir", 0755), -LKL_ENOENT);
  disable("syscalls");
  ASSERT_EQ(lkl_sys_mkdir(kName, 0751), 0);

  const std::vector<std::string> lines = recorded();
  ASSERT_EQ(lines.size(), 4u) << joined(lines);
  const std::string task = "host-" + std::to_string(lkl_sys_gettid());
  for (const std::string& line : lines) EXPECT_NE(line.find(task), std::string::npos) << line;
  EXPECT_NE(
      lines[0].find("sys_mkdirat(dfd: ffffffffffffff9c, pathname: " + hex(kName) + ", mode: 1e9)"),
      std::string::npos)
      << lines[0];
  EXPECT_NE(lines[1].find("sys_mkdirat -> 0x0"), std::string::npos) << lines[1];
  EXPECT_NE(lines[2].find(", mode: 1ed)"), std::string::npos) << lines[2];
  EXPECT_NE(lines[3].find("sys_mkdirat -> 0xfffffffffffffffe"), std::string::npos) << lines[3];
}

// A thread that comes while events are on is traced as well.
TEST_F(EventTest, SystemCallsOfNewThreads) {
  enable("syscalls/sys_enter_getppid");
  long id = 0;
  std::thread([&] {
    id = lkl_sys_gettid();
    lkl_sys_getppid();
  }).join();
  disable("syscalls");
  const std::vector<std::string> lines = recorded();
  ASSERT_EQ(lines.size(), 1u) << joined(lines);
  EXPECT_NE(lines[0].find("host-" + std::to_string(id)), std::string::npos) << lines[0];
}

// With the result of the call in a filter: the kernel's own parser and its fields.
TEST_F(EventTest, AFilter) {
  set("events/syscalls/sys_exit_unlinkat/filter", "ret == -2");
  enable("syscalls/sys_exit_unlinkat");
  ASSERT_EQ(lkl_sys_mkdir("/dir", 0755), 0);
  ASSERT_EQ(lkl_sys_rmdir("/dir"), 0);
  ASSERT_EQ(lkl_sys_rmdir("/dir"), -LKL_ENOENT);
  disable("syscalls");
  const std::vector<std::string> lines = recorded();
  ASSERT_EQ(lines.size(), 1u) << joined(lines);
  EXPECT_NE(lines[0].find("sys_unlinkat -> 0xfffffffffffffffe"), std::string::npos) << lines[0];
}

TEST_F(EventTest, TaskSwitches) {
  int there[2], back[2];
  ASSERT_EQ(lkl_sys_pipe2(there, 0), 0);
  ASSERT_EQ(lkl_sys_pipe2(back, 0), 0);
  long other = 0;
  enable("sched/sched_switch");
  std::thread thread([&] {
    char c;
    other = lkl_sys_gettid();
    EXPECT_EQ(lkl_sys_read(there[0], &c, 1), 1);
    EXPECT_EQ(lkl_sys_write(back[1], &c, 1), 1);
  });
  char c = 'x';
  EXPECT_EQ(lkl_sys_write(there[1], &c, 1), 1);
  EXPECT_EQ(lkl_sys_read(back[0], &c, 1), 1);
  thread.join();
  disable("sched");
  const std::vector<std::string> lines = recorded();
  const std::string name = "_comm=host ";
  const auto pid = [](const char* which, long id) {
    return std::string(which) + "_pid=" + std::to_string(id) + " ";
  };
  // the other one comes and goes
  const size_t in = find(lines, "next" + name + pid("next", other));
  EXPECT_LT(in, lines.size()) << joined(lines);
  EXPECT_LT(find(lines, "prev" + name + pid("prev", other), in + 1), lines.size()) << joined(lines);
}

// An event of a file system, one of its disk below, and how the kernel came there.
TEST_F(EventTest, AFileIsWrittenToDisk) {
  const TempDir dir;
  Image image(dir, "ext4", 16);
  ASSERT_EQ(image.mount(), "");
  const std::string path = image.point() + "/file";
  const int fd = static_cast<int>(lkl_sys_open(path.c_str(), LKL_O_CREAT | LKL_O_WRONLY, 0644));
  ASSERT_GE(fd, 0);
  ASSERT_EQ(lkl_sys_write(fd, "text", 4), 4);
  lkl_stat stat = {};
  ASSERT_EQ(lkl_sys_fstat(fd, &stat), 0);

  set("options/stacktrace", "1");
  for (const char* event : {"ext4/ext4_sync_file_enter", "block/block_rq_issue"}) enable(event);
  ASSERT_EQ(lkl_sys_fsync(fd), 0);
  for (const char* system : {"ext4", "block"}) disable(system);
  const std::vector<std::string> lines = recorded();

  const size_t sync = find(lines, "ext4_sync_file_enter: dev 254,0 ino " +
                                      std::to_string(stat.st_ino) + " parent 2 datasync 0");
  ASSERT_LT(sync, lines.size()) << joined(lines);
  // each caller: the walk goes by frame pointers, none is left out
  size_t at = find(lines, " => ext4_sync_file", sync);
  for (const char* caller : {"vfs_fsync_range", "do_fsync", "sys_fsync", "lkl_run_request"}) {
    ASSERT_LT(++at, lines.size()) << joined(lines);
    EXPECT_EQ(lines[at], std::string(" => ") + caller);
  }
  EXPECT_LT(find(lines, "block_rq_issue: 254,0 W", sync), lines.size()) << joined(lines);

  lkl_sys_close(fd);
  EXPECT_EQ(image.umount(), "");
  EXPECT_EQ(image.check(), "");
}

// What the application writes is in the trace, in order, at times that do not go back.
TEST_F(EventTest, MarksOfTheApplication) {
  enable("syscalls/sys_enter_getpid");
  for (int i = 0; i < 3; ++i) {
    set("trace_marker", "mark " + std::to_string(i));
    lkl_sys_getpid();
  }
  disable("syscalls");
  const std::vector<std::string> lines = recorded();
  ASSERT_EQ(lines.size(), 6u) << joined(lines);
  double before = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string text = i % 2 ? "sys_getpid()" : "mark " + std::to_string(i / 2);
    EXPECT_NE(lines[i].find(text), std::string::npos) << lines[i];
    // "   host-2    [000] .....     0.012345: sys_getpid()"
    const size_t end = lines[i].find(": ");
    const double time = std::stod(lines[i].substr(lines[i].rfind(' ', end) + 1));
    EXPECT_GE(time, before) << joined(lines);
    before = time;
  }
}

// A reader that waits is woken by what is recorded.
TEST_F(EventTest, APipeOfEvents) {
  const int fd = static_cast<int>(lkl_sys_open("/tracefs/trace_pipe", LKL_O_RDONLY, 0));
  ASSERT_GE(fd, 0);
  std::string text(4096, 0);
  std::thread reader([&] {
    const long count = lkl_sys_read(fd, text.data(), text.size());
    text.resize(count > 0 ? static_cast<size_t>(count) : 0);
  });
  __lkl__kernel_timespec ts = {.tv_sec = 0, .tv_nsec = 20'000'000};
  lkl_sys_nanosleep(&ts, nullptr);
  set("trace_marker", "a word");
  reader.join();
  EXPECT_NE(text.find("a word"), std::string::npos) << text;
  lkl_sys_close(fd);
}

// From the command line, before there is any task of the application.
TEST_F(EventTest, FromBoot) {
  TearDown();
  kernel_log().clear();
  ASSERT_EQ(lkl_init(&ops_), 0);
  ASSERT_EQ(lkl_start_kernel("mem=128M trace_event=initcall:initcall_finish"), 0) << kernel_log();
  char tracefs[] = "tracefs";
  ASSERT_EQ(lkl_mount_fs(tracefs), 0);
  disable("initcall");
  const std::vector<std::string> lines = recorded();
  const size_t at = find(lines, "initcall_finish: func=ext4_init_fs");
  ASSERT_LT(at, lines.size()) << joined(lines);
  EXPECT_NE(lines[at].find("ret=0"), std::string::npos) << lines[at];
}

// Where the kernel's documentation has it.
TEST_F(EventTest, AtItsUsualPlace) {
  char name[] = "sysfs", place[] = "/sys", trace[] = "tracefs", under[] = "/sys/kernel/tracing";
  ASSERT_EQ(lkl_sys_mkdir(place, 0755), 0);
  ASSERT_EQ(lkl_sys_mount(name, place, name, 0, nullptr), 0);
  ASSERT_EQ(lkl_sys_mount(trace, under, trace, 0, nullptr), 0);
  EXPECT_EQ(read_kernel_file("/sys/kernel/tracing/current_tracer"), "nop\n");
}
