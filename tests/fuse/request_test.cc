// SPDX-License-Identifier: GPL-2.0
//
// How many requests of the host's it takes to work on small files: each is a way there and back.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <regex>
#include <string>

#include "fuse/files.h"
#include "fuse/fuse_test.h"

namespace lkl_fuse_test {

class RequestTest : public FuseTest {
 protected:
  // Unmounts; the number of requests of each kind since the mount.
  std::map<std::string, int> requests() {
    EXPECT_EQ(run({"fusermount3", "-u", "m"}).status, 0);
    const std::string said = wait_for_end().err;
    std::map<std::string, int> counts;
    const std::regex request("opcode: ([A-Z0-9_]+)");
    for (std::sregex_iterator at(said.begin(), said.end(), request), end; at != end; ++at)
      ++counts[(*at)[1]];
    return counts;
  }
};

TEST_F(RequestTest, OfSmallFiles) {
  constexpr int kFiles = 10;
  const auto name = [](int i) { return "m/d/" + std::to_string(i); };
  // Where room is scarce the host asks before it writes. What is said has to fit into a pipe.
  ASSERT_EQ(mount(make_ext4("image", "2G"), "debug"), "");
  mkdir("m/d", 0755);
  for (int i = 0; i < kFiles; ++i) put(name(i).c_str(), "small");
  for (int i = 0; i < kFiles; ++i) EXPECT_EQ(get(name(i).c_str()), "small");
  for (int i = 0; i < kFiles; ++i) EXPECT_EQ(unlink(name(i).c_str()), 0);
  std::map<std::string, int> counts = requests();
  EXPECT_EQ(counts["CREATE"], kFiles);
  EXPECT_EQ(counts["WRITE"], kFiles);
  EXPECT_EQ(counts["UNLINK"], kFiles);
  EXPECT_EQ(counts["OPEN"], kFiles);
  EXPECT_EQ(counts["RELEASE"], 2 * kFiles);
  // The host looks whether there is such a name before it makes a file, and whether the file has
  // capabilities before it writes.
  EXPECT_LE(counts["LOOKUP"], kFiles + 1);
  EXPECT_LE(counts["GETXATTR"], kFiles);
  // The change time of what has lost its name. More if a clock ticks between making a file and
  // writing to it.
  EXPECT_LE(counts["SETATTR"], 2 * kFiles);
  EXPECT_LE(counts["FLUSH"], 1);
  // The host knows what it has just made and written. Once or twice for the mount point.
  EXPECT_EQ(counts["READ"], 0);
  EXPECT_LE(counts["GETATTR"], 2);
  for (const char* counted : {"CREATE", "WRITE", "UNLINK", "OPEN", "RELEASE", "LOOKUP", "GETXATTR",
                              "SETATTR", "FLUSH", "READ", "GETATTR", "INIT", "MKDIR", "FORGET",
                              "BATCH_FORGET", "DESTROY", "STATFS", "ACCESS"})
    counts.erase(counted);
  EXPECT_TRUE(counts.empty()) << counts.begin()->first;
}

}  // namespace lkl_fuse_test
