// SPDX-License-Identifier: GPL-2.0
#include "core/coverage.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "asm/host_ops.h"
#include "core/gcda.h"
#include "host.h"

namespace lkl::host {
namespace {

namespace fs = std::filesystem;

constexpr char kVariable[] = "LKL_COVERAGE";

std::string data_of(void* object) {
  std::string data(lkl_kernel_coverage_data(object, nullptr), '\0');
  lkl_kernel_coverage_data(object, data.data());
  return data;
}

// Where gcov looks for what belongs to the data: beside it.
int link_notes(const fs::path& file, fs::path notes) {
  fs::path link = file;
  link.replace_extension("gcno");
  notes.replace_extension("gcno");
  std::error_code error;
  fs::create_symlink(notes, link, error);
  return error && error != std::errc::file_exists ? -error.value() : 0;
}

int write_object(void* object, const fs::path& folder) {
  const fs::path name = lkl_kernel_coverage_file(object);
  const fs::path file = folder / name.relative_path();
  const std::string data = data_of(object);
  std::error_code error;
  if (!gcda_has_counts(data) && fs::exists(file, error)) return 0;
  fs::create_directories(file.parent_path(), error);
  if (error) return -error.value();
  if (const int failed = link_notes(file, name)) return failed;
  return host::update_file(
      file.string().c_str(),
      [](std::string& content, const void* added) {
        const auto& data = *static_cast<const std::string*>(added);
        // What another build has left counts other lines.
        if (!add_gcda(content, data)) content = data;
      },
      &data);
}

}  // namespace

bool Coverage::built() {
  return lkl_kernel_coverage_built() != 0;
}

int Coverage::write(const std::string& folder) {
  int count = 0;
  for (void* object = nullptr; (object = lkl_kernel_coverage_next(object));) {
    if (const int error = write_object(object, folder)) return error;
    ++count;
  }
  reset();
  return count;
}

void Coverage::reset() {
  lkl_kernel_coverage_reset();
}

void Coverage::write_by_environment() {
  const char* folder = host::environment(kVariable);
  if (!folder) return;
  char line[300];
  int length = 0;
  if (!built()) {
    length = std::snprintf(line, sizeof line,
                           "lkl: %s is set, but this kernel does not count: build it with "
                           "-DLKL_CHECKERS=gcov\n",
                           kVariable);
  } else if (const int error = write(folder); error < 0) {
    length = std::snprintf(line, sizeof line, "lkl: %s=%.200s: %s\n", kVariable, folder,
                           std::generic_category().message(-error).c_str());
  }
  if (length > 0) host::print(line, static_cast<size_t>(length));
}

}  // namespace lkl::host
