// SPDX-License-Identifier: GPL-2.0
#include "ktest/test_build.h"

#include <errno.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>

#include "base/error.h"
#include "base/process.h"
#include "lkl_build_info.h"

namespace lkl::tool {

namespace {

namespace fs = std::filesystem;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

void run(const std::vector<std::string>& arguments) {
  if (run_visibly(arguments) != 0)
    throw Failure(fmt::format("{} {}: failed, see above", arguments[0], arguments[1]));
}

fs::path build_folder(const TestBuild& build, const std::string& profile, const std::string& tree,
                      const std::string& config) {
  if (!build.folder.empty()) return fs::absolute(build.folder);
  // Another tree, another folder: both stay up to date.
  const std::string words = fmt::format("{}\n{}\n{}", tree, config, fmt::join(build.checkers, " "));
  const std::size_t number = std::hash<std::string>()(words);
  return cache_folder() / fmt::format("{}-{:016x}", profile, number);
}

// Names are said to cmake in full, since it works elsewhere.
std::string existing(const std::string& path, const char* option) {
  if (path.empty()) return {};
  std::error_code ec;
  const fs::path full = fs::canonical(path, ec);
  if (ec) throw Failure(fmt::format("{} {}: {}", option, path, describe(ec)));
  return full;
}

}  // namespace

std::vector<std::string> checkers_of(const std::string& profile) {
  constexpr std::array<std::string_view, 5> kCheckers = {"lockdep", "kasan", "ubsan", "kmemleak",
                                                         "gcov"};
  std::vector<std::string> list;
  for (std::size_t at = 0; at < profile.size();) {
    const std::size_t end = std::min(profile.find(',', at), profile.size());
    list.push_back(profile.substr(at, end - at));
    if (std::find(kCheckers.begin(), kCheckers.end(), list.back()) == kCheckers.end())
      throw UsageFailure(fmt::format("--profile {}: no such checker as '{}'; there are {}", profile,
                                     list.back(), fmt::join(kCheckers, ", ")));
    at = end + 1;
  }
  return list;
}

bool needs_build(const TestBuild& build) {
  if (!build.tree.empty() || !build.config.empty() || !build.folder.empty() || build.only)
    return true;
  return std::any_of(build.checkers.begin(), build.checkers.end(), [](const std::string& checker) {
    return std::string_view(LKL_CHECKERS).find(" " + checker + " ") == std::string_view::npos;
  });
}

std::filesystem::path cache_folder() {
  if (const char* cache = getenv("XDG_CACHE_HOME"); cache && *cache == '/')
    return fs::path(cache) / "lkl";
  const char* home = getenv("HOME");
  if (!home || *home != '/') throw Failure("HOME is not set: say by --build where to build");
  return fs::path(home) / ".cache/lkl";
}

void build_and_run(const TestBuild& build, const std::string& profile,
                   const std::vector<std::string>& arguments) {
  const std::string tree = existing(build.tree, "--tree");
  const std::string config = existing(build.config, "--config");
  const fs::path source = LKL_SOURCE_DIR;
  if (!fs::exists(source / "CMakeLists.txt"))
    throw Failure(
        fmt::format("{}: LKL's own source is no longer there, which --tree and --config "
                    "build from",
                    source.string()));
  const fs::path folder = build_folder(build, profile, tree, config);

  std::vector<std::string> configure = {"cmake",
                                        "-S",
                                        source,
                                        "-B",
                                        folder,
                                        "-G",
                                        "Ninja",
                                        "--log-level=WARNING",
                                        "-DLKL_PROFILE=" + profile,
                                        "-DBUILD_TESTING=OFF",
                                        "-DLKL_KERNEL_CONFIG=" + config};
  configure.push_back(fmt::format("-DLKL_CHECKERS={}", fmt::join(build.checkers, ";")));
  if (!tree.empty()) configure.push_back("-DLKL_KERNEL_SOURCE=" + tree);
  fmt::print(stderr, "lkl: building in {}\n", folder.string());
  run(configure);
  run({"cmake", "--build", folder, "--target", "lkl-tool"});
  if (build.only) return;

  std::vector<std::string> words = {folder / "bin/lkl"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  execv(words[0].c_str(), pointers(words).data());
  throw std::system_error(errno, std::system_category(), words[0]);
}

}  // namespace lkl::tool
