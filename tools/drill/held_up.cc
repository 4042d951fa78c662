// SPDX-License-Identifier: GPL-2.0
#include "drill/held_up.h"

#include <filesystem>
#include <fstream>
#include <system_error>

namespace lkl::tool::drill {

std::int64_t waited_for_processors() {
  std::int64_t sum = 0;
  std::error_code ec;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", ec)) {
    // time on a processor, time of waiting for one, slices
    std::ifstream file(thread.path() / "schedstat");
    std::int64_t ran = 0;
    std::int64_t waited = 0;
    if (file >> ran >> waited) sum += waited;
  }
  return sum / 1000;
}

}  // namespace lkl::tool::drill
