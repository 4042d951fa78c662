// SPDX-License-Identifier: GPL-2.0
//
// A mount whose kernel panics: errors for who uses it, and no success for who unmounts it.
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuse/fuse_test.h"

namespace lkl_fuse_test {
namespace {

class PanicTest : public FuseTest {
 protected:
  void SetUp() override {
    FuseTest::SetUp();
    if (IsSkipped()) return;
    // The checksum of the directory d is wrong.
    shell(
        "mkdir -p tree/d && touch tree/d/f && echo sound > tree/sound &&"
        " mke2fs -q -F -t ext4 -b 4096 -d tree e.img 16M && tune2fs -e panic e.img &&"
        " block=$(debugfs -R 'blocks /d' e.img 2>/dev/null) &&"
        " printf XXXX | dd of=e.img bs=1 conv=notrunc status=none seek=$((block * 4096 + 40))");
  }
};

TEST_F(PanicTest, IsNotForAnImageToAskFor) {
  ASSERT_EQ(mount("e.img", "ro"), "");
  EXPECT_EQ(open("m/d/f", O_RDONLY), -1);
  EXPECT_EQ(errno, EBADMSG);
  EXPECT_EQ(shell("cat m/sound"), "sound\n");
  umount();
}

TEST_F(PanicTest, LeavesErrorsUntilItIsUnmounted) {
  expect_complaint("Call trace of");
  ASSERT_EQ(mount("e.img", "opts=errors=panic"), "");
  shell("echo new > m/new");
  EXPECT_EQ(open("m/d/f", O_RDONLY), -1);
  EXPECT_EQ(errno, EIO);
  // Nothing that can't be written is taken, and it stays mounted: nothing goes to what is below.
  EXPECT_EQ(mkdir("m/other", 0755), -1);
  EXPECT_EQ(errno, EIO);
  EXPECT_NE(shell_status("sync -f m/sound && echo more > m/new && sync m/new").status, 0);
  const Result result = lkl({"umount", "m"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("the last changes may be lost: the kernel has panicked"),
            std::string::npos)
      << result.err;
  const Result daemon = wait_for_end();
  EXPECT_EQ(daemon.status, 1);
  EXPECT_NE(daemon.err.find("lklfuse: the kernel has panicked"), std::string::npos) << daemon.err;
  EXPECT_NE(shell_status("mountpoint -q m").status, 0);
}

}  // namespace
}  // namespace lkl_fuse_test
