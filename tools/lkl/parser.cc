// SPDX-License-Identifier: GPL-2.0
#include "lkl/parser.h"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace lkl::tool {

Option& Option::type_name(const std::string& name) {
  option_->type_name(name);
  return *this;
}

Option& Option::required() {
  option_->required();
  return *this;
}

Option& Option::each_time() {
  option_->expected(1)->allow_extra_args(false)->take_all();
  return *this;
}

Option Parser::add_flag(const std::string& names, bool& value, const std::string& description) {
  return Option(*app_->add_flag(names, value, description));
}

Option Parser::add_flag(const std::string& names, const std::string& description) {
  return Option(*app_->add_flag_callback(
      names, [] {}, description));
}

template <typename Value>
Option Parser::add_option(const std::string& names, Value& value, const std::string& description) {
  return Option(*app_->add_option(names, value, description));
}

#define LKL_VALUES(type) \
  template Option Parser::add_option(const std::string&, type&, const std::string&)
LKL_VALUES(double);
LKL_VALUES(std::string);
LKL_VALUES(std::vector<std::string>);
LKL_VALUES(std::optional<std::string>);
LKL_VALUES(std::optional<unsigned>);
LKL_VALUES(std::optional<uint64_t>);
LKL_VALUES(unsigned);
#undef LKL_VALUES

Option Parser::add_option_function(const std::string& names,
                                   std::function<void(const std::string&)> take,
                                   const std::string& description) {
  return Option(*app_->add_option_function<std::string>(names, std::move(take), description));
}

void refuse_word(const std::string& reason) {
  throw CLI::ValidationError(reason);
}

}  // namespace lkl::tool
