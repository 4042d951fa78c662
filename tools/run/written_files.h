// SPDX-License-Identifier: GPL-2.0
//
// Files of our kernel that programs have opened to write to them, as those of sysctl(8). What they
// have is a file of FUSE, whose server we are: write() has what the kernel says, in whichever
// process it is made, and by whichever copy of the descriptor.
//
// Who opens such a file waits for our own answer, and no signal ends that. When we are killed
// somebody has to go for good before, and /dev/fuse with him: a thread that has that descriptor in
// a table of its own, and does nothing but hand on what comes by it.
#ifndef LKL_TOOL_RUN_WRITTEN_FILES_H
#define LKL_TOOL_RUN_WRITTEN_FILES_H

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/descriptor.h"
#include "run/client.h"

namespace lkl::tool::served {

class WrittenFiles {
 public:
  WrittenFiles() = default;
  // When nobody opens any more. Who writes later has an error.
  ~WrittenFiles();
  WrittenFiles(const WrittenFiles&) = delete;
  WrittenFiles& operator=(const WrittenFiles&) = delete;

  // What the program gets for this descriptor of our kernel, which is ours from now on, whatever
  // comes of it. Flags are those of open(2). An error of the host, negative, in `error` if it is
  // empty: EROFS if there is no FUSE. Any thread.
  Descriptor open(const Client& client, int fd, int flags, int& error);

 private:
  struct File {
    int fd = -1;  // of our kernel
    unsigned opened = 0;
    GuestNamespace network;
    GuestUser user;
  };

  bool start();
  void set_up();
  void run();
  void serve(std::span<char> request);
  void answer(std::uint64_t request, int error, std::span<const char> head,
              std::span<const char> data = {});
  File* find(std::uint64_t node);
  void forget(std::uint64_t node);

  std::mutex mutex_;  // guards what follows
  bool tried_ = false;
  std::uint64_t last_ = 1;  // the root's
  std::map<std::uint64_t, File> files_;

  Descriptor root_;    // of the mount
  Descriptor socket_;  // to the thread that has /dev/fuse
  std::vector<char> room_;
  std::thread relay_, thread_;
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_WRITTEN_FILES_H
