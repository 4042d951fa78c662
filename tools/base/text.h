// SPDX-License-Identifier: GPL-2.0
//
// Texts and identifiers as they are stored on disks.
#ifndef LKL_TOOL_TEXT_H
#define LKL_TOOL_TEXT_H

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace lkl::tool {

// UTF-16, up to the first NUL, as UTF-8. Halves of surrogate pairs that stand alone become '?'.
std::string utf16_text(std::span<const std::byte> bytes, bool big_endian = false);

// Up to the first NUL, without the blanks that fill up the field.
std::string field_text(std::string_view field);

// 16 bytes in the order they are written: "0fc63daf-8483-4772-8e79-3d69d8477de4".
std::string uuid_text(std::span<const std::byte> bytes);

// As uuid_text, for the mixed byte order of a GUID in a GPT.
std::string guid_text(std::span<const std::byte> bytes);

}  // namespace lkl::tool

#endif  // LKL_TOOL_TEXT_H
