// SPDX-License-Identifier: GPL-2.0
#include "preload/environment.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace lkl::preload {

namespace {

constexpr std::string_view kOurs[] = {"LD_PRELOAD=", "LKL_RUN_", "LKL_HIJACK_"};
constexpr std::string_view kLibraries = "LD_PRELOAD=", kLibrary = "liblkl-hijack.so";

bool is_ours(std::string_view variable) {
  return std::any_of(std::begin(kOurs), std::end(kOurs),
                     [=](std::string_view begin) { return variable.starts_with(begin); });
}

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('=') + 1);
}

// Never taken down: programs are started at the very end.
std::vector<std::string>* kept;

[[gnu::constructor]] void keep_ours() {
  kept = new std::vector<std::string>;
  for (char** one = environ; one != nullptr && *one != nullptr; one++)
    if (is_ours(*one)) kept->emplace_back(*one);
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

const char* our_variable(const char* name) {
  if (const char* const value = ::getenv(name)) return value;
  if (kept == nullptr) return nullptr;
  const std::string begin = std::string(name) + "=";
  for (const std::string& one : *kept)
    if (one.starts_with(begin)) return one.c_str() + begin.size();
  return nullptr;
}

WithOurs::WithOurs(char* const* given) {
  for (char* const* one = given; one != nullptr && *one != nullptr; one++) all_.push_back(*one);
  for (char** one = environ; one != nullptr && *one != nullptr; one++)
    if (is_ours(*one)) add(*one);
  if (kept != nullptr)
    for (std::string& one : *kept) add(one.data());
  all_.push_back(nullptr);
}

char** WithOurs::find(std::string_view name) {
  const auto there = std::find_if(all_.begin(), all_.end(), [=](const char* one) {
    return std::string_view(one).starts_with(name);
  });
  return there == all_.end() ? nullptr : &*there;
}

void WithOurs::add(char* ours) {
  const std::string_view name = name_of(ours);
  if (name == kLibraries)
    add_library(ours);
  else if (find(name) == nullptr)
    all_.push_back(ours);
}

// In front of others. What the environment has instead of ours is none.
void WithOurs::add_library(std::string_view ours) {
  if (ours.find(kLibrary) == ours.npos) return;
  char** const there = find(kLibraries);
  const std::string theirs = there != nullptr ? *there + kLibraries.size() : "";
  if (theirs.find(kLibrary) != theirs.npos) return;
  both_ = ours;
  if (!theirs.empty()) both_ += ":" + theirs;
  if (there != nullptr)
    *there = both_.data();
  else
    all_.push_back(both_.data());
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
