// SPDX-License-Identifier: GPL-2.0
//
// lkl tar: a tree of an image as a tar archive, and back.
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>

#include "base/host_calls.h"
#include "base/host_file.h"
#include "lkl/cmd/tar.h"
#include "lkl/commands.h"
#include "session/session.h"
#include "tree/archive.h"

namespace lkl::tool {

namespace {

struct TarOptions {
  ImageAndPaths operands;
  std::string file = "-";
  bool gzip = false, bzip2 = false, xz = false, zstd = false, by_name = false;
};

Compression compression(const TarOptions& options) {
  const int chosen = options.gzip + options.bzip2 + options.xz + options.zstd + options.by_name;
  if (chosen > 1)
    throw UsageFailure("only one of --gzip, --bzip2, --xz, --zstd, --auto-compress makes sense");
  if (options.gzip) return Compression::kGzip;
  if (options.bzip2) return Compression::kBzip2;
  if (options.xz) return Compression::kXz;
  if (options.zstd) return Compression::kZstd;
  return options.by_name ? compression_of(options.file) : Compression::kNone;
}

// "/etc/" -> "etc"; the root is ".".
std::string member_name(const std::string& path) {
  std::string member;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, slash - at);
    at = slash + 1;
    if (part == "..")
      throw UsageFailure(
          fmt::format("{}: the path gives the names in the archive; write it without '..'", path));
    if (!part.empty() && part != ".") member += (member.empty() ? "" : "/") + part;
  }
  return member.empty() ? "." : member;
}

void tar_in(const TarOptions& options, Context& context) {
  const auto target = options.operands.resolve(context.options);
  if (target.paths.size() > 1) throw UsageFailure("tar in unpacks into one directory only");
  if (context.options.read_only)
    throw UsageFailure("--ro: tar in writes to the image; leave --ro out");
  const bool standard = options.file == "-";
  const HostFile file =
      standard ? HostFile::borrow(STDIN_FILENO) : HostFile::open(options.file, O_RDONLY);
  if (standard && on_host::is_terminal(STDIN_FILENO))
    throw UsageFailure("the archive does not come from a terminal; name it with -f FILE");

  Session session(context.options, context.diagnostics);
  session.host_paths().allow_user_names();
  const Volume& volume = session.mount_for_writing(target.image);
  const auto tree = make_image_tree(volume);
  Progress progress(context.options.quiet);
  const ProgressLine line(context.diagnostics, progress);
  Unpacker unpacker(context.diagnostics, context.options.verbose > 0, progress, file.fd(),
                    standard ? "standard input" : options.file);
  unpacker.unpack(*tree, target.paths.empty() ? "/" : target.paths.front());
}

void run_tar(TarOptions& options, Context& context) {
  std::vector<std::string>& operands = options.operands.operands;
  const std::string direction = operands.empty() ? "" : operands.front();
  if (direction != "in" && direction != "out")
    throw UsageFailure("tar needs a direction first: 'tar out IMAGE' or 'tar in IMAGE'");
  operands.erase(operands.begin());
  if (direction == "in") {
    use_utf8_names();
    tar_in(options, context);
    return;
  }
  const auto source = options.operands.resolve(context.options);
  PackRequest request;
  request.image = source.image;
  request.paths = source.paths;
  request.file = options.file;
  request.compression = compression(options);
  pack_image(context, request);
}

}  // namespace

void use_utf8_names() {
  setlocale(LC_CTYPE, "C.UTF-8");
}

void pack_image(Context& context, const PackRequest& request) {
  use_utf8_names();
  std::vector<std::pair<std::string, std::string>> paths;  // and members
  for (const std::string& path : request.paths) paths.emplace_back(path, member_name(path));
  if (paths.empty()) paths.emplace_back("/", ".");
  const bool standard = request.file == "-";
  if (standard && on_host::is_terminal(STDOUT_FILENO))
    throw UsageFailure("an archive is not for a terminal; name a file with -f FILE");

  HostFile file = standard ? HostFile::borrow(STDOUT_FILENO)
                           : HostFile::create(request.file, HostFile::Existing::kReplaced);
  Session session(context.options, context.diagnostics);
  const Volume& volume = session.mount(request.image);
  // Only now: a wrong image must not cost an archive that is there already.
  file.empty();
  const auto tree = make_image_tree(volume);
  Progress progress(context.options.quiet || standard);
  const ProgressLine line(context.diagnostics, progress);
  Packer packer(context.diagnostics, progress, file.fd(),
                standard ? "standard output" : request.file, request.compression);
  packer.set_label_file(request.labels);
  for (const auto& [path, member] : paths) {
    try {
      packer.add(*tree, open_place(*tree, path, false), member);
    } catch (const std::system_error& error) {
      context.diagnostics.error(tree->display(path), error.code());
    }
  }
  packer.finish();
  file.keep();
}

Run add_tar(Parser parser) {
  auto options = std::make_shared<TarOptions>();
  parser
      .add_option("operands", options->operands.operands,
                  "out IMAGE[:N] [PATH...]  or  in IMAGE[:N] [DIRECTORY]")
      .type_name("out|in");
  parser.add_option("-f,--file", options->file, "The archive; '-': standard output or input")
      .type_name("FILE");
  parser.add_flag("-z,--gzip", options->gzip, "Compress with gzip");
  parser.add_flag("-j,--bzip2", options->bzip2, "Compress with bzip2");
  parser.add_flag("-J,--xz", options->xz, "Compress with xz");
  parser.add_flag("--zstd", options->zstd, "Compress with zstd");
  parser.add_flag("--auto-compress", options->by_name, "Compress as the ending of FILE says");
  return [options](Context& context) { run_tar(*options, context); };
}

}  // namespace lkl::tool
