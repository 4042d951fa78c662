// SPDX-License-Identifier: GPL-2.0
#include "base/json.h"

#include <fmt/format.h>
#include <time.h>

#include "base/format.h"
#include "base/host_calls.h"

namespace lkl::tool {

namespace {

std::string utc_time(const Timestamp& time) {
  struct tm utc = {};
  if (!on_host::utc_date(time.seconds, utc)) return fmt::format("@{}", time.seconds);
  char text[64];
  const std::size_t length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
  return fmt::format("{}.{:09}Z", std::string(text, length), time.nanoseconds);
}

}  // namespace

Json json_of(const std::string& path, const Stat& stat) {
  Json json = {{"path", path},
               {"type", type_name(stat.mode)},
               {"mode", fmt::format("{:04o}", stat.mode & 07777)},
               {"uid", stat.uid},
               {"gid", stat.gid},
               {"size", stat.size},
               {"blocks", stat.blocks},
               {"links", stat.nlink},
               {"inode", stat.inode}};
  const std::uint32_t type = stat.mode & LKL_S_IFMT;
  if (type == LKL_S_IFCHR || type == LKL_S_IFBLK)
    json["device"] = fmt::format("{}:{}", stat.rdev_major, stat.rdev_minor);
  json["accessed"] = utc_time(stat.accessed);
  json["modified"] = utc_time(stat.modified);
  json["changed"] = utc_time(stat.changed);
  if (stat.born) json["born"] = utc_time(*stat.born);
  return json;
}

void print_json(const Json& json) {
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace lkl::tool
