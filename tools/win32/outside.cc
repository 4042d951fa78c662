// SPDX-License-Identifier: GPL-2.0
//
// There is no sandbox on Windows: what is to be done outside of it is done here.
#include "base/outside.h"

#include <utility>

namespace lkl::tool {

class Outside::Helper {
 public:
  std::vector<Step> steps;
};

Outside::Outside(std::vector<Step> steps) : helper_(new Helper{std::move(steps)}) {}
Outside::Outside(Outside&& other) noexcept = default;
Outside::~Outside() = default;

int Outside::run(std::size_t step) {
  return helper_->steps.at(step)();
}

}  // namespace lkl::tool
