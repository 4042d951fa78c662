// SPDX-License-Identifier: GPL-2.0
//
// lkl: works on disk images through the library's kernel, without privileges.
#include <errno.h>
#include <fmt/format.h>
#include <stdio.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

#include "base/format.h"
#include "base/host_calls.h"
#include "base/signals.h"
#include "image/host_images.h"
#include "image/image_address.h"
#include "lkl/begin.h"
#include "lkl/commands.h"
#include "lkl/completion.h"
#include "lkl/faces.h"
#include "session/mount_options.h"
#include "session/panic.h"

namespace lkl::tool {

namespace {

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

constexpr char kHelp[] = "'lkl help' or 'lkl help COMMAND'";

constexpr char kFooter[] =
    "IMAGE is a disk image (raw, qcow2, vmdk, vdi, vhd ...), a block device, or a URI (nbd://,\n"
    "nbd+unix://, ssh://, https:// ...); IMAGE:N is its partition N, IMAGE@OFFSET what begins "
    "there.\n"
    "Each command has a manual page: man lkl-COMMAND";

std::string format_option(const std::string& word) {
  const std::string_view format = known_format(word);
  if (format.empty())
    throw CLI::ValidationError(fmt::format("{}: is not among {}", word, list_formats()));
  return std::string(format);
}

// Shared by the top level and every command, so that they may stand before or after its name.
void add_common_options(CLI::App& parser, SessionOptions& options, std::string& memory,
                        std::string_view own) {
  // A command may have a name for itself; the other name of the option is left then.
  const auto owned = [own](std::string_view name) {
    return fmt::format(" {} ", own).find(fmt::format(" {} ", name)) != std::string::npos;
  };
  const auto names = [&owned](std::string_view brief, std::string_view full) {
    if (owned(brief)) return std::string(full);
    if (owned(full)) return std::string(brief);
    return fmt::format("{},{}", brief, full);
  };
  parser.option_defaults()->group("Common options");
  parser
      .add_option_function<std::vector<std::string>>(
          names("-a", "--add"),
          [&options](const std::vector<std::string>& operands) {
            options.images.clear();
            for (const std::string& operand : operands)
              options.images.push_back(parse_image_name(operand));
          },
          "An image to work on (again for more)")
      ->type_name("IMAGE")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
  if (!owned("--domain")) {
    parser
        .add_option(names("-d", "--domain"), options.domain,
                    "Work on the disks of this domain of libvirt")
        ->type_name("DOMAIN");
    if (!owned("--disk"))
      parser.add_option("--disk", options.disk, "Of the domain, this disk (as vda)")
          ->type_name("TARGET");
  }
  parser.add_option(names("-c", "--connect"), options.connect, "The hypervisor, for libvirt")
      ->type_name("URI");
  parser.add_option("--format", options.format, "Format of the images, if it is not recognised")
      ->type_name("FORMAT")
      ->transform(format_option);
  auto* read_only = parser.add_flag("--ro", options.read_only, "Never write to an image");
  auto* snapshot = parser.add_flag("--snapshot", options.snapshot,
                                   "Leave the image as it is: changes are gone at the end");
  parser.add_option("--commit", options.commit, "With --snapshot: the changed image, as a raw one")
      ->type_name("FILE")
      ->needs(snapshot);
  snapshot->excludes(read_only);
  parser
      .add_option(names("-t", "--type"), options.type, "File system type, if it is not recognised")
      ->type_name("TYPE");
  Option part = add_volume_option(Parser(parser), names("-P", "--partition"), options);
  if (!owned("--offset"))
    parser
        .add_option_function<std::string>(
            "--offset",
            [&options](const std::string& text) {
              try {
                set_offset(options, text);
              } catch (const UsageFailure& failure) {
                throw CLI::ValidationError(failure.what());
              }
            },
            "Where the file system begins in the image, in bytes (or 4K, 2048s ...)")
        ->type_name("N")
        ->excludes(&part.option());
  parser.add_flag(owned("--force") ? "--truncated" : "--force,--truncated", options.force,
                  "Read what is left of a truncated image");
  parser
      .add_option("--key-file", options.key_file,
                  "Passphrase of encrypted disks (LUKS): what is in this file (-: standard input)")
      ->type_name("FILE");
  parser.add_option(names("-m", "--mem"), memory, "Memory for the kernel (256M)")
      ->type_name("SIZE");
  parser.add_option("--mount-options", options.mount_options, "Options as of mount -o")
      ->type_name("LIST");
  parser.add_flag("--no-sandbox", options.no_sandbox,
                  "Keep all rights of this process while it reads the images");
  parser.add_flag("-q,--quiet", options.quiet, "No progress, no warnings");
  parser.add_flag("-v,--verbose", options.verbose,
                  "Say what is done; twice: the kernel's messages");
}

void attach_domain(SessionOptions& options) {
  if (!options.domain.empty())
    add_domain_images(options);
  else if (!options.disk.empty())
    throw UsageFailure("--disk: names a disk of a domain; name that with -d DOMAIN");
}

// Runs what was asked for, and tells how it failed. `help`: what to try after a wrong command line.
int guarded(Context& context, const std::string& help, const std::function<void()>& work) {
  const auto code = [&] {
    tell_of_panic(context.options, context.diagnostics);
    return context.exit_code();
  };
  // What fails because there is no kernel any more is no news.
  const auto tell = [&](const char* why) {
    if (!has_panicked()) context.diagnostics.error(why);
  };
  try {
    work();
    return code();
  } catch (const KernelDied&) {
    return code();
  } catch (const Interrupted& interrupted) {
    context.diagnostics.error("interrupted; the images were closed in order");
    return 128 + interrupted.signal;
  } catch (const UsageFailure& failure) {
    context.diagnostics.error(failure.what());
    print_error(fmt::format("Try {}.\n", help));
    return kExitUsage;
  } catch (const Failure& failure) {
    tell(failure.what());
  } catch (const std::system_error& error) {
    tell(error.what());
  } catch (const std::bad_alloc&) {
    context.diagnostics.error("out of memory");
  }
  return code();
}

// The exit code if there is nothing more to do.
std::optional<int> parse(CLI::App& parser, int argc, char** argv, const std::string& help) {
  try {
    parse_exactly(parser, {argv + 1, argv + argc});
  } catch (const CLI::Success& success) {
    return parser.exit(success);
  } catch (const CLI::ParseError& error) {
    print_error(fmt::format("{}: {}\nTry {}.\n", parser.get_name(), error.what(), help));
    return kExitUsage;
  }
  return std::nullopt;
}

CLI::App& face_parser(CLI::App& parser, const Face& face) {
  parser.name(face.name);
  parser.allow_windows_style_options(false);
  parser.description(face.summary);
  parser.set_help_flag("--help", "Show this help");
  return parser;
}

int run_face(const Face& face, int argc, char** argv) {
  Context context;
  context.diagnostics.set_name(face.name);
  CLI::App parser;
  const Run run_command = face.add(Parser(face_parser(parser, face)), context.options);
  const std::string help = fmt::format("'{} --help'", face.name);
  if (const auto code = parse(parser, argc, argv, help)) return *code;
  return guarded(context, help, [&] {
    catch_signals();
    survive_panics();
    run_command(context);
  });
}

struct TopOptions {
  std::string memory;
  std::string completion;
  bool version = false;
};

using Runs = std::vector<std::pair<CLI::App*, Run>>;

Runs add_everything(CLI::App& parser, SessionOptions& options, TopOptions& top) {
  parser.footer(kFooter);
  // "/etc" is a path on all hosts.
  parser.allow_windows_style_options(false);
  parser.require_subcommand(0, 1);
  parser.set_help_flag("-h,--help", "Show this help");
  add_common_options(parser, options, top.memory, "");
  parser.option_defaults()->group("Options");
  parser.add_flag("--version", top.version, "Show the version; with -v what is built in");
  parser
      .add_option("--completion", top.completion,
                  "Print what completes command lines, for this shell")
      ->type_name("bash");

  Runs runs;
  for (const Command& command : all_commands()) {
    CLI::App* sub = parser.add_subcommand(command.name, command.summary);
    sub->group(title_of(command.group));
    // What a command has for itself comes first in its help.
    sub->set_help_flag("--help", "Show this help");
    runs.emplace_back(sub, command.add(Parser(*sub)));
    if (sub->get_option_no_throw("-h") == nullptr)
      sub->set_help_flag("-h,--help", "Show this help");
    if (command.common) add_common_options(*sub, options, top.memory, command.own);
  }
  return runs;
}

void complete(const CLI::App& parser, const std::string& shell) {
  if (shell != "bash")
    throw UsageFailure(fmt::format("--completion {}: there is only bash", shell));
  std::vector<std::unique_ptr<CLI::App>> owner;
  std::vector<const CLI::App*> programs = {&parser};
  SessionOptions ignored;
  for (const Face& face : kFaces) {
    owner.push_back(std::make_unique<CLI::App>());
    face.add(Parser(face_parser(*owner.back(), face)), ignored);
    programs.push_back(owner.back().get());
  }
  fmt::print("{}", bash_completion(programs));
}

int run(int argc, char** argv) {
  const std::string_view path = argc > 0 ? argv[0] : "";
  const std::string_view own_name = path.substr(path.rfind('/') + 1);
  for (const Face& face : kFaces)
    if (own_name == face.name) return run_face(face, argc, argv);

  Context context;
  TopOptions top;
  CLI::App parser("Linux as a library: reads and writes disk images without privileges", "lkl");
  const Runs commands = add_everything(parser, context.options, top);
  if (const auto code = parse(parser, argc, argv, kHelp)) return *code;
  context.diagnostics.set_quiet(context.options.quiet);
  return guarded(context, kHelp, [&] {
    if (top.version) return print_version(context.options.verbose > 0);
    if (!top.completion.empty()) return complete(parser, top.completion);
    if (!top.memory.empty()) context.options.memory = parse_size(top.memory, "--mem");
    constexpr std::uint64_t kLeastMemory = 16 << 20;
    if (context.options.memory < kLeastMemory)
      throw UsageFailure("--mem: less than 16M is not enough for the kernel");
    for (const auto& [sub, run_command] : commands)
      if (sub->parsed()) {
        catch_signals();
        take_offset(context.options);
        // Tests have kernels that panic in processes of their own.
        if (sub->get_name() != "test") survive_panics();
        attach_domain(context.options);
        run_command(context);
        return;
      }
    if (argc <= 1) {
      fmt::print("{}\n", overview(parser));
      fflush(stdout);
    }
    throw UsageFailure("no command given");
  });
}

// What is still in the buffer of standard output may fail too. A reader that has gone away had
// enough: no error.
int finish_output(int code) {
  errno = 0;
  if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE) return code;
  print_error(fmt::format("lkl: standard output: {}\n", host_error(errno).message()));
  return code == kExitOk ? kExitFailed : code;
}

}  // namespace

Option add_volume_option(Parser parser, const std::string& names, SessionOptions& options) {
  const auto take = [&options](const std::string& text) {
    options.volume = parse_volume_choice(text);
    if (!options.volume) refuse_word(fmt::format("{}: is not among {}", text, kVolumeChoices));
  };
  return parser
      .add_option_function(
          names, take,
          "Partition number (0: the whole disk), UUID=, LABEL=, PARTUUID=, PARTLABEL=, VG/LV, md0, "
          "luks:N, @OFFSET")
      .type_name("PART");
}

void parse_exactly(CLI::App& parser, std::vector<std::string> words) {
  const auto subcommands = parser.get_subcommands({});
  const auto command = std::find_if(words.begin(), words.end(), [&](const std::string& word) {
    return std::any_of(subcommands.begin(), subcommands.end(),
                       [&](const CLI::App* app) { return app->get_name() == word; });
  });
  if (parser.get_name() == "find" || (command != words.end() && *command == "find"))
    words = take_find_words(std::move(words));
  // Nothing on a command line has a zero byte in it: one hides the bracket at the end.
  const std::function<std::string(std::string)> uncover = [](std::string word) {
    if (word.ends_with('\0')) word.pop_back();
    return word;
  };
  std::vector<std::string> covered;
  for (auto word = words.rbegin(); word != words.rend(); ++word)
    covered.push_back(word->ends_with(']') ? *word + '\0' : *word);
  for (CLI::App* app : subcommands)
    for (CLI::Option* option : app->get_options()) option->transform(uncover);
  for (CLI::Option* option : parser.get_options()) option->transform(uncover);
  parser.parse(std::move(covered));
}

}  // namespace lkl::tool

int main(int argc, char** argv) {
  lkl::tool::begin_program(argc, argv);
  return lkl::tool::finish_output(lkl::tool::run(argc, argv));
}
