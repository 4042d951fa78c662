// SPDX-License-Identifier: GPL-2.0
//
// A kernel's network made ready for programs, whoever serves them.
#ifndef LKL_TOOL_RUN_NETWORK_SETUP_H
#define LKL_TOOL_RUN_NETWORK_SETUP_H

#include <lkl_config.h>

namespace lkl::tool::served {

// When the kernel runs: lkl_load_config_post(), and what programs expect beside it. Returns its
// error.
int set_up_network(lkl_config& config);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_NETWORK_SETUP_H
