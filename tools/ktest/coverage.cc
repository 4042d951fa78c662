// SPDX-License-Identifier: GPL-2.0
#include "ktest/coverage.h"

#include <fmt/format.h>
#include <lkl.h>

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/process.h"
#include "lkl_build_info.h"

namespace lkl::tool {

namespace {

namespace fs = std::filesystem;

constexpr char kPackage[] = "lcov";

const fs::path kTree = LKL_KERNEL_TREE;

fs::path data_folder(const std::string& folder) {
  return fs::path(folder) / "data";
}

// What is to be in the report, as the kernel tree names it; empty: everything.
fs::path chosen(const std::string& path) {
  fs::path normal = fs::path(path).lexically_normal();
  if (!normal.has_filename()) normal = normal.parent_path();
  if (normal.empty() || normal == ".") return {};
  if (normal.is_absolute() || *normal.begin() == ".." || !fs::exists(kTree / normal))
    throw UsageFailure(fmt::format(
        "--path {}: no such file or folder in the kernel tree {} (for example: fs/ext4)", path,
        kTree.string()));
  return normal;
}

// The data of objects that may have lines of it. Functions of headers are in objects everywhere.
fs::path objects_of(const std::string& folder, const fs::path& path) {
  const fs::path all = data_folder(folder) / (kTree / "build").relative_path();
  const bool header = path.extension() == ".h" || path.begin() == path.end() ||
                      *path.begin() == "include" || *path.begin() == "arch";
  if (header) return all;
  fs::path objects = all / path;
  if (path.has_extension()) objects.replace_extension("gcda");
  if (!fs::exists(objects))
    throw Failure(fmt::format(
        "--path {}: nothing of it is in this kernel; --config FILE switches it on", path.string()));
  return objects;
}

struct Lines {
  std::uint64_t all = 0;
  std::uint64_t run = 0;
};

// The sum of an lcov file.
Lines count_lines(const fs::path& info) {
  Lines lines;
  std::ifstream file(info);
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("LF:")) lines.all += std::stoull(line.substr(3));
    if (line.starts_with("LH:")) lines.run += std::stoull(line.substr(3));
  }
  return lines;
}

}  // namespace

void begin_coverage(const std::string& folder, const std::string& path) {
  if (!path.empty()) chosen(path);
  for (const char* program : {"geninfo", "lcov", "genhtml"}) require_program(program, kPackage);
  // of an earlier run
  fs::remove_all(data_folder(folder));
  fs::create_directories(folder);
  // what ran up to here, and a file for each object that none of the suites comes to
  collect_coverage(folder);
}

void collect_coverage(const std::string& folder) {
  const int count = lkl_coverage_write(data_folder(folder).c_str());
  if (count < 0)
    throw Failure(
        fmt::format("--coverage {}: the data cannot be written: {}", folder, lkl_strerror(count)));
}

std::string report_coverage(const std::string& folder, const std::string& path) {
  collect_coverage(folder);
  const fs::path part = path.empty() ? fs::path() : chosen(path);
  const fs::path all = fs::path(folder) / "all.info";
  const fs::path info = fs::path(folder) / "lcov.info";
  run_program({"geninfo", objects_of(folder, part), "--base-directory", kTree / "build", "-o", all},
              {}, kPackage);
  if (part.empty()) {
    fs::rename(all, info);
  } else {
    run_program({"lcov", "--extract", all, kTree / part, kTree / part / "*", "-o", info}, {},
                kPackage);
    fs::remove(all);
  }
  run_program({"genhtml", info, "-o", folder, "--prefix", kTree, "--title",
               fmt::format("Linux{}{}", part.empty() ? "" : " ", part.string()), "--legend"},
              {}, kPackage);
  const Lines lines = count_lines(info);
  return fmt::format("coverage of {}: {} of {} lines ({:.1f} %), {}/index.html",
                     part.empty() ? "the kernel" : part.string(), lines.run, lines.all,
                     lines.all == 0
                         ? 0.0
                         : 100.0 * static_cast<double>(lines.run) / static_cast<double>(lines.all),
                     folder);
}

}  // namespace lkl::tool
