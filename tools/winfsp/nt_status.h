// SPDX-License-Identifier: GPL-2.0
//
// Windows' headers with all statuses of its kernel, and what errors of ours are among them.
#ifndef LKL_WINFSP_NT_STATUS_H
#define LKL_WINFSP_NT_STATUS_H

#include <lkl.h>

#define WIN32_NO_STATUS
#include <windows.h>
#undef WIN32_NO_STATUS
#include <ntstatus.h>
#include <winternl.h>

namespace lkl::winfsp {

using NtStatus = LONG;

// Thrown by an operation that ends with it.
struct StatusError {
  NtStatus status;
};

// `error`: a number of the library's kernel, positive.
NtStatus status_of_error(int error);

}  // namespace lkl::winfsp

#endif  // LKL_WINFSP_NT_STATUS_H
