// SPDX-License-Identifier: GPL-2.0
#include "tool_test.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <sstream>

#include "../support/complaint.h"

namespace lkl::tool_test {

namespace {

int exit_status(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Reads both to their ends at once, so that neither pipe can fill up.
void drain(int out, int err, Result& result) {
  struct pollfd polls[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
  std::string* const texts[2] = {&result.out, &result.err};
  int open = 2;
  while (open > 0) {
    if (poll(polls, 2, -1) < 0) break;
    for (int i = 0; i < 2; i++) {
      if (polls[i].revents == 0) continue;
      char buffer[65536];
      const ssize_t n = read(polls[i].fd, buffer, sizeof(buffer));
      if (n > 0) {
        texts[i]->append(buffer, static_cast<std::size_t>(n));
      } else {
        polls[i].fd = -1;  // the end; a terminal says EIO
        open--;
      }
    }
  }
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, bool terminal) {
  int out[2], err[2];
  EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
  if (terminal) {
    const struct winsize size = {24, 80, 0, 0};
    EXPECT_EQ(openpty(&err[0], &err[1], nullptr, nullptr, &size), 0);
    fcntl(err[0], F_SETFD, FD_CLOEXEC);
    fcntl(err[1], F_SETFD, FD_CLOEXEC);
  } else {
    EXPECT_EQ(pipe2(err, O_CLOEXEC), 0);
  }
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(out[1], 1);
    dup2(err[1], 2);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  out_ = out[0];
  err_ = err[0];
}

Process::~Process() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    finish();
  }
}

void Process::signal(int number) {
  kill(pid_, number);
}

bool Process::ended() const {
  siginfo_t info = {};
  return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid != 0;
}

std::string Process::first_line() {
  std::string line;
  char c = 0;
  while (read(out_, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

Result Process::finish() {
  Result result;
  drain(out_, err_, result);
  close(out_);
  close(err_);
  int status = 0;
  EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
  pid_ = -1;
  result.status = exit_status(status);
  return result;
}

Result run(const std::vector<std::string>& arguments) {
  return Process(arguments, false).finish();
}

Result shell_status(const std::string& command) {
  return run({"/bin/sh", "-c", command});
}

std::string shell(const std::string& command) {
  const Result result = shell_status(command);
  EXPECT_EQ(result.status, 0) << command << "\n" << result.out << result.err;
  return result.out;
}

Result debug(int process, const std::vector<std::string>& expressions) {
  std::vector<std::string> command = {"gdb", "-nx", "-batch", "-p", std::to_string(process)};
  for (const std::string& expression : expressions)
    command.insert(command.end(), {"-ex", "print " + expression});
  Result result = run(command);
  if (result.out.find("$1 = ") == std::string::npos && result.status == 0) result.status = 1;
  return result;
}

bool have(const std::string& program) {
  return shell_status("command -v " + program).status == 0;
}

void ToolTest::SetUp() {
  std::string pattern = (std::filesystem::temp_directory_path() / "lkl-tool-XXXXXX").string();
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  directory_ = pattern;
  // Of all kernels that run in the test, whoever starts them.
  expected_.clear();
  std::ofstream{kernel_log()};
  chmod(kernel_log().c_str(), 0666);
  setenv("LKL_KERNEL_LOG", kernel_log().c_str(), 1);
  previous_ = std::filesystem::current_path();
  // Relative names keep messages and command lines short.
  std::filesystem::current_path(directory_);
}

void ToolTest::TearDown() {
  if (directory_.empty()) return;  // skipped before SetUp()
  std::filesystem::current_path(previous_);
  unsetenv("LKL_KERNEL_LOG");
  std::stringstream log;
  log << std::ifstream(kernel_log()).rdbuf();
  const std::string complaint = lkl_test::find_complaint(log.str(), expected_);
  if (!complaint.empty())
    ADD_FAILURE() << "the kernel complained: " << complaint << "\n" << log.str();
  std::filesystem::remove(kernel_log());
  std::filesystem::remove_all(directory_);
}

Result ToolTest::lkl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), LKL_TOOL_PATH);
  return run(arguments);
}

std::string ToolTest::lkl_ok(const std::vector<std::string>& arguments) {
  const Result result = lkl(arguments);
  std::string line;
  for (const std::string& argument : arguments) line += " " + argument;
  EXPECT_EQ(result.status, 0) << "lkl" << line << "\n" << result.err;
  EXPECT_EQ(result.err, "") << "lkl" << line;
  return result.out;
}

void ToolTest::expect_failure(const std::vector<std::string>& arguments, int status,
                              const std::string& words) {
  const Result result = lkl(arguments);
  EXPECT_EQ(result.status, status) << result.out << result.err;
  EXPECT_NE(result.err.find(words), std::string::npos) << words << "\n" << result.err;
  EXPECT_EQ(result.err.rfind("lkl: ", 0), 0U) << result.err;
}

void ToolTest::write_file(const std::string& name, const std::string& contents) const {
  std::ofstream(path(name), std::ios::binary) << contents;
}

void ToolTest::write_noise(const std::string& name, std::size_t bytes, unsigned seed) const {
  std::mt19937_64 random(seed);
  std::string contents(bytes, '\0');
  for (char& c : contents) c = static_cast<char>(random());
  write_file(name, contents);
}

std::string ToolTest::make_ext4(const std::string& name, const std::string& size,
                                const std::string& from) const {
  shell("mke2fs -q -F -t ext4 " + (from.empty() ? "" : "-d " + from + " ") + name + " " + size);
  return name;
}

std::string ToolTest::make_btrfs(const std::string& name) const {
  shell("truncate -s 256M " + name + " && mkfs.btrfs -q " + name + " >/dev/null");
  return name;
}

void ToolTest::check_ext4(const std::string& image) {
  const Result result = shell_status("e2fsck -fn " + image);
  EXPECT_EQ(result.status, 0) << result.out << result.err;
}

void ToolTest::check_btrfs(const std::string& image) {
  const Result result = shell_status("btrfs check --check-data-csum " + image);
  EXPECT_EQ(result.status, 0) << result.out << result.err;
}

std::string ToolTest::listing(const std::string& directory, bool with_owner) {
  // A directory's size and links are the file system's own affair.
  const std::string owner = with_owner ? "%U:%G " : "";
  return shell("cd " + directory + " && find . -mindepth 1 \\( -type d -printf '%p %y %m " + owner +
               "%T@\\n' \\) -o -printf '%p %y %m " + owner + "%s %n %T@ %l\\n' | LC_ALL=C sort");
}

std::string ToolTest::checksums(const std::string& directory) {
  return shell("cd " + directory +
               " && find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum");
}

long ToolTest::calls(const std::string& info, const std::string& function) const {
  std::istringstream lines(shell("cat " + path(info)));
  std::string line;
  while (std::getline(lines, line)) {
    const size_t comma = line.find(',');
    if (line.rfind("FNDA:", 0) == 0 && line.substr(comma + 1) == function)
      return std::stol(line.substr(5));
  }
  return -1;
}

}  // namespace lkl::tool_test
