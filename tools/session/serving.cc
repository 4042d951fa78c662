// SPDX-License-Identifier: GPL-2.0
#include "session/serving.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <lkl.h>

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/host_calls.h"

namespace lkl::tool {

void take_all_rights() {
  struct __lkl__user_cap_header_struct header = {};
  header.version = _LKL_LINUX_CAPABILITY_VERSION_3;
  struct __lkl__user_cap_data_struct data[2] = {};
  if (lkl_sys_capget(&header, data) < 0) return;
  for (auto& half : data) half.effective = half.permitted;
  lkl_sys_capset(&header, data);
}

bool folds_all_names(std::string_view type) {
  constexpr std::string_view kTypes[] = {"vfat", "msdos", "exfat", "ntfs3", "hfs", "hfsplus"};
  return std::ranges::find(kTypes, type) != std::end(kTypes);
}

Descriptor open_log(const std::string& path) {
  if (path.empty()) return {};
  Descriptor log(on_host::open(path, O_WRONLY | O_CREAT | O_APPEND, 0600));
  if (!log)
    throw Failure(fmt::format("{}: cannot open the log: {}", path, describe(host_error(errno))));
  return log;
}

}  // namespace lkl::tool
