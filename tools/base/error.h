// SPDX-License-Identifier: GPL-2.0
//
// How the tool fails: messages, exit codes, and the exceptions that carry them to where they are
// printed.
#ifndef LKL_TOOL_ERROR_H
#define LKL_TOOL_ERROR_H

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace lkl::tool {

enum ExitCode : int { kExitOk = 0, kExitFailed = 1, kExitUsage = 2 };

// Ends the command; what() is the message for the user, naming the thing and the cure.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// As Failure, but the command line was wrong.
class UsageFailure : public Failure {
 public:
  using Failure::Failure;
};

// A signal asked for the end. Not an std::exception: what reports one file's error and goes on
// with the next must not swallow it.
struct Interrupted {
  int signal;
};

// What a system error means to a reader. Errors of the host and of the kernel look the same.
std::string describe(const std::error_code& error);

// Writes to standard error, without control characters but the ends of lines. It may be full or
// closed.
void print_error(std::string_view text);

// Where messages go. Used by the main thread only.
class Diagnostics {
 public:
  // One operation failed, the command goes on: "lkl: MESSAGE", and the exit code tells it.
  void error(std::string_view message);
  // Something the user should know; no failure.
  void warning(std::string_view message);
  // The same for "SUBJECT: what the code means".
  void error(std::string_view subject, const std::error_code& code);

  bool failed() const { return failed_; }
  // What failed first; empty if nothing did.
  const std::string& first_error() const { return first_error_; }
  void set_quiet(bool quiet) { quiet_ = quiet; }
  // The program that speaks.
  void set_name(std::string name) { name_ = std::move(name); }
  // Called before anything is printed: the progress bar leaves its line.
  void set_before_print(std::function<void()> hook) { before_print_ = std::move(hook); }

 private:
  void print(std::string_view message);

  std::function<void()> before_print_;
  std::string name_ = "lkl";
  std::string first_error_;
  bool failed_ = false;
  bool quiet_ = false;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_ERROR_H
