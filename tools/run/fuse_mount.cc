// SPDX-License-Identifier: GPL-2.0
#include "run/fuse_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <system_error>

namespace lkl::tool::served {

namespace {

// Made before there is a process that may not ask for memory.
struct Words {
  std::string user = std::to_string(::geteuid()), group = std::to_string(::getegid());
  std::string users = fmt::format("{0} {0} 1", user), groups = fmt::format("{0} {0} 1", group);
};

struct Numbers {
  int root = -1, server = -1, error = 0;
};

// What follows makes system calls and nothing else: it is done by a process, too, that was made of
// one with threads. 0, or errno.
bool set_up(int context, const char* key, const char* value) {
  return ::syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0) == 0;
}

bool write_line(const char* file, const std::string& line) {
  const long fd = ::syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool good = ::syscall(SYS_write, fd, line.data(), line.size()) > 0;
  const int error = errno;
  ::syscall(SYS_close, fd);
  errno = error;
  return good;
}

void number(int fd, char (&text)[16]) {
  int digits = 1;
  for (int rest = fd; rest >= 10; rest /= 10) digits++;
  text[digits] = '\0';
  for (; digits > 0; fd /= 10) text[--digits] = static_cast<char>('0' + fd % 10);
}

Numbers mount_here(const Words& words, bool for_all) {
  Numbers numbers;
  // in the namespace of users in which it is mounted
  numbers.server =
      static_cast<int>(::syscall(SYS_openat, AT_FDCWD, "/dev/fuse", O_RDWR | O_CLOEXEC));
  if (numbers.server < 0) return {.error = errno};
  const auto context = static_cast<int>(::syscall(SYS_fsopen, "fuse", FSOPEN_CLOEXEC));
  char server[16];
  number(numbers.server, server);
  const bool good =
      context >= 0 && set_up(context, "fd", server) && set_up(context, "rootmode", "40000") &&
      set_up(context, "user_id", words.user.c_str()) &&
      set_up(context, "group_id", words.group.c_str()) &&
      (!for_all ||
       ::syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, "allow_other", nullptr, 0) == 0) &&
      ::syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
  if (good)
    numbers.root =
        static_cast<int>(::syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC,
                                   MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  if (numbers.root < 0) numbers.error = errno;
  if (context >= 0) ::syscall(SYS_close, context);
  if (numbers.root < 0) ::syscall(SYS_close, numbers.server);
  return numbers;
}

Numbers mount_as_own_root(const Words& words) {
  if (::syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS) != 0 ||
      !write_line("/proc/self/setgroups", "deny") ||
      !write_line("/proc/self/uid_map", words.users) ||
      !write_line("/proc/self/gid_map", words.groups))
    return {.error = errno};
  return mount_here(words, false);
}

// A namespace of users is for who has one thread. That process has our table of descriptors, so
// what it opens is ours.
Numbers mount_by_child(const Words& words) {
  const Pipe answer = make_pipe();
  const long child = ::syscall(SYS_clone, CLONE_FILES, nullptr, nullptr, nullptr, nullptr);
  if (child < 0) return {.error = errno};
  if (child == 0) {
    const Numbers numbers = mount_as_own_root(words);
    ::syscall(SYS_write, answer.in.get(), &numbers, sizeof numbers);
    ::syscall(SYS_exit_group, 0);
  }
  // It sends no signal when it has ended, and has closed nothing: the pipe's end is here as well.
  while (::waitpid(static_cast<pid_t>(child), nullptr, __WALL) < 0 && errno == EINTR) continue;
  Numbers numbers = {.error = ECHILD};
  if (::fcntl(answer.out.get(), F_SETFL, O_NONBLOCK) == 0)
    (void)!::read(answer.out.get(), &numbers, sizeof numbers);
  return numbers;
}

}  // namespace

FuseMount mount_fuse() {
  const Words words;
  // Who may do so for other users does: programs become them.
  Numbers numbers = mount_here(words, true);
  if (numbers.error == EPERM) numbers = mount_by_child(words);
  if (numbers.error != 0) throw std::system_error(numbers.error, std::system_category(), "FUSE");
  return {Descriptor(numbers.root), Descriptor(numbers.server)};
}

}  // namespace lkl::tool::served
