// SPDX-License-Identifier: GPL-2.0
//
// How a mount is told to end: by Ctrl-C, by WinFsp, or by `lklfs -u`, for which it has an event
// that is known by the mount point's name as long as the image is in use.
#ifndef LKL_WINFSP_END_H
#define LKL_WINFSP_END_H

#include <lkl.h>

#include <string>

#include "host/win32/handle.h"

namespace lkl::winfsp {

class End {
 public:
  // Throws tool::Failure.
  End();

  // From now on it can be asked for by this name.
  void known_as(const std::string& mount_point);
  // From any thread.
  void ask();
  // Returns when it was asked for, or at a signal.
  void wait() const;

 private:
  lkl::host::Handle own_, known_;
};

// Asks who serves it, and returns when the image is complete. Throws tool::Failure.
void end_mount(const std::string& mount_point);

}  // namespace lkl::winfsp

#endif  // LKL_WINFSP_END_H
