// SPDX-License-Identifier: GPL-2.0
//
// How one file system of a disk is chosen: -P, and IMAGE:CHOICE.
#ifndef LKL_TOOL_VOLUME_CHOICE_H
#define LKL_TOOL_VOLUME_CHOICE_H

#include <optional>
#include <string>
#include <string_view>

namespace lkl::tool {

struct VolumeChoice {
  enum class By {
    kNumber,  // a partition's; 0: the whole disk
    kUuid,
    kLabel,
    kPartUuid,   // of a partition's table entry, whatever it holds
    kPartLabel,  // its name there
    kDevice,     // "vg/lv", "md0", "luks:2", "@1048576", "vg/lv:1": a Device's id
  };
  By by = By::kNumber;
  unsigned number = 0;
  std::string value;  // of the others

  bool operator==(const VolumeChoice&) const = default;
};

// Reads "2", "UUID=...", "LABEL=...", "PARTUUID=...", "PARTLABEL=...", "vg/lv", "md0", the last two
// also with /dev/ before them, /dev/mapper/vg-lv, "luks:" with one of these, "@OFFSET", and all but
// the first five with ":N" behind them. Nothing if it is none of them.
std::optional<VolumeChoice> parse_volume_choice(std::string_view text);

// The byte at which what is chosen begins, if it says one: of "@OFFSET".
std::optional<std::uint64_t> offset_of(const VolumeChoice& choice);

// As it is written on a command line.
std::string to_text(const VolumeChoice& choice);

// What the forms are, for messages.
inline constexpr char kVolumeChoices[] =
    "N, UUID=..., LABEL=..., PARTUUID=..., PARTLABEL=..., VG/LV, md0, luks:N, @OFFSET";

}  // namespace lkl::tool

#endif  // LKL_TOOL_VOLUME_CHOICE_H
