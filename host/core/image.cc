// SPDX-License-Identifier: GPL-2.0
#include "core/image.h"

#include <cstring>
#include <memory>

#include "asm/host_ops.h"

namespace lkl {

void KernelImage::reset() {
  // The only state of host/ outside of an Instance: it belongs to the image, of
  // which there is one.
  static std::unique_ptr<char[]> pristine;
  const size_t data_size = lkl_kernel_data_end - lkl_kernel_data_start;
  const size_t bss_size = lkl_kernel_bss_end - lkl_kernel_bss_start;

  if (!pristine) {
    pristine = std::make_unique_for_overwrite<char[]>(data_size);
    std::memcpy(pristine.get(), lkl_kernel_data_start, data_size);
    return;
  }
  std::memcpy(lkl_kernel_data_start, pristine.get(), data_size);
  std::memset(lkl_kernel_bss_start, 0, bss_size);
}

}  // namespace lkl
