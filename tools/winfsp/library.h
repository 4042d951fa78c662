// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_WINFSP_LIBRARY_H
#define LKL_WINFSP_LIBRARY_H

#include "winfsp/api.h"

namespace lkl::winfsp {

// WinFsp's functions. Its DLL is loaded at the first call: where the registry says that WinFsp is
// installed, or else from the folder of this program. Throws tool::Failure, which says where to get
// it.
const Functions& functions();

}  // namespace lkl::winfsp

#endif  // LKL_WINFSP_LIBRARY_H
