// SPDX-License-Identifier: GPL-2.0
//
// Who serves the images that a program has among its files: lklfuse, a process for each.
#ifndef LKL_TOOL_RUN_DISK_SERVERS_H
#define LKL_TOOL_RUN_DISK_SERVERS_H

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/error.h"
#include "run/disk_mount.h"
#include "run/program.h"

namespace lkl::tool::served {

// To outlive the program: each process ends when its mount is gone, as the last one has ended that
// saw it, and when its image is written back.
class DiskServers {
 public:
  // `program`: the path of lklfuse.
  DiskServers(std::vector<DiskMount> mounts, std::string program);
  // Waits for them.
  ~DiskServers();
  DiskServers(const DiskServers&) = delete;
  DiskServers& operator=(const DiskServers&) = delete;

  // In the order in which they are to be mounted: what is below another one comes later.
  const std::vector<DiskMount>& mounts() const { return mounts_; }
  // Starts the next one. Throws Failure.
  void start(Descriptor fuse, Users users);
  // They end now, whoever uses the images: what was written until now is in them.
  void stop();
  // Waits until all have ended; a signal stops them. Tells of each that has not written all.
  void finish(ForwardedSignals& signals, Diagnostics& says);

 private:
  struct Server {
    pid_t pid;
    Descriptor process;
    bool stopped = false;

    bool has_ended() const;
  };

  const std::vector<DiskMount> mounts_;
  const std::string program_;
  std::vector<Server> servers_;  // of the first of the mounts
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_DISK_SERVERS_H
