// SPDX-License-Identifier: GPL-2.0
// Data files of gcov (.gcda), as far as it takes to add two of them up.
#pragma once

#include <string>

namespace lkl::host {

// Adds the counters of `data` to those of `sum`, both of them whole files of the same object of the
// same build. False if they are not that, and `sum` is as it was. Only counters that add up: those
// of -fprofile-arcs.
bool add_gcda(std::string& sum, const std::string& data);

// A counter is not 0.
bool gcda_has_counts(const std::string& data);

}  // namespace lkl::host
