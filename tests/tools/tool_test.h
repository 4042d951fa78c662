// SPDX-License-Identifier: GPL-2.0
//
// Running the command and the tools that judge it.
#ifndef LKL_TESTS_TOOL_TEST_H
#define LKL_TESTS_TOOL_TEST_H

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lkl::tool_test {

struct Result {
  int status = -1;  // exit code, or 128 + signal
  std::string out;
  std::string err;
};

// Runs a program to its end; its standard input is empty.
Result run(const std::vector<std::string>& arguments);

// Runs a shell command line, the oracle's side. Fails the test if it fails.
std::string shell(const std::string& command);
// As shell(), but gives the status instead of failing.
Result shell_status(const std::string& command);

// Has a debugger print expressions in a running process: "$1 = ..." and so on. The process goes on.
Result debug(int process, const std::vector<std::string>& expressions);

// A child process that is still running.
class Process {
 public:
  // `terminal`: its standard error is a terminal of 80 columns, else a pipe.
  Process(const std::vector<std::string>& arguments, bool terminal);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  int pid() const { return pid_; }
  void signal(int number);
  // Whether it has ended; finish() tells how.
  bool ended() const;
  // What it has printed up to the end of a line, without that.
  std::string first_line();
  // Waits for the end and collects the rest of the output.
  Result finish();

 private:
  int pid_ = -1;
  int out_ = -1;
  int err_ = -1;
};

// Each test works in a directory of its own, which is removed at the end. It fails if the kernel
// has complained in one of the programs that were run.
class ToolTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // The kernel is made to complain, in a line with these words.
  void expect_complaint(const std::string& words) { expected_.push_back(words); }
  // What the kernels have said.
  std::string kernel_log() const { return directory_.string() + ".log"; }

  // Runs lkl.
  static Result lkl(std::vector<std::string> arguments);
  // Runs lkl, which must succeed without a word on standard error; returns its output.
  static std::string lkl_ok(const std::vector<std::string>& arguments);

  // Runs lkl, which must exit with `status` and say `words` on standard error.
  static void expect_failure(const std::vector<std::string>& arguments, int status,
                             const std::string& words);

  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  void write_file(const std::string& name, const std::string& contents) const;
  // Bytes that do not compress, the same for the same seed.
  void write_noise(const std::string& name, std::size_t bytes, unsigned seed) const;

  // Images with the contents of the directory `from` (none if empty).
  std::string make_ext4(const std::string& name, const std::string& size,
                        const std::string& from = {}) const;
  std::string make_btrfs(const std::string& name) const;
  // Fails the test if the image's file system is not consistent.
  static void check_ext4(const std::string& image);
  static void check_btrfs(const std::string& image);

  // Every name below a directory with type, mode, owner, size, links, times and link target, one a
  // line, as find(1) sees it. Without the directory itself.
  static std::string listing(const std::string& directory, bool with_owner = true);
  // sha256 of every regular file below a directory.
  static std::string checksums(const std::string& directory);

  // How often a function has run, by a file of lcov's; -1 if that does not know it.
  long calls(const std::string& info, const std::string& function) const;

 private:
  std::filesystem::path directory_;
  std::filesystem::path previous_;
  std::vector<std::string> expected_;
};

// For a shell that lkl runs: until lkl has been killed. No program can be started then, so it looks
// by itself.
inline constexpr char kWaitForTheEndOfLkl[] =
    "while read -r state </proc/$PPID/stat; do case $state in *') Z '*) break;; esac; sleep 0.05; "
    "done";

// Whether a program can be found.
bool have(const std::string& program);

}  // namespace lkl::tool_test

#endif  // LKL_TESTS_TOOL_TEST_H
