// SPDX-License-Identifier: GPL-2.0
//
// Set-user-ID and set-group-ID bits, which go when somebody changes the file who may not keep them.
// What is expected is what the host's kernel does with files of its own.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "fuse/files.h"
#include "fuse/fuse_test.h"

namespace lkl_fuse_test {

namespace {

// By the owner, who is in no other group than his own.
int write_it() {
  const int fd = open("f", O_WRONLY);
  return write(fd, "x", 1) == 1 && close(fd) == 0 ? 0 : 1;
}
int write_it_directly() {
  alignas(4096) static char block[4096];
  const int fd = open("f", O_WRONLY | O_DIRECT);
  return write(fd, block, sizeof block) == sizeof block ? 0 : 1;
}
int allocate_it() {
  return fallocate(open("f", O_WRONLY), 0, 0, 8192);
}
int punch_it() {
  return fallocate(open("f", O_WRONLY), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
}
int cut_it() {
  return truncate("f", 1);
}
int empty_it() {
  return open("f", O_WRONLY | O_TRUNC) >= 0 ? 0 : 1;
}
int give_it() {
  return chown("f", static_cast<uid_t>(-1), getgid());
}
int list_it() {
  return system("setfacl -m u::rwx,g::rwx,o::rwx f");
}

}  // namespace

TEST_P(PosixTest, BitsThatAUserMayNotKeep) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  const std::vector<std::pair<const char*, int (*)()>> changes = {
      {"write", write_it},        {"direct write", write_it_directly},
      {"fallocate", allocate_it}, {"punch", punch_it},
      {"truncate", cut_it},       {"O_TRUNC", empty_it},
      {"chown", give_it},         {"setfacl", list_it},
  };
  if (!have("setfacl")) GTEST_SKIP() << "setfacl (package acl) is missing";
  // Of this folder or of one on a disk that has access lists.
  shell("mkdir own && chmod 755 . own && touch own/f");
  const bool lists = shell_status("setfacl -m u:1:r own/f").status == 0;
  for (const char* options :
       {"allow_other,suid", "allow_other,suid,no_writeback", "allow_other,suid,direct_io"}) {
    remount(options);
    shell("chmod 755 m");
    for (const auto& [what, change] : changes)
      for (const mode_t mode : {06777u, 04777u, 02777u, 02666u, 06666u, 02755u, 04711u}) {
        if (change == list_it && !lists) continue;
        if (change == write_it_directly && std::string(options).ends_with("direct_io")) continue;
        const auto mode_after = [&](const char* folder) {
          const std::string file = std::string(folder) + "/f";
          unlink(file.c_str());
          put(file.c_str(), std::string(9000, 'x'));
          EXPECT_EQ(chown(file.c_str(), 12345, 0), 0);
          EXPECT_EQ(chmod(file.c_str(), mode), 0);
          status_of(file.c_str());
          const int before = open(".", O_RDONLY | O_DIRECTORY);
          EXPECT_EQ(chdir(folder), 0);
          EXPECT_EQ(as_user(12345, 12345, change), 0) << what;
          EXPECT_EQ(fchdir(before), 0);
          close(before);
          return status_of(file.c_str()).st_mode & 07777u;
        };
        EXPECT_EQ(mode_after("m"), mode_after("own"))
            << what << " of " << std::oct << mode << " with " << options;
      }
  }
}

TEST_P(PosixTest, RootKeepsThem) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  put("m/f", "x");
  chmod("m/f", 06777);
  const int fd = open("m/f", O_WRONLY);
  EXPECT_EQ(write(fd, "yy", 2), 2);
  EXPECT_EQ(fallocate(fd, 0, 0, 8192), 0);
  close(fd);
  EXPECT_EQ(status_of("m/f").st_mode & 07777u, 06777u);
  remount();
  EXPECT_EQ(status_of("m/f").st_mode & 07777u, 06777u);
}

}  // namespace lkl_fuse_test
