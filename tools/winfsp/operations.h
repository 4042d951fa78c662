// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_WINFSP_OPERATIONS_H
#define LKL_WINFSP_OPERATIONS_H

#include "winfsp/api.h"

namespace lkl::winfsp {

// What WinFsp calls; the context of the volume has to be a FileSystem.
const Operations& operations();

}  // namespace lkl::winfsp

#endif  // LKL_WINFSP_OPERATIONS_H
