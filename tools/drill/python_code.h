// SPDX-License-Identifier: GPL-2.0
//
// The Python of a script: what it says of the kernel's tcp_info.
#ifndef LKL_TOOL_DRILL_PYTHON_CODE_H
#define LKL_TOOL_DRILL_PYTHON_CODE_H

#include <string>
#include <vector>

namespace lkl::tool::drill {

class PythonCode {
 public:
  explicit PythonCode(std::string script_name) : script_name_(std::move(script_name)) {}

  // With what the connection of this descriptor has now. Throws Mismatch if there is none.
  void add(int line, const std::string& text, int descriptor);

  // Runs all of it, in this order and with the variables that it makes, by the host's python3.
  // Throws Mismatch for an assertion that fails or another error, with its line; Failure if there
  // is no Python.
  void judge() const;

 private:
  std::string script_name_;
  std::string program_;
};

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_PYTHON_CODE_H
