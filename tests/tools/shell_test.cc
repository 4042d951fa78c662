// SPDX-License-Identifier: GPL-2.0
//
// lkl sh, fed by a script and by a terminal.
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>

#include "tool_test.h"

namespace lkl::tool_test {
namespace {

class ShellTest : public ToolTest {
 protected:
  void make_image() {
    shell(
        "mkdir -p tree/dir/sub && echo one >tree/one && echo two >tree/dir/two"
        " && ln -s dir/sub tree/deep && ln -s /../.. tree/dir/up");
    make_ext4("e.img", "8M", "tree");
    lkl_ok({"rm", "-r", "e.img", "/lost+found"});
  }

  Result run_script(const std::string& script, const std::string& options = "e.img") {
    write_file("script", script);
    return shell_status(LKL_TOOL_PATH " sh " + options + " <script");
  }
};

TEST_F(ShellTest, GoingAround) {
  make_image();
  const Result result = run_script(
      "pwd\ncd dir\npwd\nls\ncat two\ncat ../one\ncd ../deep\npwd\ncd ..\npwd\ncd up\npwd\n"
      "cd dir/./sub/../\npwd\ncd\npwd");
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "/\n/dir\nsub\ntwo\nup\ntwo\none\n/dir/sub\n/dir\n/\n/dir\n/\n");
  EXPECT_EQ(run_script("pwd", "e.img:/deep").out, "/dir/sub\n");
}

TEST_F(ShellTest, Changing) {
  make_image();
  const Result result = run_script(
      "# a comment\nmkdir -p /new/a\ncd /new\nwrite --text \"it's new\" 'my file'\n"
      "mv my\\ file a/moved\nrm /one # and another\nln -s ../dir/two link\nchmod 600 link\n"
      "touch a/t\nexit\nrm -r /new\n");
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, 0);
  check_ext4("e.img");
  EXPECT_EQ(shell("debugfs -R 'cat /new/a/moved' e.img 2>/dev/null"), "it's new");
  lkl_ok({"cp", "-r", "e.img:/.", "out"});
  EXPECT_EQ(shell("cd out && find . | LC_ALL=C sort"),
            ".\n./deep\n./dir\n./dir/sub\n./dir/two\n./dir/up\n./new\n./new/a\n./new/a/moved\n"
            "./new/a/t\n./new/link\n");
  EXPECT_EQ(shell("stat -c %a out/dir/two && readlink out/new/link"), "600\n../dir/two\n");
}

TEST_F(ShellTest, PutAndGet) {
  make_image();
  shell("mkdir -p host/below && ln -s below host/link");
  write_noise("host/below/noise", 400'000, 3);
  const Result result = run_script(
      "cd dir\nput host\nput host/below/noise sub/renamed\nget host/below/noise got\n"
      "get /dir\nput script host/link /dir/sub\n");
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(shell("diff -r --no-dereference host dir/host && cmp host/below/noise got"
                  " && cmp got dir/sub/renamed && ls dir"),
            "host\nsub\ntwo\nup\n");
  check_ext4("e.img");
  lkl_ok({"cp", "e.img:/dir/sub/script", "script.back"});
  shell("cmp script script.back");
}

TEST_F(ShellTest, ErrorsDoNotEndIt) {
  make_image();
  const Result result = run_script(
      "cat /none\nfrobnicate\ncd /one\nls --bogus\ncat 'open\ncp one two\nput\nwrite /x\npwd x\\\n"
      "chmod wrong /one\ncat one\n");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "one\n");
  for (const char* words :
       {"e.img:/none: No such file", "frobnicate: no such command", "e.img:/one: Not a directory",
        "--bogus", "a closing ' is missing", "cp: no such command", "put needs what to copy",
        "write needs --text here", "nothing behind the backslash", "'wrong' is not a mode"})
    EXPECT_NE(result.err.find(words), std::string::npos) << words << "\n" << result.err;
  check_ext4("e.img");
}

TEST_F(ShellTest, ReadOnly) {
  make_image();
  const std::string before = shell("sha256sum e.img");
  const Result result = run_script("rm one\nmkdir x\nput script\nls\nget one copy\n", "--ro e.img");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "deep\ndir\none\n");
  std::size_t refused = 0;
  for (std::size_t at = 0; (at = result.err.find("--ro: this", at)) != std::string::npos; at++)
    refused++;
  EXPECT_EQ(refused, 3U) << result.err;
  EXPECT_EQ(shell("cat copy"), "one\n");
  EXPECT_EQ(shell("sha256sum e.img"), before);
}

// A shell on a terminal of its own.
class Terminal {
 public:
  Terminal() {
    const struct winsize size = {24, 80, 0, 0};
    pid_ = forkpty(&fd_, nullptr, nullptr, &size);
    if (pid_ != 0) return;
    setenv("TERM", "dumb", 1);
    execl(LKL_TOOL_PATH, "lkl", "sh", "e.img", nullptr);
    _exit(127);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    close(fd_);
  }

  // Types it, once what is typed is edited, and waits until the words are on the screen. The prompt
  // comes a moment before: what is typed then reaches the terminal in the mode that programs have,
  // where Ctrl-C and Ctrl-D mean something else.
  bool type(const std::string& text, const std::string& words) {
    struct termios mode = {};
    for (int i = 0; LKL_TOOL_EDITS && i < 3000; i++) {
      if (tcgetattr(fd_, &mode) != 0 || (mode.c_lflag & ICANON) == 0) break;
      usleep(10'000);
    }
    shown_.clear();
    if (write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) return false;
    return wait_for(words);
  }
  bool wait_for(const std::string& words) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (shown_.find(words) == std::string::npos) {
      struct pollfd input = {fd_, POLLIN, 0};
      if (std::chrono::steady_clock::now() > deadline) return false;
      if (poll(&input, 1, 1000) <= 0) continue;
      char buffer[1024];
      const ssize_t n = read(fd_, buffer, sizeof(buffer));
      if (n <= 0) return false;
      shown_.append(buffer, static_cast<std::size_t>(n));
    }
    return true;
  }
  // The exit status, once the terminal is left.
  int finish() {
    wait_for("never shown");  // reads to the end
    kill(pid_, SIGKILL);      // of what does not end, after the time above
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  const std::string& shown() const { return shown_; }

 private:
  int fd_ = -1;
  pid_t pid_ = -1;
  std::string shown_;
};

TEST_F(ShellTest, OnATerminal) {
  make_image();
  Terminal terminal;
  ASSERT_TRUE(terminal.wait_for("e.img:/> ")) << terminal.shown();
  EXPECT_TRUE(terminal.type("cd dir\n", "e.img:/dir> ")) << terminal.shown();
  EXPECT_TRUE(terminal.type("cat two\n", "two\r\ntwo\r\n")) << terminal.shown();
  EXPECT_TRUE(terminal.wait_for("e.img:/dir> ")) << terminal.shown();
  // Ctrl-C drops the line, not the shell, however often.
  EXPECT_TRUE(terminal.type("rm -r /one\003", "e.img:/dir> ")) << terminal.shown();
  EXPECT_TRUE(terminal.type("\003", "e.img:/dir> ")) << terminal.shown();
  // From the history, edited: Ctrl-P, backspaces.
  EXPECT_TRUE(terminal.type("mkdir /made1\n", "e.img:/dir> ")) << terminal.shown();
  const char* const again = LKL_TOOL_EDITS ? "\020\1772\n" : "mkdir /made2\n";
  EXPECT_TRUE(terminal.type(again, "e.img:/dir> ")) << terminal.shown();
  EXPECT_TRUE(terminal.type("frobnicate\n", "no such command")) << terminal.shown();
  EXPECT_TRUE(terminal.wait_for("e.img:/dir> ")) << terminal.shown();
  terminal.type("\004", "e.img");
  EXPECT_EQ(terminal.finish(), 1);  // of frobnicate
  check_ext4("e.img");
  EXPECT_EQ(lkl_ok({"find", "e.img", "--name", "made*"}), "/made1\n/made2\n");
  EXPECT_EQ(shell("debugfs -R 'cat /one' e.img 2>/dev/null"), "one\n");
}

}  // namespace
}  // namespace lkl::tool_test
