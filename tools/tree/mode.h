// SPDX-License-Identifier: GPL-2.0
//
// How modes are written on the command line: 755, u+rwx,go-w.
#ifndef LKL_TOOL_MODE_H
#define LKL_TOOL_MODE_H

#include <cstdint>
#include <string_view>
#include <vector>

namespace lkl::tool {

class ModeChange {
 public:
  // Throws UsageFailure.
  explicit ModeChange(std::string_view text);

  // The permission bits that a file with this mode (type included) gets.
  std::uint32_t apply(std::uint32_t mode) const;

 private:
  struct Step {
    std::uint32_t who = 0;  // the bits this step may touch
    char operation = '=';
    std::uint32_t bits = 0;
    bool execute_if_any = false;  // X
    unsigned copy_from = 0;       // 'u', 'g', 'o'
  };
  std::vector<Step> steps_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_MODE_H
