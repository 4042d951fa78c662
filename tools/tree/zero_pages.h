// SPDX-License-Identifier: GPL-2.0
//
// Many zeroes that take no memory, as long as they are only read.
#ifndef LKL_TOOL_ZERO_PAGES_H
#define LKL_TOOL_ZERO_PAGES_H

#include <cstddef>
#include <new>

#include "base/host_calls.h"

namespace lkl::tool {

class ZeroPages {
 public:
  // As much as it can get of that.
  explicit ZeroPages(std::size_t most) : size_(most) {
    data_ = on_host::map_zeroes(size_);
    if (data_ == nullptr) throw std::bad_alloc();
  }
  ZeroPages(const ZeroPages&) = delete;
  ZeroPages& operator=(const ZeroPages&) = delete;
  ~ZeroPages() { on_host::unmap_zeroes(data_, size_); }

  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  const std::byte* data_ = nullptr;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_ZERO_PAGES_H
