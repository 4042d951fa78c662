// SPDX-License-Identifier: GPL-2.0
//
// lkl: works on disk images through the library's kernel, without privileges.
#include <errno.h>
#include <fmt/format.h>
#include <stdio.h>

#include <memory>

#include "commands.h"
#include "faces.h"
#include "format.h"
#include "image.h"
#include "signals.h"

namespace lkl::tool {

namespace {

struct Command {
  const char* name;
  const char* summary;
  AddCommand add;
};

// The place for more commands.
constexpr Command kCommands[] = {
    {"build", "Make an image with a file system of what is in a directory", add_build},
    {"cat", "Write files of an image to standard output", add_cat},
    {"cp", "Copy files and trees into, out of and between images", add_cp},
    {"df", "Show how full the file systems of an image are", add_df},
    {"info", "Show the partitions and file systems of an image", add_info},
    {"ls", "List files of an image", add_ls},
    {"stat", "Show all that is known about files of an image", add_stat},
    {"tar", "Write a tree of an image as a tar archive, or unpack one into it", add_tar},
};

struct Face {
  const char* name;
  const char* summary;
  AddFace add;
};

constexpr Face kFaces[] = {
    {"cpfromfs", "Copies files out of a disk image", add_cpfromfs},
    {"cptofs", "Copies files into a disk image", add_cptofs},
    {"fs2tar", "Writes the files of a disk image as a tar archive", add_fs2tar},
};

constexpr char kFooter[] =
    "IMAGE is a raw disk image or a block device; IMAGE:N is its partition N.\n"
    "Each command has its own --help and a manual page: man lkl-COMMAND";

// Shared by the top level and every command, so that they may stand before or after its name.
void add_common_options(CLI::App& parser, CommonOptions& options, std::string& memory,
                        bool short_add) {
  parser.set_help_flag("--help", "Show this help");
  // ls has its own -a.
  parser
      .add_option(short_add ? "-a,--add" : "--add", options.images,
                  "An image to work on (again for more)")
      ->type_name("IMAGE")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
  parser.add_flag("--ro", options.read_only, "Never write to an image");
  parser.add_option("-t,--type", options.type, "File system type, if it is not recognised")
      ->type_name("TYPE");
  parser.add_option("-P,--partition", options.partition, "Partition number; 0: the whole disk")
      ->type_name("N");
  parser.add_option("-m,--mem", memory, "Memory for the kernel (256M)")->type_name("SIZE");
  parser.add_option("--mount-options", options.mount_options, "Options as of mount -o")
      ->type_name("LIST");
  parser.add_flag("-q,--quiet", options.quiet, "No progress, no warnings");
  parser.add_flag("-v,--verbose", options.verbose,
                  "Say what is done; twice: the kernel's messages");
}

// Runs what was asked for, and tells how it failed. `help`: what to try after a wrong command line.
int guarded(Context& context, const std::string& help, const std::function<void()>& work) {
  try {
    work();
    return context.diagnostics.exit_code();
  } catch (const Interrupted& interrupted) {
    context.diagnostics.error("interrupted; the images were closed in order");
    return 128 + interrupted.signal;
  } catch (const UsageFailure& failure) {
    context.diagnostics.error(failure.what());
    fmt::print(stderr, "Try {}.\n", help);
    return kExitUsage;
  } catch (const Failure& failure) {
    context.diagnostics.error(failure.what());
  } catch (const std::system_error& error) {
    context.diagnostics.error(error.what());
  } catch (const std::bad_alloc&) {
    context.diagnostics.error("out of memory");
  }
  return kExitFailed;
}

// The exit code if there is nothing more to do.
std::optional<int> parse(CLI::App& parser, int argc, char** argv, const std::string& help) {
  try {
    parser.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return parser.exit(success);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "{}: {}\nTry {}.\n", parser.get_name(), error.what(), help);
    return kExitUsage;
  }
  return std::nullopt;
}

int run_face(const Face& face, int argc, char** argv) {
  Context context;
  context.diagnostics.set_name(face.name);
  CLI::App parser(face.summary, face.name);
  parser.set_help_flag("--help", "Show this help");
  const Run run_command = face.add(parser, context.options);
  const std::string help = fmt::format("'{} --help'", face.name);
  if (const auto code = parse(parser, argc, argv, help)) return *code;
  return guarded(context, help, [&] {
    catch_signals();
    run_command(context);
  });
}

int run(int argc, char** argv) {
  const std::string_view path = argc > 0 ? argv[0] : "";
  const std::string_view own_name = path.substr(path.rfind('/') + 1);
  for (const Face& face : kFaces)
    if (own_name == face.name) return run_face(face, argc, argv);

  Context context;
  std::string memory;
  bool version = false;

  CLI::App parser("Linux as a library: reads and writes disk images without privileges", "lkl");
  parser.footer(kFooter);
  parser.require_subcommand(0, 1);
  add_common_options(parser, context.options, memory, true);
  parser.add_flag("--version", version, "Show the version; with -v what is built in");

  std::vector<std::pair<CLI::App*, Run>> commands;
  for (const Command& command : kCommands) {
    CLI::App* sub = parser.add_subcommand(command.name, command.summary);
    add_common_options(*sub, context.options, memory, std::string_view(command.name) != "ls");
    commands.emplace_back(sub, command.add(*sub));
  }

  const std::string help = "'lkl --help' or 'lkl COMMAND --help'";
  if (const auto code = parse(parser, argc, argv, help)) return *code;
  context.diagnostics.set_quiet(context.options.quiet);
  return guarded(context, help, [&] {
    if (version) {
      print_version(context.options.verbose > 0);
      return;
    }
    if (!memory.empty()) context.options.memory = parse_size(memory, "--mem");
    constexpr std::uint64_t kLeastMemory = 16 << 20;
    if (context.options.memory < kLeastMemory)
      throw UsageFailure("--mem: less than 16M is not enough for the kernel");
    for (const auto& [sub, run_command] : commands)
      if (sub->parsed()) {
        catch_signals();
        run_command(context);
        return;
      }
    throw UsageFailure("no command given");
  });
}

// What is still in the buffer of standard output may fail too. A reader that has gone away had
// enough: no error.
int finish_output(int code) {
  errno = 0;
  if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE) return code;
  fmt::print(stderr, "lkl: standard output: {}\n",
             std::error_code(errno, std::system_category()).message());
  return code == kExitOk ? kExitFailed : code;
}

}  // namespace

ImageAndPaths::Resolved ImageAndPaths::resolve(const CommonOptions& options) const {
  if (!options.images.empty()) {
    const ImageName name = parse_image_name(options.images.front());
    return {name.image, name.partition, operands};
  }
  if (operands.empty()) throw UsageFailure("no image given; name it first, or with -a IMAGE");
  const ImageName name = parse_image_name(operands.front());
  Resolved resolved{name.image, name.partition, {operands.begin() + 1, operands.end()}};
  if (!name.path.empty()) resolved.paths.insert(resolved.paths.begin(), name.path);
  return resolved;
}

}  // namespace lkl::tool

int main(int argc, char** argv) {
  return lkl::tool::finish_output(lkl::tool::run(argc, argv));
}
