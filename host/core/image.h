// SPDX-License-Identifier: GPL-2.0
#pragma once

namespace lkl::host {

// The kernel object linked into this program. Its data is as the linker left it
// once only; to boot again it is put back to that state.
class KernelImage final {
 public:
  // Before each boot. The first time it keeps a copy of the data, then restores it.
  // std::bad_alloc.
  void reset();

 private:
  void* pristine_ = nullptr;  // as long as the process lives
};

}  // namespace lkl::host
