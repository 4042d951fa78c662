// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_FUSE_MOUNT_POINT_H
#define LKL_FUSE_MOUNT_POINT_H

#include <optional>
#include <string>

#include "base/descriptor.h"
#include "base/outside.h"
#include "fuse_api.h"

namespace lkl::fuse {

// The host's side of the mount. It is made and ended by a process outside of the sandbox: that
// takes a program of the host (fusermount3), or root.
class MountPoint {
 public:
  // Nothing is mounted yet; to be made before the sandbox is entered. `arguments` are libfuse's,
  // and have to live as long; `path` is absolute.
  MountPoint(fuse_args& arguments, std::string path);
  // It is mounted, and will be unmounted, by who has opened this descriptor of /dev/fuse.
  MountPoint(std::string path, tool::Descriptor mounted);
  MountPoint(const MountPoint&) = delete;
  MountPoint& operator=(const MountPoint&) = delete;
  ~MountPoint() = default;

  // Mounts, and has the session serve it. Throws Failure.
  void mount(fuse_session* session);
  // For those who wait for its end, see open_mount_end(). Once it is mounted. -1: nobody can.
  int open_end();
  // Unless somebody else has. To be called before the session is destroyed, which closes what it
  // was served by.
  void unmount();

 private:
  std::string path_;
  tool::Descriptor mounted_;
  std::optional<tool::Outside> outside_;
  int fd_ = -1;  // the session's
};

}  // namespace lkl::fuse

#endif  // LKL_FUSE_MOUNT_POINT_H
