// SPDX-License-Identifier: GPL-2.0
//
// lklfs: a drive letter for a disk image of any file system of Linux, by WinFsp.
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>

#include <memory>
#include <string>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/host_calls.h"
#include "base/signals.h"
#include "lkl/begin.h"
#include "session/mount_options.h"
#include "session/panic.h"
#include "session/serving.h"
#include "session/session.h"
#include "winfsp/end.h"
#include "winfsp/file_system.h"
#include "winfsp/library.h"
#include "winfsp/mounted.h"
#include "winfsp/options.h"

namespace lkl::winfsp {

namespace {

using tool::Failure;
using tool::UsageFailure;

tool::SessionOptions session_options(const Options& options) {
  tool::SessionOptions to;
  to.type = options.type;
  to.volume = options.volume;
  if (!options.others.empty()) {
    to.images = options.others;
    to.images.insert(to.images.begin(), options.image);
  }
  to.memory = options.memory;
  to.memory_option = "-o mb=N";
  to.mount_options = options.mount_options;
  tool::take_offset(to);
  if (!options.offset.empty()) tool::set_offset(to, options.offset);
  to.force = options.force;
  to.force_option = "-o force";
  to.format = options.format;
  to.read_only = options.read_only;
  to.snapshot = options.snapshot;
  to.commit = options.commit;
  to.no_sandbox = true;  // there is none, and nobody has asked for one
  to.verbose = options.debug || !options.log_file.empty() ? 2 : 0;
  return to;
}

bool opens(const std::string& path, int flags) {
  return static_cast<bool>(tool::Descriptor(tool::on_host::open(path, flags)));
}

// An image that may not be written is mounted read-only, as mount(8) does.
void settle_access(Options& options, tool::SessionOptions& common, tool::Diagnostics& says) {
  const tool::ImageAddress& image = options.image.image;
  if (options.read_only || options.snapshot || !image.scheme.empty()) return;
  if (opens(image.place, O_RDWR) || !opens(image.place, O_RDONLY)) return;
  says.warning(fmt::format("{}: is write-protected, mounted read-only", image.text));
  options.read_only = true;
  common.read_only = true;
}

struct Run {
  tool::SessionOptions options;
  tool::Diagnostics diagnostics;
};

void tell_where(const std::string& point, const tool::Volume& volume) {
  fmt::print("{} is {} ({}); Ctrl-C here, or lklfs -u {}, unmounts it\n", point, volume.name,
             volume.type, point);
  fflush(stdout);
}

void mount_and_serve(Options& options, Run& run) {
  functions();  // or there is nothing to do
  const tool::Descriptor log = tool::open_log(options.log_file);
  if (log) run.options.console = log.get();
  settle_access(options, run.options, run.diagnostics);
  End end;
  tool::survive_panics();
  tool::Session session(run.options, run.diagnostics);
  const tool::Volume& volume =
      options.read_only ? session.mount(options.image) : session.mount_for_writing(options.image);
  {
    FileSystem file_system(volume.root.fd(), {.read_only = options.read_only,
                                              .check_permissions = options.check_permissions,
                                              .folds_names = tool::folds_all_names(volume.type),
                                              .self = options.self,
                                              .label = volume.device->contents.label,
                                              .on_end = [&] { end.ask(); }});
    const Mounted mounted(file_system, {.type = volume.type,
                                        .mount_point = options.mount_point,
                                        .threads = options.threads,
                                        .debug = options.debug});
    end.known_as(mounted.mount_point());
    tell_where(mounted.mount_point(), volume);
    end.wait();
  }
  session.close();
  tool::tell_of_panic(run.options, run.diagnostics);
}

int run(int argc, char** argv) {
  Run run;
  tool::Diagnostics& says = run.diagnostics;
  says.set_name("lklfs");
  try {
    const std::unique_ptr<Options> options = parse_options(argc, argv);
    if (!options) return tool::kExitOk;
    tool::catch_signals();
    if (!options->unmount.empty()) {
      end_mount(options->unmount);
      return tool::kExitOk;
    }
    run.options = session_options(*options);
    mount_and_serve(*options, run);
    return says.failed() ? tool::kExitFailed : tool::kExitOk;
  } catch (const tool::KernelDied&) {
    tool::tell_of_panic(run.options, says);
  } catch (const tool::Interrupted&) {
    // before it was mounted, in order
  } catch (const UsageFailure& failure) {
    says.error(failure.what());
    tool::print_error("Try 'lklfs --help'.\n");
    return tool::kExitUsage;
  } catch (const Failure& failure) {
    tool::tell_failure(failure.what(), run.options, says);
  } catch (const std::system_error& error) {
    tool::tell_failure(error.what(), run.options, says);
  } catch (const std::bad_alloc&) {
    says.error("out of memory");
  }
  return tool::kExitFailed;
}

}  // namespace

}  // namespace lkl::winfsp

int main(int argc, char** argv) {
  lkl::tool::begin_program(argc, argv);
  return lkl::winfsp::run(argc, argv);
}
