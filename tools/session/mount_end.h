// SPDX-License-Identifier: GPL-2.0
//
// Unmounting is done before the image is: fusermount3 does not wait for the process that serves the
// mount to write back. Who unmounts can wait for it by this, a socket that goes away with the
// process.
//
// Its name has the device number of the mount in it, and a random part: so nobody can have taken it
// before. Who looks for it goes through all that there are, and asks the host's kernel whose each
// of them is. The number is given to another mount as soon as this one is gone, and the process may
// write back for long after that: so it says to each who connects that its mount is still there, or
// nothing. Who unmounts waits for this word first.
#ifndef LKL_TOOL_MOUNT_END_H
#define LKL_TOOL_MOUNT_END_H

#include <sys/types.h>

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/descriptor.h"

namespace lkl::tool {

// Of what is mounted at the path, of the upper one if there are several. Does not ask the process
// that serves it, which may be gone. Nothing if the path is not there.
std::optional<dev_t> mounted_device(const std::string& path);

// Whether what this descriptor of /dev/fuse serves is mounted still.
bool is_mounted(int fuse);

// On the side of the process that serves the mount: the socket, or -1: nobody can wait then.
int open_mount_end(dev_t mount);

// Those who wait for the end.
class MountEnd {
 public:
  // Takes over a connection. While nobody else uses this.
  void add(Descriptor peer) { peers_.push_back(std::move(peer)); }
  // The image is closed. Tells those who wait what went wrong; nothing if all of it is there.
  void tell(const std::string& problem);

 private:
  std::vector<Descriptor> peers_;
};

// Answers those who connect while it is mounted. A thread of its own: whatever the mount waits for,
// it answers. When it is destroyed those who still wait go to the MountEnd.
class MountEndSocket {
 public:
  explicit MountEndSocket(MountEnd& end) : end_(end) {}
  MountEndSocket(const MountEndSocket&) = delete;
  MountEndSocket& operator=(const MountEndSocket&) = delete;
  ~MountEndSocket();

  // `socket`: what open_mount_end() has returned. `mount`: the descriptor of /dev/fuse, which must
  // stay open as long as this object exists.
  void start(int socket, int mount);

 private:
  void answer();
  void welcome();

  MountEnd& end_;
  Descriptor socket_;
  int mount_ = -1;
  std::vector<Descriptor> peers_;
  std::thread thread_;
};

// On the other side; to be made before the unmounting.
class MountEndWaiter {
 public:
  // Waits some seconds at most for the word of the process. `owner`: who has mounted it. Throws
  // Interrupted.
  MountEndWaiter(dev_t mount, uid_t owner);

  // Whether there is somebody to wait for.
  explicit operator bool() const { return !peers_.empty(); }
  struct End {
    bool complete = false;
    std::string problem;  // in the words of the process; empty if it did not get to its end
  };
  // Throws Interrupted.
  End wait();

 private:
  void find_the_one();

  // The one that serves the mount, or, if none has said so, all that have not said anything.
  std::vector<Descriptor> peers_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_MOUNT_END_H
