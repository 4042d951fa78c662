// SPDX-License-Identifier: GPL-2.0
//
// mount -o remount,ro and rw of the host's mount. FUSE has no request for that, but the host tells
// all who look at mountinfo: the library's file system becomes what the host's is, so that all is
// written to the image once the host has promised not to change it any more.
#ifndef LKL_FUSE_HOST_ACCESS_H
#define LKL_FUSE_HOST_ACCESS_H

#include <atomic>
#include <mutex>
#include <string>

#include "base/descriptor.h"

namespace lkl::fuse {

class HostAccess {
 public:
  // To be made while files of the host can be opened.
  HostAccess();
  HostAccess(const HostAccess&) = delete;
  HostAccess& operator=(const HostAccess&) = delete;

  // From now on the library's file system follows what is mounted last on the host's directory.
  // `root`: a descriptor of its root directory.
  void start(const std::string& mount_point, int root);

  // Has POLLPRI when something was mounted or changed; -1 if nothing is to be followed.
  int fd() const { return followed_ ? mounts_.get() : -1; }
  // Any thread: to be called after that.
  void follow();
  // A file was closed: what could not be made read-only because of it can be now.
  void closed() {
    if (busy_) follow();
  }
  // The host wants to change something, which the library's file system refused for being
  // read-only. Whether it is writable now: the host's is again, but we have not seen it yet.
  bool make_writable();

 private:
  bool host_is_read_only() const;
  bool reconfigure(bool read_only);

  const tool::Descriptor mounts_;  // mountinfo
  bool followed_ = false;
  std::string device_;  // of the host's mount, as mountinfo has it
  int root_ = -1;
  std::mutex mutex_;
  std::atomic<bool> read_only_ = false;  // the library's file system, by us
  std::atomic<bool> busy_ = false;       // it should be read-only and cannot be yet
};

}  // namespace lkl::fuse

#endif  // LKL_FUSE_HOST_ACCESS_H
