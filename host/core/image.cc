// SPDX-License-Identifier: GPL-2.0
#include "core/image.h"

#include <cstring>

#include "asm/host_ops.h"

namespace lkl {

void KernelImage::reset() {
  const size_t data_size = lkl_kernel_data_end - lkl_kernel_data_start;
  const size_t bss_size = lkl_kernel_bss_end - lkl_kernel_bss_start;

  if (!pristine_) {
    pristine_ = std::make_unique_for_overwrite<char[]>(data_size);
    std::memcpy(pristine_.get(), lkl_kernel_data_start, data_size);
    return;
  }
  std::memcpy(lkl_kernel_data_start, pristine_.get(), data_size);
  std::memset(lkl_kernel_bss_start, 0, bss_size);
}

}  // namespace lkl
