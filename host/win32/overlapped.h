// SPDX-License-Identifier: GPL-2.0
// Descriptors of the C library's are for who waits. One may have a second handle of the same file
// that is overlapped: what the event loop starts on it goes on by itself.
#pragma once

#include <atomic>

#include "win32/handle.h"

namespace lkl::host {

class OverlappedHandle final {
 public:
  // Of this descriptor, as long as the object is there; it does without if the host does not give
  // one.
  OverlappedHandle(int fd, DWORD access);
  ~OverlappedHandle();
  OverlappedHandle(const OverlappedHandle&) = delete;
  OverlappedHandle& operator=(const OverlappedHandle&) = delete;

  // That of this descriptor, for who collects at this port: it is the port's from the first time
  // on. nullptr if there is none, or it is another port's. Any thread, any stack.
  static HANDLE of(int fd, HANDLE port);
  // Whether what is started on it is through when the call returns, although the host says that it
  // goes on (wine is so). Then the descriptor itself does as well: what ends at the port costs
  // more.
  static bool only_pretends(int fd);

 private:
  bool probe() const;

  const int fd_;
  Handle handle_;
};

}  // namespace lkl::host
