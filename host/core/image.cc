// SPDX-License-Identifier: GPL-2.0
#include "core/image.h"

#include <cstring>
#include <new>

#include "asm/host_ops.h"
#include "host.h"

namespace lkl::host {

void KernelImage::reset() {
  const size_t data_size = lkl_kernel_data_end - lkl_kernel_data_start;
  const size_t bss_size = lkl_kernel_bss_end - lkl_kernel_bss_start;

  if (!pristine_) {
    pristine_ = host::reserve_memory(data_size, 4096);
    if (!pristine_) throw std::bad_alloc();
    host::populate_memory(pristine_, data_size);
    host::populate_memory(lkl_kernel_data_start, data_size);
    host::populate_memory(lkl_kernel_bss_start, bss_size);
    std::memcpy(pristine_, lkl_kernel_data_start, data_size);
    return;
  }
  std::memcpy(lkl_kernel_data_start, pristine_, data_size);
  std::memset(lkl_kernel_bss_start, 0, bss_size);
}

}  // namespace lkl::host
