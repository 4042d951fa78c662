// SPDX-License-Identifier: GPL-2.0
// A kernel that is booted once, and a copy of it for each run. What goes wrong in a
// copy is a finding; the kernel that it was copied from never sees it.
//
// Three processes: the engine's; the template, in which the kernel is booted and which
// is small, so that copying it is cheap; and the copy.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
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

// The kernel of the template, as its copies see it.
class Kernel final {
 public:
  explicit Kernel(std::vector<ImageFile>& images) : images_(images) {}

  // Each is a disk.
  std::vector<ImageFile>& images() { return images_; }
  // Mounts an image at mount_point(); 0 or an error.
  long mount(size_t image, const char* options);
  long unmount();
  static const char* mount_point() { return "/fuzz"; }

 private:
  std::vector<ImageFile>& images_;
};

class Runner final {
 public:
  struct Options {
    const char* memory = "32M";
    unsigned limit_seconds = 10;  // for a run
    bool warnings = false;        // a WARN() of the kernel is a finding
  };
  using Body = std::function<void(Kernel&, std::span<const uint8_t> input)>;

  // What is longer is cut.
  static constexpr size_t kMaxInput = 1 << 16;

  // Boots with the images as disks, and prepares in the template, once. Exits with a
  // message if that does not work. One Runner in a process.
  Runner(std::vector<ImageFile> images, const Options& options, Body body,
         std::function<void(Kernel&)> prepare = nullptr);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // The body in a copy, its blocks counted by the engine.
  Outcome run(std::span<const uint8_t> input);

 private:
  [[noreturn]] void be_template(std::vector<ImageFile> images, const Options& options,
                                const Body& body, const std::function<void(Kernel&)>& prepare);

  int channel_ = -1;
  pid_t template_ = -1;
};

// In a run: what was found is told, and the run ends.
[[noreturn]] void fail(const std::string& what);

// What a log says about the bug; "" if it says nothing.
std::string signature_of(const std::string& log);

}  // namespace lkl_fuzz
