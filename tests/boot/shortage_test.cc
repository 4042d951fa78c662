// SPDX-License-Identifier: GPL-2.0
// A host that gives us little: no descriptors, no address space, a system call filter. An
// error, or something that works; never the end of the process, never a hang.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <initializer_list>
#include <string>
#include <vector>
#ifdef LKL_HAVE_SECCOMP
#include <seccomp.h>
#endif

#include "support/child.h"
#include "support/kernel_test.h"
#include "support/sanitizers.h"

using lkl_test::in_child;

namespace {

int boot(const char* mem) {
  static lkl_host_operations silent = {};
  const int error = lkl_init(&silent);
  return error ? error : lkl_start_kernel("mem=%s loglevel=0", mem);
}

// In a process of its own: 0 if it boots, works, forks and ends, or says that it can't.
int works_or_refuses() {
  if (boot("32M") == 0) {
    const long me = lkl_sys_getpid();
    if (me != 1) return 1;
    const int child = in_child([me] {
      // dead, if the child can't have what it needs; not hanging
      const long result = lkl_sys_getpid();
      lkl_cleanup();
      return result == me || result == -LKL_ESHUTDOWN ? 0 : 2;
    });
    if (child != 0) return 3;
  }
  lkl_cleanup();
  return 0;
}

void leave_descriptors(int free) {
  const rlimit limit = {32, 32};
  setrlimit(RLIMIT_NOFILE, &limit);
  std::vector<int> taken;
  for (int fd; (fd = dup(0)) >= 0;) taken.push_back(fd);
  for (int i = 0; i < free && !taken.empty(); ++i) {
    close(taken.back());
    taken.pop_back();
  }
}

int with_free_descriptors(int free) {
  leave_descriptors(free);
  return works_or_refuses();
}

class Shortage : public ::testing::Test {
  void SetUp() override {
    if (lkl_test::kThreadSanitizer) GTEST_SKIP() << "ThreadSanitizer itself needs what is short";
  }
};

}  // namespace

TEST_F(Shortage, OfDescriptors) {
  for (int free = 0; free <= 8; ++free)
    EXPECT_EQ(in_child([free] { return with_free_descriptors(free); }), 0) << free << " free";
}

// With page tables the child's memory is a file, and it is told when all is in there.
TEST_F(Shortage, AForkIsContentWithThreeDescriptors) {
  EXPECT_EQ(in_child([] {
              if (boot("32M") != 0) return 1;
              leave_descriptors(3);
              const int child = in_child([] {
                const int result = lkl_sys_getpid() == 1 ? 0 : 2;
                lkl_sys_halt();
                lkl_cleanup();
                return result;
              });
              lkl_sys_halt();
              lkl_cleanup();
              return child == 0 ? 0 : 3;
            }),
            0);
}

#if !defined(__SANITIZE_ADDRESS__)  // it needs that itself

TEST_F(Shortage, OfAddressSpaceForTheMemory) {
  EXPECT_EQ(in_child([] {
              const rlimit limit = {60 << 20, 60 << 20};
              setrlimit(RLIMIT_AS, &limit);
              const int error = boot("64M");
              lkl_cleanup();
              return error < 0 ? 0 : 1;
            }),
            0);
}

TEST_F(Shortage, OfAddressSpaceAnywhere) {
  for (rlim_t mib = 24; mib < 120; mib += 4)
    EXPECT_EQ(in_child([mib] {
                const rlimit limit = {mib << 20, mib << 20};
                setrlimit(RLIMIT_AS, &limit);
                return works_or_refuses();
              }),
              0)
        << mib << " MiB";
}

#endif

#ifdef LKL_HAVE_SECCOMP

namespace {

bool deny(std::initializer_list<int> calls) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  for (const int call : calls) seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
  seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
  const int error = seccomp_load(filter);
  seccomp_release(filter);
  return error == 0;
}

bool deny_rings() {
  return deny({SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register)});
}

// A file on a disk whose reads and writes can't be done inline: 0 if what is written is there.
int disk_works() {
  char name[] = "/var/tmp/lkl-shortage-XXXXXX";
  const int fd = mkstemp(name);
  unlink(name);
  if (fd < 0 || ftruncate(fd, 8 << 20) != 0) return 10;
  lkl_disk disk = {};
  disk.fd = fd;
  const int id = lkl_disk_add(&disk);
  if (id < 0) return 11;
  unsigned dev;
  if (lkl_get_virtio_blkdev(id, 0, &dev) < 0) return 12;
  if (lkl_sys_mknod("/disk", LKL_S_IFBLK | 0600, dev) < 0) return 13;
  const int file = static_cast<int>(lkl_sys_open("/disk", LKL_O_RDWR, 0));
  std::string data(2 << 20, 'x');
  if (lkl_sys_write(file, data.data(), data.size()) != static_cast<long>(data.size())) return 14;
  if (lkl_sys_fsync(file) != 0) return 15;
  lkl_sys_close(file);
  std::string back(data.size(), 0);
  if (pread(fd, back.data(), back.size(), 0) != static_cast<ssize_t>(back.size())) return 16;
  if (lkl_disk_remove(disk) != 0) return 17;
  return back == data ? 0 : 18;
}

}  // namespace

TEST_F(Shortage, AFilterBeforeTheBoot) {
  EXPECT_EQ(in_child([] {
              if (!deny_rings()) return 1;
              if (boot("32M") != 0) return 2;
              const int result = disk_works();
              lkl_cleanup();
              return result;
            }),
            0);
}

// As a host does whose io_uring is too old for us: there is a ring, and it can't be used.
TEST_F(Shortage, AFilterThatLetsOneOnlyMakeRings) {
  EXPECT_EQ(in_child([] {
              if (!deny({SCMP_SYS(io_uring_register)})) return 1;
              if (boot("32M") != 0) return 2;
              const int result = disk_works();
              lkl_cleanup();
              return result;
            }),
            0);
}

TEST_F(Shortage, AFilterAfterTheBoot) {
  EXPECT_EQ(in_child([] {
              if (boot("32M") != 0) return 2;
              if (!deny_rings()) return 1;
              const int result = disk_works();
              lkl_cleanup();
              return result;
            }),
            0);
}

TEST_F(Shortage, AForkUnderAFilter) {
  EXPECT_EQ(in_child([] {
              if (boot("32M") != 0) return 2;
              if (!deny_rings()) return 1;
              const int result = in_child(disk_works);
              lkl_cleanup();
              return result;
            }),
            0);
}

#endif
