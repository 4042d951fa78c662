// SPDX-License-Identifier: GPL-2.0
//
// Where the passphrases of LUKS containers come from: a file, standard input, or the terminal.
#ifndef LKL_TOOL_PASSPHRASE_H
#define LKL_TOOL_PASSPHRASE_H

#include <functional>
#include <string>
#include <vector>

#include "base/secret.h"

namespace lkl::tool {

class Passphrases {
 public:
  // `key_file`: its contents are the passphrase; "-": standard input; empty: none.
  explicit Passphrases(std::string key_file) : key_file_(std::move(key_file)) {}

  bool have_file() const { return !key_file_.empty(); }

  // Reads the key file, if there is one: later it may not be in reach. False if there is none and
  // no terminal to ask, so that nothing will be found. Throws Failure.
  bool prepare();

  // Throws Failure if there will be none: no file, and nobody to ask. `name` is what it is for.
  void expect_some(const std::string& name) const;

  // Gives `fits` one after the other until it says so. Throws Failure: none fits, or there is none
  // and nobody to ask; Interrupted. `name` is what it is for.
  void find(const std::string& name, const std::function<bool(std::string_view)>& fits);

 private:
  bool may_be_had() const;
  void read_key_file();
  bool try_file(const std::function<bool(std::string_view)>& fits);

  std::string key_file_;
  bool read_ = false;
  Secret from_file_;
  std::vector<Secret> typed_;  // that have fitted somewhere
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_PASSPHRASE_H
