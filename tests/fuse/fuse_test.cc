// SPDX-License-Identifier: GPL-2.0
#include "fuse/fuse_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

namespace lkl_fuse_test {

namespace {

dev_t device_of(const char* path) {
  struct stat status = {};
  return stat(path, &status) == 0 ? status.st_dev : 0;
}

}  // namespace

void FuseTest::SetUp() {
  const int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fd < 0) GTEST_SKIP() << "/dev/fuse cannot be opened";
  close(fd);
  if (!have("fusermount3")) GTEST_SKIP() << "fusermount3 (package fuse3) is missing";
  ToolTest::SetUp();
  std::filesystem::create_directory("m");
}

void FuseTest::TearDown() {
  if (process_) kill_it();
  ToolTest::TearDown();
}

std::string FuseTest::mount(const std::string& image, const std::string& options) {
  const dev_t before = device_of("m");
  std::vector<std::string> command = {LKL_FUSE_PATH, image, "m", "-f"};
  if (!options.empty()) command.insert(command.end(), {"-o", options});
  process_ = std::make_unique<Process>(command, false);
  for (int i = 0; i < 2000; ++i) {
    const dev_t device = device_of("m");
    if (device != 0 && device != before) return "";
    usleep(5000);
    if (process_->ended()) break;
  }
  const Result result = wait_for_end();
  return "status " + std::to_string(result.status) + ": " + result.err;
}

Result FuseTest::wait_for_end() {
  const Result result = process_->finish();
  process_.reset();
  return result;
}

void FuseTest::umount() {
  // Programs that look at every new mount hold it for a moment.
  Result result;
  for (int i = 0; i < 50; ++i) {
    result = run({"fusermount3", "-u", "m"});
    if (result.status == 0) break;
    usleep(100'000);
  }
  ASSERT_EQ(result.status, 0) << result.err;
  const Result end = wait_for_end();
  EXPECT_EQ(end.status, 0);
  EXPECT_EQ(end.err, "");
}

void FuseTest::kill_it() {
  process_->signal(SIGKILL);
  wait_for_end();
  shell_status("fusermount3 -u -z m");
}

Result FuseTest::lklfuse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), LKL_FUSE_PATH);
  return run(arguments);
}

void PosixTest::SetUp() {
  FuseTest::SetUp();
  if (IsSkipped()) return;
  if (type() == "ext4")
    image_ = make_ext4("image", "256M");
  else
    image_ = make_btrfs("image");
  ASSERT_EQ(mount(image_), "");
}

void PosixTest::TearDown() {
  if (mounted()) {
    umount();
    check();
  }
  FuseTest::TearDown();
}

void PosixTest::check() const {
  if (type() == "ext4")
    check_ext4(image_);
  else
    check_btrfs(image_);
}

void PosixTest::remount(const std::string& options) {
  umount();
  check();
  ASSERT_EQ(mount(image_, options), "");
}

int as_user(unsigned uid, unsigned gid, int (*body)()) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (setgid(gid) != 0 || setuid(uid) != 0) _exit(99);
    _exit(body());
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace lkl_fuse_test
