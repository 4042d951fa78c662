// SPDX-License-Identifier: GPL-2.0
//
// Unmounting is done before the image is: fusermount3 does not wait for the process that serves the
// mount to write back. Who unmounts can wait for it by this, a socket that goes away with the
// process.
//
// Its name has the device number of the mount in it, which no other mount has, and a random part:
// so nobody can have taken it before. Who looks for it goes through all that there are, and asks
// the host's kernel whose each of them is.
#ifndef LKL_TOOL_MOUNT_END_H
#define LKL_TOOL_MOUNT_END_H

#include <sys/types.h>

#include <optional>
#include <string>

namespace lkl::tool {

// Of what is mounted at the path, of the upper one if there are several. Does not ask the process
// that serves it, which may be gone. Nothing if the path is not there.
std::optional<dev_t> mounted_device(const std::string& path);

// On the side of the process that serves the mount: the socket, or -1: nobody can wait then.
int open_mount_end(dev_t mount);

class MountEnd {
 public:
  MountEnd() = default;
  MountEnd(const MountEnd&) = delete;
  MountEnd& operator=(const MountEnd&) = delete;
  ~MountEnd();

  // What open_mount_end() has returned.
  void take(int socket) { fd_ = socket; }
  // The image is closed. Tells those who wait what went wrong; nothing if all of it is there.
  void tell(const std::string& problem);

 private:
  int fd_ = -1;
};

// On the other side; to be made before the unmounting.
class MountEndWaiter {
 public:
  // `owner`: who has mounted it.
  MountEndWaiter(dev_t mount, uid_t owner);
  MountEndWaiter(const MountEndWaiter&) = delete;
  MountEndWaiter& operator=(const MountEndWaiter&) = delete;
  ~MountEndWaiter();

  // Whether there is somebody to wait for.
  explicit operator bool() const { return fd_ >= 0; }
  struct End {
    bool complete = false;
    std::string problem;  // in the words of the process; empty if it did not get to its end
  };
  // Throws Interrupted.
  End wait();

 private:
  int fd_ = -1;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_MOUNT_END_H
