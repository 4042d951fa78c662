// SPDX-License-Identifier: GPL-2.0
#include "preload/environment.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>

namespace lkl::preload {

namespace {

constexpr std::string_view kOurs[] = {"LD_PRELOAD=", "LKL_RUN_", "LKL_HIJACK_"};
constexpr std::string_view kLibraries = "LD_PRELOAD=", kLibrary = "liblkl-hijack.so";

bool is_ours(std::string_view variable) {
  return std::any_of(std::begin(kOurs), std::end(kOurs),
                     [=](std::string_view begin) { return variable.starts_with(begin); });
}

std::string without_our_library(std::string_view variable) {
  std::string kept(kLibraries);
  for (std::size_t at = kLibraries.size(); at < variable.size();) {
    const std::size_t end = std::min(variable.find_first_of(": ", at), variable.size());
    const std::string_view one = variable.substr(at, end - at);
    if (!one.ends_with(kLibrary)) kept.append(one).append(":");
    at = end + 1;
  }
  return kept;
}

}  // namespace

WithOurs::WithOurs(char* const* given) {
  for (char* const* one = given; one != nullptr && *one != nullptr; one++) all_.push_back(*one);
  for (char** one = environ; one != nullptr && *one != nullptr; one++)
    if (is_ours(*one)) add(*one);
  all_.push_back(nullptr);
}

void WithOurs::add(char* ours) {
  const std::string_view variable = ours;
  const std::string_view name = variable.substr(0, variable.find('=') + 1);
  const auto there = std::find_if(all_.begin(), all_.end(), [=](const char* one) {
    return std::string_view(one).starts_with(name);
  });
  if (there == all_.end()) return all_.push_back(ours);
  const std::string_view theirs = *there;
  if (name != kLibraries || theirs.find(kLibrary) != theirs.npos) return;
  both_.assign(variable).append(":").append(theirs.substr(kLibraries.size()));
  *there = both_.data();
}

WithoutOurs::WithoutOurs(char* const* given) {
  for (char* const* one = given; one != nullptr && *one != nullptr; one++) {
    const std::string_view variable = *one;
    if (variable.starts_with("LKL_RUN_")) continue;
    if (variable.starts_with(kLibraries)) {
      others_ = without_our_library(variable);
      all_.push_back(others_.data());
    } else {
      all_.push_back(*one);
    }
  }
  all_.push_back(nullptr);
}

}  // namespace lkl::preload
