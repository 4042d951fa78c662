// SPDX-License-Identifier: GPL-2.0
// A kernel that is booted once, and a copy of it for each run. What goes wrong in a
// copy is a finding; the kernel that it was copied from never sees it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "fuzz/image_file.h"

namespace lkl_fuzz {

// What came of a run.
struct Outcome {
  enum class Kind {
    kFine,
    kKernel,  // the kernel panicked: a bug of a file system, or of ours in arch/lkl
    kHang,    // no end within the limit
    kCheck,   // fail(): the kernel did something else than it should
    kHost,    // the process died otherwise: a bug in the library or the fuzzer
  };
  Kind kind = Kind::kFine;
  std::string signature;  // the same for the same bug: one word for what, one for where
  std::string log;        // of the kernel
};

class Runner final {
 public:
  struct Options {
    const char* memory = "32M";
    unsigned limit_seconds = 10;  // for a run
    bool warnings = false;        // a WARN() of the kernel is a finding
  };

  // Boots with the images as disks. There is one Runner in a process. Exits with a
  // message if that does not work.
  Runner(std::vector<ImageFile> images, const Options& options);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // `body` in a copy of the process, its edges counted by the engine.
  Outcome run(const std::function<void()>& body);

  std::vector<ImageFile>& images() { return images_; }
  // Mounted at mount_point() by mount(), in the copy.
  long mount(size_t image, const char* options);
  long unmount();
  static const char* mount_point() { return "/fuzz"; }

 private:
  std::vector<ImageFile> images_;
  const Options options_;
};

// In a run: what was found is told, and the run ends.
[[noreturn]] void fail(const std::string& what);

// What a log says about the bug; "" if it says nothing.
std::string signature_of(const std::string& log);

}  // namespace lkl_fuzz
