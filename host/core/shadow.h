// SPDX-License-Identifier: GPL-2.0
// The memory at a fixed address that a kernel with KASAN wants before it runs.
#pragma once

namespace lkl::host {

class KernelShadow final {
 public:
  // Zeroed, and zeros again where it is discarded. Nothing is mapped if the kernel wants none.
  // std::bad_alloc, after a message that says why, if the host does not give it.
  KernelShadow();
  ~KernelShadow();
  KernelShadow(const KernelShadow&) = delete;
  KernelShadow& operator=(const KernelShadow&) = delete;
};

}  // namespace lkl::host
