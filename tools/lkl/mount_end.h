// SPDX-License-Identifier: GPL-2.0
//
// Unmounting is done before the image is: fusermount3 does not wait for the process that serves the
// mount to write back. Who unmounts can wait for it by this, a socket that is named by the mount
// point and goes away with the process.
#ifndef LKL_TOOL_MOUNT_END_H
#define LKL_TOOL_MOUNT_END_H

#include <string>

namespace lkl::tool {

// On the side of the process that serves the mount.
class MountEnd {
 public:
  // `mount_point` is absolute. Nobody can wait if the name is taken; that is no error.
  explicit MountEnd(const std::string& mount_point);
  MountEnd(const MountEnd&) = delete;
  MountEnd& operator=(const MountEnd&) = delete;
  ~MountEnd();

  // The image is closed. Tells those who wait whether all of it is there.
  void tell(bool complete);

 private:
  int fd_ = -1;
};

// On the other side; to be made before the unmounting.
class MountEndWaiter {
 public:
  explicit MountEndWaiter(const std::string& mount_point);
  MountEndWaiter(const MountEndWaiter&) = delete;
  MountEndWaiter& operator=(const MountEndWaiter&) = delete;
  ~MountEndWaiter();

  // False if the process said that the image may not be complete, or did not get to its end.
  bool wait();

 private:
  int fd_ = -1;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_MOUNT_END_H
