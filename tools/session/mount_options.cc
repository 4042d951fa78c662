// SPDX-License-Identifier: GPL-2.0
#include "session/mount_options.h"

#include <fmt/format.h>
#include <lkl.h>

#include <algorithm>

#include "base/error.h"

namespace lkl::tool {

namespace {

struct Word {
  std::string_view text;
  unsigned set;
  unsigned clear;
};

constexpr Word kWords[] = {
    {"defaults", 0, 0},
    {"ro", LKL_MS_RDONLY, 0},
    {"rw", 0, LKL_MS_RDONLY},
    {"sync", LKL_MS_SYNCHRONOUS, 0},
    {"async", 0, LKL_MS_SYNCHRONOUS},
    {"dirsync", LKL_MS_DIRSYNC, 0},
    {"noatime", LKL_MS_NOATIME, 0},
    {"nodiratime", LKL_MS_NODIRATIME, 0},
    {"relatime", LKL_MS_RELATIME, LKL_MS_NOATIME},
    {"strictatime", LKL_MS_STRICTATIME, LKL_MS_NOATIME},
    {"lazytime", LKL_MS_LAZYTIME, 0},
    {"nosuid", LKL_MS_NOSUID, 0},
    {"suid", 0, LKL_MS_NOSUID},
    {"nodev", LKL_MS_NODEV, 0},
    {"dev", 0, LKL_MS_NODEV},
    {"noexec", LKL_MS_NOEXEC, 0},
    {"exec", 0, LKL_MS_NOEXEC},
    {"loop", 0, 0},  // so is each image
};

const Word* find(std::string_view text) {
  for (const Word& word : kWords)
    if (word.text == text) return &word;
  return nullptr;
}

}  // namespace

MountWords parse_mount_words(std::string_view text, unsigned flags) {
  MountWords words{flags, {}};
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (const Word* known = find(word)) {
      words.flags = (words.flags & ~known->clear) | known->set;
    } else if (!word.empty()) {
      if (!words.data.empty()) words.data += ',';
      words.data += word;
    }
  }
  return words;
}

bool has_word(std::string_view words, std::string_view beginning) {
  for (std::size_t at = 0; at < words.size();) {
    if (words.substr(at).starts_with(beginning)) return true;
    at = std::min(words.find(',', at), words.size() - 1) + 1;
  }
  return false;
}

std::string_view words_without_replay(std::string_view type) {
  if (type == "ext4") return "noload";
  if (type == "btrfs") return "rescue=nologreplay";
  if (type == "xfs" || type == "f2fs" || type == "nilfs2") return "norecovery";
  if (type == "bcachefs") return "nochanges";
  return {};
}

bool is_without_replay(std::string_view words) {
  for (const std::string_view word :
       {"noload", "nologreplay", "norecovery", "disable_roll_forward", "nochanges"})
    if (words.find(word) != std::string_view::npos) return true;
  return false;
}

void set_offset(SessionOptions& options, const std::string& text) {
  options.volume = parse_volume_choice("@" + text);
  if (!options.volume || !offset_of(*options.volume))
    throw UsageFailure(
        fmt::format("offset: '{}' is no number of bytes (or 4K, 1M, 0x1000, 2048s)", text));
}

void take_offset(SessionOptions& options) {
  constexpr std::string_view kOffset = "offset=";
  std::string kept;
  std::string_view text = options.mount_options;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (word.starts_with(kOffset))
      set_offset(options, std::string(word.substr(kOffset.size())));
    else
      kept += (kept.empty() ? "" : ",") + std::string(word);
  }
  options.mount_options = kept;
}

}  // namespace lkl::tool
