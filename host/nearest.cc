// SPDX-License-Identifier: GPL-2.0
#include "nearest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace lkl::host {
namespace {

// Letters to insert, remove or change (Levenshtein).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> known) {
  std::string_view best;
  size_t least = word.size() / 2 + 1;
  for (const std::string_view candidate : known)
    if (const size_t changes = distance(word, candidate); changes < least)
      least = changes, best = candidate;
  return best;
}

}  // namespace lkl::host
