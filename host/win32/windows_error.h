// SPDX-License-Identifier: GPL-2.0
#pragma once

namespace lkl::host {

// What GetLastError() or a call has said, as -errno of the kernel's numbers.
int errno_of(unsigned long error);
// The calling thread's last error.
int last_errno();

}  // namespace lkl::host
