// SPDX-License-Identifier: GPL-2.0
//
// What Linux knows of a file, as Windows has it.
#ifndef LKL_WINFSP_ATTRIBUTES_H
#define LKL_WINFSP_ATTRIBUTES_H

#include <lkl_file.hpp>

#include <string_view>

#include "winfsp/api.h"

namespace lkl::winfsp {

// Hundreds of nanoseconds since 1601; what is earlier is the first of them.
std::uint64_t file_time(const Timestamp& time);
Timestamp from_file_time(std::uint64_t time);

// What a file is by its name, and what a link leads to, beside what statx(2) tells.
struct Appearance {
  std::string_view name;
  bool leads_to_directory = false;
};

// Names that begin with a dot are hidden, what nobody may write is read-only, and what is no file,
// directory or link is the system's.
std::uint32_t attributes_of(const Stat& file, const Appearance& appearance);
// The mode of a file that is read-only from now on, or is not.
std::uint32_t mode_with_attributes(std::uint32_t mode, std::uint32_t attributes);

// `unit`: of allocation. `root_device`: numbers of files on others are not theirs alone.
FileInfo info_of(const Stat& file, const Appearance& appearance, std::uint64_t unit,
                 std::uint64_t root_device);
std::uint64_t device_of(const Stat& file);

}  // namespace lkl::winfsp

#endif  // LKL_WINFSP_ATTRIBUTES_H
