// SPDX-License-Identifier: GPL-2.0
//
// The sandbox of the tools from the inside: each test forks, enters it, and tries what somebody
// would who has taken the process over.
#include "session/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "base/descriptors.h"
#include "base/error.h"
#include "base/outside.h"

namespace lkl::tool {
namespace {

constexpr int kDied = 1000;  // and the signal
constexpr int kNotComplete = 250;

// What the body returns (0 to 200), or kDied and the signal that ended it.
int confined(const SandboxPaths& paths, const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    if (!enter_sandbox(paths).empty()) _exit(kNotComplete);
    _exit(body());
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? kDied + WTERMSIG(status) : WEXITSTATUS(status);
}

// 0, or the error number.
int error_of(long result) {
  return result < 0 ? errno : 0;
}

class SandboxTest : public testing::Test {
 protected:
  void SetUp() override {
    if (confined({}, [] { return 0; }) == kNotComplete)
      GTEST_SKIP() << "the host's kernel has no Landlock or no seccomp filters";
    std::string pattern = (std::filesystem::temp_directory_path() / "lkl-sandbox-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    for (const char* name : {"inside", "outside"}) {
      std::filesystem::create_directory(directory_ / name);
      std::ofstream(directory_ / name / "file") << "text";
    }
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string in(const std::string& name) const { return (directory_ / name).string(); }

 private:
  std::filesystem::path directory_;
};

int open_error(const std::string& path, int flags) {
  return error_of(open(path.c_str(), flags | O_CLOEXEC, 0600));
}

TEST_F(SandboxTest, IsOnAndStays) {
  EXPECT_EQ(confined({}, [] { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == EPERM ? 1 : 0; }),
            0);
  // From outside, since the process cannot read it itself.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    enter_sandbox({});
    (void)!write(ends[1], "", 1);
    char byte;
    (void)!read(ends[0], &byte, 0);
    for (;;) pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ends[0], &byte, 1), 1);
  std::ifstream status("/proc/" + std::to_string(child) + "/status");
  const std::string text((std::istreambuf_iterator<char>(status)), {});
  EXPECT_NE(text.find("NoNewPrivs:\t1\n"), text.npos) << text;
  EXPECT_NE(text.find("Seccomp:\t2\n"), text.npos) << text;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST_F(SandboxTest, NothingOpensByName) {
  EXPECT_NE(confined({}, [] { return open_error("/etc/passwd", O_RDONLY); }), 0);
  EXPECT_NE(confined({}, [&] { return open_error(in("new"), O_RDWR | O_CREAT); }), 0);
  EXPECT_NE(confined({}, [&] { return error_of(unlink(in("inside/file").c_str())); }), 0);
  EXPECT_NE(confined({}, [&] { return error_of(chmod(in("inside/file").c_str(), 0777)); }), 0);
  EXPECT_TRUE(std::filesystem::exists(in("inside/file")));
  EXPECT_FALSE(std::filesystem::exists(in("new")));
}

TEST_F(SandboxTest, OpenDescriptorsWork) {
  const int fd = open(in("inside/file").c_str(), O_RDWR | O_CLOEXEC);
  EXPECT_EQ(confined({},
                     [fd] {
                       char text[4];
                       struct stat status = {};
                       return pread(fd, text, 4, 0) == 4 && pwrite(fd, "more", 4, 4) == 4 &&
                                      fsync(fd) == 0 && ftruncate(fd, 6) == 0 &&
                                      fstat(fd, &status) == 0 && status.st_size == 6
                                  ? 0
                                  : 1;
                     }),
            0);
  close(fd);
}

TEST_F(SandboxTest, ProgramsAreDeadly) {
  EXPECT_EQ(confined({}, [] { return error_of(execl("/bin/true", "true", nullptr)); }),
            kDied + SIGSYS);
  // Even below a directory that may be written.
  SandboxPaths paths;
  paths.allow_writing(in("inside"));
  EXPECT_EQ(confined(paths, [] { return error_of(execl("/bin/true", "true", nullptr)); }),
            kDied + SIGSYS);
}

TEST_F(SandboxTest, OtherWaysOutAreDeadly) {
  const std::pair<const char*, std::function<long()>> ways[] = {
      {"unshare", [] { return unshare(CLONE_NEWUSER); }},
      {"io_uring_setup",
       [] {
         io_uring_params params = {};
         return syscall(SYS_io_uring_setup, 4, &params);
       }},
      {"io_uring_register", [] { return syscall(SYS_io_uring_register, 0, 0, nullptr, 0); }},
      {"process_vm_writev",
       [] { return syscall(SYS_process_vm_writev, getppid(), nullptr, 0, nullptr, 0, 0); }},
      {"pidfd_open", [] { return syscall(SYS_pidfd_open, getppid(), 0); }},
      {"open_by_handle_at", [] { return syscall(SYS_open_by_handle_at, 0, nullptr, 0); }},
      {"chroot", [] { return chroot("/"); }},
  };
  for (const auto& [name, way] : ways)
    EXPECT_EQ(confined({}, [&way = way] { return error_of(way()); }), kDied + SIGSYS) << name;
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_EQ(confined({}, [] { return error_of(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }),
            kDied + SIGSYS);
#endif
}

// As LKL_TRACE reads what a call was given.
TEST_F(SandboxTest, OnesOwnMemoryIsReadNobodyElses) {
  const auto read_of = [](pid_t process) {
    const char text[] = "text";
    char copy[sizeof(text)] = {};
    iovec to = {copy, sizeof(copy)}, from = {const_cast<char*>(text), sizeof(text)};
    return process_vm_readv(process, &to, 1, &from, 1, 0) == sizeof(text) ? 0 : errno;
  };
  EXPECT_EQ(confined({}, [&] { return read_of(getpid()); }), 0);
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_EQ(confined({}, [&] { return read_of(getppid()); }), kDied + SIGSYS);
#endif
}

TEST_F(SandboxTest, NoNetwork) {
  for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, AF_PACKET})
    EXPECT_EQ(confined({}, [=] { return error_of(socket(family, SOCK_DGRAM, 0)); }), EPERM)
        << family;
}

TEST_F(SandboxTest, ThreadsButNoProcesses) {
  EXPECT_EQ(confined({},
                     [] {
                       pthread_t thread;
                       if (pthread_create(
                               &thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr))
                         return 1;
                       return pthread_join(thread, nullptr);
                     }),
            0);
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_EQ(confined({},
                     [] {
                       const pid_t child = fork();
                       if (child == 0) _exit(0);
                       return error_of(child);
                     }),
            EPERM);
#endif
}

TEST_F(SandboxTest, ThreadsAreConfinedToo) {
  EXPECT_NE(confined({},
                     [] {
                       pthread_t thread;
                       void* result = nullptr;
                       pthread_create(
                           &thread, nullptr,
                           [](void*) -> void* {
                             return reinterpret_cast<void*>(
                                 static_cast<long>(open_error("/etc/passwd", O_RDONLY)));
                           },
                           nullptr);
                       pthread_join(thread, &result);
                       return static_cast<int>(reinterpret_cast<long>(result));
                     }),
            0);
}

TEST_F(SandboxTest, NoNewCode) {
  const auto map = [](int protection) {
    return mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  };
  EXPECT_EQ(confined({},
                     [&] {
                       errno = 0;
                       return map(PROT_READ | PROT_EXEC) == MAP_FAILED ? errno : 0;
                     }),
            EPERM);
  EXPECT_EQ(confined({},
                     [&] {
                       void* const memory = map(PROT_READ | PROT_WRITE);
                       if (memory == MAP_FAILED) return 1;
                       return error_of(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
                     }),
            EPERM);
}

TEST_F(SandboxTest, NobodyElseIsSignalled) {
  EXPECT_EQ(confined({}, [] { return error_of(kill(getppid(), SIGCONT)); }), EPERM);
  EXPECT_EQ(confined({}, [] { return error_of(syscall(SYS_tkill, getppid(), SIGCONT)); }), EPERM);
}

// By data that arrives on a pipe of one's own.
TEST_F(SandboxTest, NobodyElseIsSignalledByIo) {
  const auto refused = [](const std::function<long(int)>& call) {
    return confined({}, [&] {
      int ends[2];
      return pipe2(ends, O_NONBLOCK) == 0 ? error_of(call(ends[0])) : 1;
    });
  };
  EXPECT_EQ(refused([](int fd) { return fcntl(fd, F_GETFL); }), 0);
  EXPECT_EQ(refused([](int fd) { return fcntl(fd, F_SETFL, O_NONBLOCK); }), 0);
  EXPECT_EQ(refused([](int fd) { return fcntl(fd, F_SETOWN, getppid()); }), EPERM);
  EXPECT_EQ(refused([](int fd) { return fcntl(fd, F_SETSIG, SIGKILL); }), EPERM);
  EXPECT_EQ(refused([](int fd) { return fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC); }), EPERM);
  EXPECT_EQ(refused([](int fd) { return fcntl(fd, F_SETLEASE, F_RDLCK); }), EPERM);
  EXPECT_EQ(refused([](int fd) { return fcntl(fd, F_NOTIFY, DN_CREATE); }), EPERM);
  const int on = 1;
  EXPECT_EQ(refused([&](int fd) { return ioctl(fd, FIOASYNC, &on); }), EPERM);
  EXPECT_EQ(refused([&](int fd) { return ioctl(fd, FIOSETOWN, &on); }), EPERM);
}

TEST_F(SandboxTest, TheLimitsOfOthersAreNotRead) {
  struct rlimit limit = {};
  EXPECT_EQ(confined({}, [&] { return error_of(getrlimit(RLIMIT_NOFILE, &limit)); }), 0);
  EXPECT_EQ(
      confined({}, [&] { return error_of(prlimit(getppid(), RLIMIT_NOFILE, nullptr, &limit)); }),
      EPERM);
  EXPECT_EQ(confined({}, [&] { return error_of(setrlimit(RLIMIT_NOFILE, &limit)); }), EPERM);
}

TEST_F(SandboxTest, TheTerminalIsNotTypedInto) {
  const char c = '\n';
  EXPECT_EQ(confined({}, [&] { return error_of(ioctl(0, TIOCSTI, &c)); }), EPERM);
}

TEST_F(SandboxTest, ReadingIsOfThePath) {
  SandboxPaths paths;
  paths.allow_reading(in("inside"));
  EXPECT_TRUE(paths.may_read(in("inside/file")));
  EXPECT_FALSE(paths.may_write(in("inside/file")));
  EXPECT_FALSE(paths.may_read(in("outside/file")));
  EXPECT_FALSE(paths.may_read(in("inside/../outside/file")));
  EXPECT_EQ(confined(paths, [&] { return open_error(in("inside/file"), O_RDONLY); }), 0);
  EXPECT_EQ(confined(paths, [&] { return open_error(in("inside"), O_RDONLY | O_DIRECTORY); }), 0);
  EXPECT_EQ(confined(paths, [&] { return open_error(in("outside/file"), O_RDONLY); }), EACCES);
  EXPECT_EQ(confined(paths, [] { return open_error("/etc/passwd", O_RDONLY); }), EACCES);
  for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, O_RDONLY | O_CREAT})
    EXPECT_NE(confined(paths, [&] { return open_error(in("inside/file"), flags); }), 0) << flags;
  EXPECT_NE(confined(paths, [&] { return error_of(unlink(in("inside/file").c_str())); }), 0);
}

TEST_F(SandboxTest, WritingIsInTheDirectory) {
  SandboxPaths paths;
  paths.allow_writing(in("inside/new"));  // not there: the directory is meant
  EXPECT_TRUE(paths.may_write(in("inside/other")));
  EXPECT_FALSE(paths.may_write(in("outside")));
  EXPECT_EQ(confined(paths, [&] { return open_error(in("inside/new"), O_RDWR | O_CREAT); }), 0);
  EXPECT_EQ(confined(paths, [&] { return error_of(mkdir(in("inside/sub").c_str(), 0755)); }), 0);
  EXPECT_EQ(confined(paths, [&] { return error_of(rmdir(in("inside/sub").c_str())); }), 0);
  EXPECT_EQ(confined(paths, [&] { return open_error(in("outside/new"), O_RDWR | O_CREAT); }),
            EACCES);
  EXPECT_EQ(confined(paths, [&] { return open_error(in("outside/file"), O_RDONLY); }), EACCES);
  EXPECT_NE(
      confined(
          paths,
          [&] { return error_of(rename(in("outside/file").c_str(), in("inside/file").c_str())); }),
      0);
  EXPECT_NE(confined(paths, [&] { return error_of(truncate(in("outside/file").c_str(), 0)); }), 0);
  EXPECT_EQ(std::filesystem::file_size(in("outside/file")), 4U);
}

TEST_F(SandboxTest, LinksLeadNowhereElse) {
  std::filesystem::create_symlink(in("outside/file"), in("inside/link"));
  SandboxPaths paths;
  paths.allow_writing(in("inside"));
  EXPECT_FALSE(paths.may_read(in("inside/link")));
  EXPECT_EQ(confined(paths, [&] { return open_error(in("inside/link"), O_RDWR); }), EACCES);
}

// Kernels before 5.9, and some containers: no close_range(2).
TEST_F(SandboxTest, AllDescriptorsAreClosedWithoutOneCallForIt) {
  const pid_t child = fork();
  if (child == 0) {
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(close_range), 0);
    if (seccomp_load(filter) != 0 || close_range(100, 200, 0) == 0) _exit(2);
    for (int fd = 10; fd < 500; fd += 7) dup2(1, fd);
    close_from(3);
    for (int fd = 3; fd < 1024; fd++)
      if (fcntl(fd, F_GETFD) >= 0) _exit(1);
    _exit(fcntl(2, F_GETFD) < 0 ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(SandboxTest, WhatIsOutsideGoesOn) {
  Outside outside({[&] {
                     std::filesystem::remove(in("outside/file"));
                     return open(in("inside/file").c_str(), O_RDONLY | O_CLOEXEC);
                   },
                   []() -> int { throw Failure("it failed"); }});
  EXPECT_EQ(confined({},
                     [&] {
                       const int fd = outside.run(0);
                       char text[4];
                       if (fd < 0 || read(fd, text, 4) != 4) return 1;
                       try {
                         outside.run(1);
                       } catch (const Failure& failure) {
                         return std::string(failure.what()) == "it failed" ? 0 : 2;
                       }
                       return 3;
                     }),
            0);
  EXPECT_FALSE(std::filesystem::exists(in("outside/file")));
}

}  // namespace
}  // namespace lkl::tool
