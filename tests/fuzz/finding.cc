// SPDX-License-Identifier: GPL-2.0
#include "fuzz/finding.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace lkl_fuzz {
namespace {

bool keep(const std::filesystem::path& folder, const Outcome& outcome,
          std::span<const uint8_t> input) {
  std::string name = outcome.signature.substr(0, 100);
  std::ranges::replace_if(
      name, [](unsigned char c) { return !std::isalnum(c) && c != '_'; }, '-');
  const std::filesystem::path path = folder / (name + ".input");
  if (std::filesystem::exists(path)) return true;
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(input.data()),
             static_cast<std::streamsize>(input.size()));
  std::ofstream(folder / (name + ".log")) << outcome.log;
  std::fprintf(stderr, "found: %s, kept as %s\n", outcome.signature.c_str(), path.c_str());
  return file.flush().good();
}

}  // namespace

void handle(const Outcome& outcome, std::span<const uint8_t> input) {
  using Kind = Outcome::Kind;
  if (outcome.kind == Kind::kFine) return;
  const char* folder = std::getenv("LKL_FUZZ_FINDINGS");
  if (folder && (outcome.kind == Kind::kKernel || outcome.kind == Kind::kHang)) {
    if (keep(folder, outcome, input)) return;
    std::fprintf(stderr, "LKL_FUZZ_FINDINGS=%s: cannot be written to\n", folder);
  }
  std::fprintf(stderr, "%s\nfound: %s\n", outcome.log.c_str(), outcome.signature.c_str());
  std::abort();
}

const char* image_folder() {
  const char* folder = std::getenv("LKL_FUZZ_IMAGES");
  return folder ? folder : LKL_FUZZ_IMAGE_FOLDER;
}

Runner::Options options_of_environment() {
  Runner::Options options;
  const char* warnings = std::getenv("LKL_FUZZ_WARNINGS");
  const char* limit = std::getenv("LKL_FUZZ_LIMIT");
  options.warnings = warnings && *warnings == '1';
  if (limit && std::atoi(limit) > 0)
    options.limit_seconds = static_cast<unsigned>(std::atoi(limit));
  return options;
}

}  // namespace lkl_fuzz
