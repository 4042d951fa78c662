// SPDX-License-Identifier: GPL-2.0
// The commands of tools/gdb on a process and on its core file.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>

#include "support/host_tools.h"

using namespace lkl_test;

namespace {

// gdb's output for these commands, on the program of sleeper.cc
std::string gdb(const std::string& arguments) {
  std::string out;
  run("gdb -nx -batch -iex 'set debuginfod enabled off' -ex 'set width 0' "
      "-ex 'source " LKL_GDB_HELPER "' " +
          arguments,
      &out);
  return out;
}

bool has(const std::string& text, const std::string& pattern) {
  return std::regex_search(text, std::regex(pattern));
}

void expect_tasks_and_log(const std::string& out) {
  EXPECT_TRUE(has(out, " +0 +0 +R .*0x[0-9a-f]{16} +swapper")) << out;
  EXPECT_TRUE(has(out, " +1 +1 +. .*lkl-init|host")) << out;
  EXPECT_TRUE(has(out, " +2 +0|2 +2 +S K .*kthreadd")) << out;
  EXPECT_TRUE(has(out, "\\[ *[0-9]+\\.[0-9]{6}\\] Linux version 6\\.")) << out;
  EXPECT_TRUE(has(out, "mode +USER|mode +KERNEL")) << out;
  // the thread that waits, by its task's own stack
  EXPECT_TRUE(has(out,
                  "task [0-9]+ \"host\" S\n(#.*\n)?#.* in __schedule.*\n(#.*\n)*#.* in "
                  "(anon_)?pipe_read.*\n(#.*\n)*#.* in lkl_run_request"))
      << out;
  EXPECT_TRUE(has(out,
                  "task 2 \"kthreadd\" S\n#0 .*\n(#.*\n)*#.* in kthreadd .*\n(#.*\n)*#.* in "
                  "lkl_task_start"))
      << out;
  EXPECT_FALSE(has(out, "Traceback|Error|error:")) << out;
}

const std::string kCommands = " -ex lkl-tasks -ex lkl-dmesg -ex lkl-cpu -ex 'lkl-bt all' ";

}  // namespace

TEST(Gdb, TasksLogAndBacktracesOfAProcess) {
  const std::string out =
      gdb("-ex 'break debugger_stops_here' -ex run" + kCommands + "-ex kill --args " LKL_SLEEPER);
  expect_tasks_and_log(out);
}

TEST(Gdb, TheSameOfACoreFile) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the core file would have the sanitizer's shadow in it, all of it";
#endif
  const TempDir folder;
  const std::string core = folder / "core";
  const std::string saved = gdb("-ex 'break debugger_stops_here' -ex run -ex 'generate-core-file " +
                                core + "' -ex kill --args " LKL_SLEEPER);
  ASSERT_TRUE(std::filesystem::exists(core)) << saved;
  expect_tasks_and_log(gdb(kCommands + LKL_SLEEPER + " " + core));
}

// From a device register, that is host code that the kernel calls, to where the thread began, which
// is younger than the kernel; or the executor, or the one that waits: a caller that a debugger
// keeps from running long enough is served by those. The thread's stack is below the kernel's
// memory here: the move from one to the other is a signal frame, or gdb would not follow it.
TEST(Gdb, BacktraceFromInsideOfAHostCall) {
  const std::string out =
      gdb("-ex 'break debugger_stops_here' -ex run -ex 'break "
          "lkl::host::MmioTransport::write' -ex continue -ex bt -ex lkl-cpu "
          "-ex kill --args " LKL_SLEEPER);
  EXPECT_TRUE(has(out,
                  "#0 .*MmioTransport::write.*\n(#.*\n)*#.* lkl_run_request.*\n(#.*\n)*#.* "
                  "<signal handler called>\n(#.*\n)*#.* (clone3|start_thread)"))
      << out;
  EXPECT_TRUE(has(out, "word .*HELD")) << out;
}

TEST(Gdb, BacktraceOfTheExecutorInIdle) {
  const std::string out =
      gdb("-ex 'break debugger_stops_here' -ex run -ex 'thread apply all bt' "
          "-ex kill --args " LKL_SLEEPER);
  EXPECT_TRUE(has(out,
                  "lkl-executor.*\n(#.*\n)*#.* lkl_kernel_execute.*\n(#.*\n)*#.* "
                  "(clone3|start_thread|__clone)"))
      << out;
}

TEST(Gdb, SaysWhatIsWrong) {
  const std::string out = gdb("-ex lkl-tasks -ex lkl-bt -ex 'help lkl-bt' " LKL_SLEEPER);
  EXPECT_TRUE(has(out, "lkl_kernel_debug")) << out;
  EXPECT_TRUE(has(out, "lkl-bt wants a PID, a name or \"all\"")) << out;
  EXPECT_TRUE(has(out, "Show the backtrace of a task")) << out;
  const std::string none =
      gdb("-ex 'break debugger_stops_here' -ex run -ex 'lkl-bt 4711' -ex kill "
          "--args " LKL_SLEEPER);
  EXPECT_TRUE(has(none, "no task 4711")) << none;
}

// lx-*, from scripts/gdb of the kernel tree, where there are types for them.
TEST(Gdb, TheTreesOwnCommands) {
  if (!std::filesystem::exists(LKL_TREE_GDB))
    GTEST_SKIP() << "this kernel is built without LKL_KERNEL_DEBUG_INFO";
  const std::string out =
      gdb("-ex 'break debugger_stops_here' -ex run -ex 'source " LKL_TREE_GDB
          "' -ex lx-version -ex lx-ps -ex lx-dmesg -ex lx-mounts -ex lx-timerlist -ex kill "
          "--args " LKL_SLEEPER);
  EXPECT_TRUE(has(out, "\nLinux version 6\\.")) << out;
  EXPECT_TRUE(has(out, "0x[0-9a-f]+ +2 +kthreadd")) << out;
  EXPECT_TRUE(has(out, "\\[ *[0-9]+\\.[0-9]{6}\\] Linux version 6\\.")) << out;
  EXPECT_TRUE(has(out, "rootfs / rootfs rw")) << out;
  EXPECT_TRUE(has(out, "HRTIMER_MAX_CLOCK_BASES")) << out;
  EXPECT_FALSE(has(out, "Traceback|Error|error:")) << out;
}

// gdb finds the helper by itself beside the library, under the library's name.
TEST(Gdb, LoadsTheInstalledHelper) {
  const TempDir folder;
  const std::string library = std::filesystem::canonical(LKL_LIBRARY).string();
  const std::string name = std::filesystem::path(library).filename().string();
  std::filesystem::copy_file(library, folder / name);
  std::filesystem::copy_file(LKL_GDB_HELPER, folder / (name + "-gdb.py"));
  std::filesystem::create_symlink(name, folder / "liblkl.so.0");
  std::string out;
  run("LD_LIBRARY_PATH=" + folder.path() + " gdb -nx -batch -iex 'set debuginfod enabled off' " +
          "-iex 'add-auto-load-safe-path " + folder.path() + "' -ex 'set env LD_LIBRARY_PATH " +
          folder.path() +
          "' -ex 'break debugger_stops_here' -ex run -ex lkl-tasks -ex kill --args " + LKL_SLEEPER,
      &out);
  EXPECT_TRUE(has(out, "kthreadd")) << out;
}
