// SPDX-License-Identifier: GPL-2.0
//
// cptofs and cpfromfs: lkl cp under the names and options of the tools that have long come with
// Linux as a library.
#include "base/host_calls.h"
#include "lkl/cmd/cp.h"
#include "lkl/faces.h"

namespace lkl::tool {

namespace {

struct CptofsOptions {
  std::string image;
  std::vector<std::string> operands;
  std::optional<std::uint32_t> owner, group;
  std::string label;
  std::optional<std::uint64_t> megabytes;
  bool messages = false;
  bool trusted = false;
};

void run_cptofs(const CptofsOptions& options, bool to_image, Context& context) {
  if (options.image.empty()) throw UsageFailure("no image given; name it with -i IMAGE");
  if (options.operands.size() < 2) throw UsageFailure("a source and a destination are needed");
  if (options.megabytes && (*options.megabytes < 16 || *options.megabytes > 1 << 20))
    throw UsageFailure("-m: is not between 16 and 1048576 MiB");
  if (options.megabytes) context.options.memory = *options.megabytes << 20;
  context.options.memory_option = "-m";
  if (options.messages) context.options.verbose = 2;

  CopyRequest request;
  const ImageName image{
      options.image, parse_image_address(options.image), context.options.volume, {}};
  for (const std::string& operand : options.operands) {
    const bool last = &operand == &options.operands.back();
    Location location{std::nullopt, on_host::with_slashes(operand)};
    if (last == to_image) location = {image, operand.starts_with('/') ? operand : "/" + operand};
    if (last)
      request.destination = location;
    else
      request.sources.push_back(location);
  }
  request.copy.no_dereference = true;
  request.patterns = true;
  CopyOptions& copy = request.copy;
  copy.trusted = options.trusted;
  copy.recursive = true;
  // What is copied belongs to root in an image, and to the caller on the host.
  copy.keep_owner = false;
  copy.uid = options.owner;
  copy.gid = options.group;
  if (!options.label.empty() && to_image) copy.label = options.label;
  run_copy(context, request);
}

Run add(Parser parser, SessionOptions& common, bool to_image) {
  auto options = std::make_shared<CptofsOptions>();
  parser.add_option("operands", options->operands, "SOURCE... DESTINATION").type_name(" ");
  parser.add_option("-i,--filesystem-image", options->image, "The image").type_name("IMAGE");
  parser.add_option("-t,--filesystem-type", common.type, "Its type, if it is not recognised")
      .type_name("FSTYPE");
  add_volume_option(parser, "-P,--partition", common);
  parser.add_flag("-p,--enable-printk", options->messages, "Show the kernel's messages");
  parser.add_flag("--no-sandbox", common.no_sandbox,
                  "Keep all rights of this process while it reads the image");
  if (!to_image)
    parser.add_flag("--trusted", options->trusted, "As root: device nodes and capabilities, too");
  parser.add_option("-m,--mb,--memory", options->megabytes, "Memory for the kernel, in MiB")
      .type_name("MB");
  parser.add_option("-o,--owner", options->owner, "Owner of the copies, a number").type_name("UID");
  parser.add_option("-g,--group", options->group, "Group of the copies, a number").type_name("GID");
  parser.add_option("-s,--selinux", options->label, "SELinux label of the copies in the image")
      .type_name("LABEL");
  return [options, to_image](Context& context) { run_cptofs(*options, to_image, context); };
}

}  // namespace

Run add_cptofs(Parser parser, SessionOptions& common) {
  return add(parser, common, true);
}

Run add_cpfromfs(Parser parser, SessionOptions& common) {
  return add(parser, common, false);
}

}  // namespace lkl::tool
