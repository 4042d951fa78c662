// SPDX-License-Identifier: GPL-2.0
//
// Which lines of the kernel have run while tests did: gcov data of all kernels that ran, and a
// report of it by lcov.
#ifndef LKL_TOOL_COVERAGE_H
#define LKL_TOOL_COVERAGE_H

#include <string>

namespace lkl::tool {

// After the boot: makes the folder ready, and throws Failure if there is anything in the way of a
// report. `path`: of the kernel tree; empty: all of it.
void begin_coverage(const std::string& folder, const std::string& path);

// Adds what the kernel of this process has counted so far. In each process that had one.
void collect_coverage(const std::string& folder);

// Adds what this process has counted, and writes FOLDER/index.html and FOLDER/lcov.info. Returns
// the result in a line.
std::string report_coverage(const std::string& folder, const std::string& path);

}  // namespace lkl::tool

#endif  // LKL_TOOL_COVERAGE_H
