// SPDX-License-Identifier: GPL-2.0
//
// The variables by which `lkl run` says what the kernel in the program's process is to be.
#ifndef LKL_TOOL_RUN_PRELOAD_VARIABLES_H
#define LKL_TOOL_RUN_PRELOAD_VARIABLES_H

namespace lkl::preload {

// Texts for lkl_load_config_json(), after the variables LKL_HIJACK_*.
inline constexpr const char* kFileVariable = "LKL_RUN_FILE";
inline constexpr const char* kOptionsVariable = "LKL_RUN_OPTIONS";
inline constexpr const char* kMemoryVariable = "LKL_RUN_MEMORY";  // as mem=
inline constexpr const char* kVerboseVariable = "LKL_RUN_VERBOSE";

}  // namespace lkl::preload

#endif  // LKL_TOOL_RUN_PRELOAD_VARIABLES_H
