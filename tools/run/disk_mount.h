// SPDX-License-Identifier: GPL-2.0
//
// Images among the files of a program: mounted by FUSE in a namespace that only it, and what it
// starts, is in. Nobody else sees them, and no rights are needed.
#ifndef LKL_TOOL_RUN_DISK_MOUNT_H
#define LKL_TOOL_RUN_DISK_MOUNT_H

#include <functional>
#include <string>
#include <vector>

namespace lkl::tool::served {

struct DiskMount {
  std::string image;    // as lklfuse is told: IMAGE[:PARTITION]
  std::string folder;   // absolute; "/": the image is the program's root
  std::string options;  // of lklfuse: "ro,type=ext4"; may be empty
};

// Whose numbers a program's users are.
enum class Users {
  kHost,  // the host's: who has the right to mount
  kOwn    // those of a user namespace, where there is this user and nobody else
};

// Gets the descriptor that a mount is to be served by.
using HandOver = std::function<void(int fuse, Users users)>;

// To be called by the process that is to become the program, when it has one thread and is under no
// filter yet: its mounts are its own from now on, and the images are mounted in this order. Returns
// when all are served. Throws Failure: what is missing, and the cure.
void mount_disks(const std::vector<DiskMount>& disks, const HandOver& hand_over);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_DISK_MOUNT_H
