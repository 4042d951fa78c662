// SPDX-License-Identifier: GPL-2.0
//
// fs2tar: lkl tar out under the name and options of the tool that has long come with Linux as a
// library.
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <cstdio>

#include "base/descriptor.h"
#include "base/host_calls.h"
#include "lkl/cmd/tar.h"
#include "lkl/faces.h"

namespace lkl::tool {

namespace {

struct Fs2tarOptions {
  std::string image, file, labels;
  bool messages = false;
};

void run_fs2tar(const Fs2tarOptions& options, Context& context) {
  if (options.image.empty() || options.file.empty())
    throw UsageFailure("fs2tar needs the image and the archive to make");
  if (options.messages) context.options.verbose = 2;
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const auto failed = [&] {
    return Failure(fmt::format("{}: cannot write the labels: {}", options.labels,
                               describe(host_error(errno))));
  };
  std::unique_ptr<std::FILE, Close> labels;
  if (!options.labels.empty()) {
    Descriptor file(on_host::open(options.labels, O_WRONLY | O_CREAT | O_TRUNC, 0666));
    labels.reset(file ? ::fdopen(file.get(), "wb") : nullptr);
    if (!labels) throw failed();
    (void)file.release();
  }
  PackRequest request;
  request.image = {options.image, parse_image_address(options.image), context.options.volume, {}};
  request.file = options.file;
  request.compression = compression_of(options.file);
  request.labels = labels.get();
  pack_image(context, request);
  if (labels && std::fclose(labels.release()) != 0) throw failed();
}

}  // namespace

Run add_fs2tar(Parser parser, SessionOptions& common) {
  auto options = std::make_shared<Fs2tarOptions>();
  parser.add_option("image", options->image, "The image").type_name("IMAGE");
  parser.add_option("file", options->file, "The archive; its ending says how it is compressed")
      .type_name("FILE");
  parser
      .add_option("-t,--filesystem-type", common.type, "The image's type, if it is not recognised")
      .type_name("FSTYPE");
  add_volume_option(parser, "-P,--partition", common);
  parser.add_flag("-p,--enable-printk", options->messages, "Show the kernel's messages");
  parser.add_flag("--no-sandbox", common.no_sandbox,
                  "Keep all rights of this process while it reads the image");
  parser.add_option("-s,--selinux-contexts", options->labels, "Write the SELinux labels to a file")
      .type_name("SELINUX_FILE");
  return [options](Context& context) { run_fs2tar(*options, context); };
}

}  // namespace lkl::tool
