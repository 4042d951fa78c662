// SPDX-License-Identifier: GPL-2.0
#include "run/preloaded.h"

#include <errno.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "base/error.h"
#include "base/plugin.h"
#include "run/list_variable.h"
#include "run/preload_variables.h"
#include "run/program.h"
#include "run/program_kind.h"

namespace lkl::tool::served {

namespace {

// Long ones are no variables: the host has room for 128 KiB.
void set_variable(const char* name, const std::string& value) {
  if (value.empty())
    ::unsetenv(name);
  else
    ::setenv(name, value.c_str(), 1);
}

void set_variables(const NetworkTexts& texts, const SessionOptions& session) {
  add_to_variable("LD_PRELOAD", find_plugin("liblkl-hijack.so"), false);
  set_variable(preload::kFileVariable, texts.file);
  set_variable(preload::kOptionsVariable, texts.options);
  set_variable(preload::kMemoryVariable, std::to_string(session.memory));
  set_variable(preload::kVerboseVariable, session.verbose > 0 ? "1" : "");
}

}  // namespace

int become_preloaded(const std::vector<std::string>& words, const NetworkOptions& network,
                     const SessionOptions& session) {
  const std::string file = find_program(words.front());
  if (const auto why = why_not_preloaded(file))
    throw Failure(fmt::format("{}: {}; --tier server serves it", words.front(), *why));
  lkl_config config = {};
  const NetworkTexts texts = read_network(network, config);
  lkl_unload_config(&config);
  set_variables(texts, session);
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::execve(file.c_str(), pointers.data(), environ);
  const int error = errno;
  print_error(
      fmt::format("lkl: {}: {}\n", words.front(), describe({error, std::system_category()})));
  return error == ENOENT || error == ENOTDIR ? kNoSuchProgram : kNotExecutable;
}

}  // namespace lkl::tool::served
