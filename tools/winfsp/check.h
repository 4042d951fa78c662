// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_WINFSP_CHECK_H
#define LKL_WINFSP_CHECK_H

#include <lkl_error.hpp>

#include <system_error>

namespace lkl::winfsp {

// Throws what a negative result means.
inline long long check(long long result) {
  if (result < 0) throw std::system_error(error_from(result));
  return result;
}

}  // namespace lkl::winfsp

#endif  // LKL_WINFSP_CHECK_H
