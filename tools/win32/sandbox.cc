// SPDX-License-Identifier: GPL-2.0
//
// None: a token without rights and a job without other processes are what Windows would have for
// it, and nothing that runs the tests shows whether they hold. See docs/limits.md.
#include "session/sandbox.h"

namespace lkl::tool {

void SandboxPaths::allow_user_names() {}

std::vector<std::string> enter_sandbox(const SandboxPaths&) {
  return {"Landlock", "seccomp filters"};
}

}  // namespace lkl::tool
