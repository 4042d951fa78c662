// SPDX-License-Identifier: GPL-2.0
//
// lkl umount: waits for the right process, believes nobody else, and says what is so.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "fuse/fuse_test.h"

namespace lkl_fuse_test {
namespace {

class UmountTest : public FuseTest {
 protected:
  void SetUp() override {
    FuseTest::SetUp();
    if (IsSkipped()) return;
    make_ext4("a.img", "16M");
    make_ext4("b.img", "16M");
  }
  void TearDown() override {
    for (int i = 0; i < 3; i++) shell_status("fusermount3 -u -z m 2>/dev/null");
    FuseTest::TearDown();
  }
  // Who started it is gone; who helps it is younger.
  static int daemon_of(const std::string& image) {
    return std::stoi(shell("pgrep -o -f \"[l]klfuse $PWD/" + image + " \""));
  }
  static bool is_mounted() { return shell_status("grep -q \" $PWD/m \" /proc/mounts").status == 0; }
  static std::string device_of_mount() {
    return shell("awk -v m=$PWD/m '$5 == m {print $3}' /proc/self/mountinfo | tr -d '\\n'");
  }
  void mount_image(const std::string& image) {
    const Result result = lkl({"mount", "--rw", path(image), "m"});
    ASSERT_EQ(result.status, 0) << result.err;
  }
};

TEST_F(UmountTest, OfTwoMountsOneOverTheOther) {
  mount_image("a.img");
  shell("touch m/lower");
  mount_image("b.img");
  shell("touch m/upper");
  lkl_ok({"umount", "m"});
  EXPECT_EQ(lkl_ok({"ls", "b.img"}), "lost+found\nupper\n");
  EXPECT_EQ(shell("ls m"), "lost+found\nlower\n");
  lkl_ok({"umount", "m"});
  EXPECT_EQ(lkl_ok({"ls", "a.img"}), "lost+found\nlower\n");
}

// The thread that answers who unmounts has nothing to do with the requests of the mount.
TEST_F(UmountTest, WhoAnswersSleepsMeanwhile) {
  mount_image("a.img");
  const std::string status = "/proc/" + std::to_string(daemon_of("a.img")) + "/task/*/status";
  const std::string wakeups =
      "awk '/^Name:/ {is = $2 == \"mount-end\"} is && /ctxt_switches/ {n += $2} "
      "END {print n}' " +
      status;
  const int before = std::stoi(shell(wakeups));
  for (int i = 0; i < 200; i++) {
    const std::string file = path("m/f" + std::to_string(i));
    ASSERT_EQ(mknod(file.c_str(), S_IFREG | 0600, 0), 0);
    ASSERT_EQ(unlink(file.c_str()), 0);
  }
  EXPECT_GT(before, 0);
  EXPECT_LT(std::stoi(shell(wakeups)) - before, 50);
  lkl_ok({"umount", "m"});
}

// Somebody else listens under names like that of the mount, and never answers.
TEST_F(UmountTest, BelievesNobodyElse) {
  if (geteuid() != 0 || !have("setpriv")) GTEST_SKIP() << "needs root, to become somebody else";
  mount_image("a.img");
  const std::string device = device_of_mount();
  Process other({"/usr/bin/env", "setpriv", "--reuid", "65534", "--regid", "65534",
                 "--clear-groups", "/usr/bin/python3", "-c",
                 "import socket, sys, time\n"
                 "all = []\n"
                 "for i in range(20):\n"
                 "    s = socket.socket(socket.AF_UNIX); all.append(s)\n"
                 "    s.bind('\\0lklfuse/' + sys.argv[1] + '/%032x' % i); s.listen(0)\n"
                 "print('ready', flush=True)\n"
                 "time.sleep(100)\n",
                 device},
                false);
  ASSERT_EQ(other.first_line(), "ready");
  lkl_ok({"umount", "m"});
  other.signal(SIGKILL);
  check_ext4("a.img");
}

TEST_F(UmountTest, SaysThatTheProcessWasKilled) {
  mount_image("a.img");
  kill(daemon_of("a.img"), SIGKILL);
  expect_failure({"umount", "m"}, 1, "the last changes may be lost");
  EXPECT_NE(shell_status("mountpoint -q m").status, 0);
}

// The device number of a mount that is gone belongs to the next one, while the process that served
// the first may still write back.
class UmountAfterOthersTest : public UmountTest {
 protected:
  void SetUp() override {
    UmountTest::SetUp();
    if (IsSkipped()) return;
    std::string device;
    for (int i = 0; i < 3; i++) {
      const std::string image = "other" + std::to_string(i) + ".img";
      shell("cp b.img " + image);
      ASSERT_NO_FATAL_FAILURE(mount_image(image));
      others_.push_back(daemon_of(image));
      kill(others_.back(), SIGSTOP);
      device = device_of_mount();
      shell("fusermount3 -u m");
    }
    mount_image("a.img");
    if (device_of_mount() != device) GTEST_SKIP() << "the host gives another device number";
  }
  void TearDown() override {
    end_others();
    UmountTest::TearDown();
  }
  void end_others() {
    for (const int other : others_) kill(other, SIGCONT);
    for (const int other : others_)
      while (kill(other, 0) == 0) usleep(10'000);
    others_.clear();
  }

 private:
  std::vector<int> others_;
};

TEST_F(UmountAfterOthersTest, WaitsForNoneOfThem) {
  shell("touch m/new");
  lkl_ok({"umount", "m"});
  check_ext4("a.img");
}

TEST_F(UmountAfterOthersTest, BelievesNoneOfThem) {
  kill(daemon_of("a.img"), SIGKILL);
  Process umount({LKL_TOOL_PATH, "umount", "m"}, false);
  while (is_mounted()) usleep(10'000);
  end_others();
  const Result result = umount.finish();
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("the last changes may be lost"), std::string::npos) << result.err;
}

TEST_F(UmountTest, WaitingEndsOnASignal) {
  mount_image("a.img");
  const int daemon = daemon_of("a.img");
  kill(daemon, SIGSTOP);
  Process umount({LKL_TOOL_PATH, "umount", "m"}, false);
  while (is_mounted()) usleep(10'000);
  EXPECT_FALSE(umount.ended());
  umount.signal(SIGINT);
  const Result result = umount.finish();
  EXPECT_EQ(result.status, 128 + SIGINT);
  EXPECT_NE(result.err.find("may not be written back yet"), std::string::npos) << result.err;
  kill(daemon, SIGCONT);
  while (kill(daemon, 0) == 0) usleep(10'000);
  check_ext4("a.img");
}

TEST_F(UmountTest, WhatIsNoMountOfOurs) {
  expect_failure({"umount", "m"}, 1, "no image is mounted there");
  expect_failure({"umount", "missing"}, 1, "missing");
  mount_image("a.img");
  shell("ln -s m link");
  lkl_ok({"umount", "link/"});
}

}  // namespace
}  // namespace lkl_fuse_test
