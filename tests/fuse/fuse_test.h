// SPDX-License-Identifier: GPL-2.0
//
// An image, mounted by lklfuse in each test's own directory as "m".
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/tool_test.h"

namespace lkl_fuse_test {

using lkl::tool_test::have;
using lkl::tool_test::Process;
using lkl::tool_test::Result;
using lkl::tool_test::run;
using lkl::tool_test::shell;
using lkl::tool_test::shell_status;

class FuseTest : public lkl::tool_test::ToolTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Runs lklfuse in the foreground until it is mounted. "" or what it said when it ended instead.
  std::string mount(const std::string& image, const std::string& options = {});
  // fusermount3 -u, and lklfuse's end, which has to be a success.
  void umount();
  // SIGKILL, and the dead mount point away.
  void kill_it();
  bool mounted() const { return process_ != nullptr; }
  Process& process() { return *process_; }
  // Waits for the end of lklfuse.
  Result wait_for_end();

  static Result lklfuse(std::vector<std::string> arguments);

 private:
  std::unique_ptr<Process> process_;
};

// On ext4 and on btrfs; judged by e2fsck -fn or btrfs check after the unmounting.
class PosixTest : public FuseTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override;
  void TearDown() override;
  // Unmounts, checks, mounts again.
  void remount(const std::string& options = {});
  void check() const;
  std::string type() const { return GetParam(); }

  std::string image_ = "image";
};

// Runs `body` in a child of another user; its exit code.
int as_user(unsigned uid, unsigned gid, int (*body)());

}  // namespace lkl_fuse_test
