// SPDX-License-Identifier: GPL-2.0
#include "mount_point.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "protocol.h"
#include "session/mount_end.h"

namespace lkl::fuse {

namespace {

enum Step : std::size_t { kMount, kOpenEnd, kUnmount };

// In the process outside.
class Mounter {
 public:
  Mounter(fuse_args& arguments, std::string path) : arguments_(arguments), path_(std::move(path)) {}

  int mount() {
    static constexpr fuse_lowlevel_ops kNothing = {};
    // libfuse and fusermount3 say there why not.
    const int said = memfd_create("lklfuse-errors", MFD_CLOEXEC);
    if (said >= 0) dup2(said, STDERR_FILENO);
    session_ = fuse_session_new(&arguments_, &kNothing, sizeof(kNothing), nullptr);
    if (session_ == nullptr || fuse_session_mount(session_, path_.c_str()) != 0) {
      std::string why(1024, '\0');
      const ssize_t n = pread(said, why.data(), why.size(), 0);
      why.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
      while (why.ends_with('\n')) why.pop_back();
      throw tool::Failure(
          fmt::format("{}: cannot mount there{}{}", path_, why.empty() ? "" : ": ", why));
    }
    return fcntl(fuse_session_fd(session_), F_DUPFD_CLOEXEC, 0);
  }

  int open_end() const {
    const auto mount = tool::mounted_device(path_);
    return mount ? tool::open_mount_end(*mount) : -1;
  }

  int unmount() {
    fuse_session_unmount(session_);
    return -1;
  }

 private:
  fuse_args& arguments_;
  std::string path_;
  fuse_session* session_ = nullptr;
};

std::vector<tool::Outside::Step> steps(fuse_args& arguments, const std::string& path) {
  const auto mounter = std::make_shared<Mounter>(arguments, path);
  return {[mounter] { return mounter->mount(); }, [mounter] { return mounter->open_end(); },
          [mounter] { return mounter->unmount(); }};
}

}  // namespace

MountPoint::MountPoint(fuse_args& arguments, std::string path)
    : path_(std::move(path)), outside_(steps(arguments, path_)) {}

MountPoint::MountPoint(std::string path, tool::Descriptor mounted)
    : path_(std::move(path)), mounted_(std::move(mounted)) {}

void MountPoint::mount(fuse_session* session) {
  fd_ = outside_ ? outside_->run(kMount) : mounted_.release();
  if (fd_ < 0 || fuse_session_custom_io(session, &kProtocolIo, fd_) != 0)
    throw tool::Failure(fmt::format("{}: the mount was not handed over", path_));
}

int MountPoint::open_end() {
  return outside_ ? outside_->run(kOpenEnd) : -1;
}

void MountPoint::unmount() {
  const int fd = std::exchange(fd_, -1);
  if (fd < 0 || !outside_ || !tool::is_mounted(fd)) return;
  outside_->run(kUnmount);
}

}  // namespace lkl::fuse
