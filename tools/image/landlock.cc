// SPDX-License-Identifier: GPL-2.0
#include "image/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

#include "base/error.h"

namespace lkl::tool {

namespace {

using namespace landlock_right;

// Newer than the header that this may be built with.
struct Ruleset {
  std::uint64_t files;
  std::uint64_t network;  // since 4
  std::uint64_t scoped;   // since 6
};
constexpr std::uint64_t kTcp = 3;  // bind, connect
constexpr std::uint64_t kAbstractUnixSocket = 1 << 0, kSignal = 1 << 1;

constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDevice;

std::uint64_t all_of(int version) {
  std::uint64_t all = kRefer - 1;
  if (version >= 2) all |= kRefer;
  if (version >= 3) all |= kTruncate;
  if (version >= 5) all |= kIoctlDevice;
  return all;
}

[[noreturn]] void fail(const std::string& what) {
  throw Failure(fmt::format("the sandbox: {}: {}; --no-sandbox does without it", what,
                            describe({errno, std::system_category()})));
}

}  // namespace

Landlock::Landlock(Network network) {
  const int version = static_cast<int>(
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (version < 1) return;
  all_ = all_of(version);
  const Ruleset rules = {all_, version >= 4 && network == Network::kNone ? kTcp : 0,
                         version >= 6 ? kAbstractUnixSocket | kSignal : 0};
  const std::size_t size = version >= 6   ? sizeof(rules)
                           : version >= 4 ? offsetof(Ruleset, scoped)
                                          : offsetof(Ruleset, network);
  const Descriptor made(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rules, size, 0)));
  if (!made) fail("landlock_create_ruleset");
  ruleset_ = Descriptor(::fcntl(made.get(), F_DUPFD_CLOEXEC, kFirstNumber));
  if (!ruleset_) fail("landlock_create_ruleset");
}

void Landlock::allow(const std::string& path, std::uint64_t rights) {
  if (!available()) return;
  const Descriptor at(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!at) return;
  struct stat status = {};
  rights &= all_;
  if (::fstat(at.get(), &status) != 0 || !S_ISDIR(status.st_mode)) rights &= kOfFiles;
  const landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = at.get()};
  const bool added = rights == 0 || ::syscall(SYS_landlock_add_rule, ruleset_.get(),
                                              LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
  // A pipe is in no file system that has paths; it is not restricted.
  if (!added && errno != EBADFD) fail(path);
}

int Landlock::enter() const noexcept {
  if (!available()) return 0;
  return ::syscall(SYS_landlock_restrict_self, ruleset_.get(), 0) == 0 ? 0 : errno;
}

}  // namespace lkl::tool
