// SPDX-License-Identifier: GPL-2.0
//
// What is larger than the kernel's memory goes through it: no copy holds its files.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool_test.h"

extern char** environ;

namespace lkl::tool_test {
namespace {

class MemoryTest : public ToolTest {
 protected:
  // Runs lkl and returns the most memory it ever had, in KiB.
  static long peak_of(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), LKL_TOOL_PATH);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_t pid = -1;
    EXPECT_EQ(posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), environ), 0);
    int status = -1;
    struct rusage usage = {};
    EXPECT_EQ(wait4(pid, &status, 0, &usage), pid);
    EXPECT_EQ(status, 0) << arguments[1];
    return usage.ru_maxrss;
  }
};

// ASan's own memory is 128 MiB before anything is done.
#ifdef __SANITIZE_ADDRESS__
constexpr long kMost = (150 + 130) * 1024;
#else
constexpr long kMost = 150 * 1024;
#endif

TEST_F(MemoryTest, CopiesLargerThanTheKernelsMemory) {
  // One large file and many small ones, 300 MiB in all; no zeroes.
  shell(
      "mkdir -p tree/small && head -c 200M /dev/urandom >tree/large && cd tree/small &&"
      " head -c 100M /dev/urandom | split -a 5 -b 25000 -");
  make_ext4("e.img", "512M");
  EXPECT_LT(peak_of({"cp", "-m", "48M", "-r", "tree", "e.img:/"}), kMost);
  check_ext4("e.img");
  EXPECT_LT(peak_of({"cp", "-m", "48M", "-r", "e.img:/tree", "out"}), kMost);
  EXPECT_EQ(checksums("out"), checksums("tree"));
}

TEST_F(MemoryTest, ArchivesLargerThanTheKernelsMemory) {
  shell("mkdir tree && head -c 300M /dev/urandom >tree/large && tar -cf in.tar tree");
  make_ext4("e.img", "512M");
  EXPECT_LT(peak_of({"tar", "in", "-m", "48M", "e.img", "-f", "in.tar"}), kMost);
  check_ext4("e.img");
  EXPECT_LT(peak_of({"tar", "out", "-m", "48M", "e.img", "/tree", "-f", "out.tar"}), kMost);
  EXPECT_EQ(shell("tar -xOf out.tar tree/large | cmp - tree/large && echo same"), "same\n");
}

// A path of half a megabyte: if each level had one of its own, that would be 500 MiB.
TEST_F(MemoryTest, DeepTreesTakeOnePath) {
  constexpr int kDepth = 2000;
  const std::string name(250, 'n');
  int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(mkdirat(here, "tree", 0755), 0);
  std::string step = "tree";
  for (int i = 0; i < kDepth; i++) {
    const int next = openat(here, step.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_GE(next, 0);
    close(here);
    here = next;
    step = name;
    ASSERT_EQ(mkdirat(here, name.c_str(), 0755), 0);
  }
  close(here);
  make_ext4("e.img", "64M", "tree");
  make_ext4("to.img", "64M");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"tar", "out", "e.img", "-f", "/dev/null"},
        {"du", "-s", "e.img"},
        {"diff", "e.img:/", "e.img:/"},
        {"cp", "-q", "-r", "e.img:/", "to.img:/"}})
    EXPECT_LT(peak_of(command), kMost + 40 * 1024) << command[0];
}

// Paths of nearly 4 KiB: if each directory's were kept, that would be 70 MiB.
TEST_F(MemoryTest, DirectoriesOfAnArchiveAreNotKept) {
  const std::string name(200, 'n');
  std::string path = "tree";
  for (int i = 0; i < 18; i++) path += "/" + name;
  shell("mkdir -p " + path + " && (cd " + path + " && seq 12000 | xargs mkdir)");
  shell("tar -cf t.tar tree");
  shell("mke2fs -q -F -t ext4 -N 15000 e.img 100M");
  EXPECT_LT(peak_of({"tar", "in", "-m", "48M", "e.img", "-f", "t.tar"}), kMost - 50 * 1024);
  check_ext4("e.img");
}

}  // namespace
}  // namespace lkl::tool_test
