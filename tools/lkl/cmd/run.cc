// SPDX-License-Identifier: GPL-2.0
//
// lkl run
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>

#include <filesystem>

#include "base/limits.h"
#include "image/image_name.h"
#include "lkl/cmd/network_options.h"
#include "lkl/commands.h"
#include "lkl/lklfuse.h"
#include "run/disk_servers.h"
#include "run/guest_namespaces.h"
#include "run/guest_network.h"
#include "run/opens_library.h"
#include "run/preloaded.h"
#include "run/program.h"
#include "run/reply.h"
#include "run/share.h"
#include "run/stand_in.h"
#include "run/supervisor.h"

namespace lkl::tool {

namespace {

struct RunOptions {
  served::NetworkOptions network;
  std::vector<std::string> disks;
  std::string tier = "auto", server, network_name;
  bool trace = false;
  std::vector<std::string> words;
};

// IMAGE[:PARTITION]:/FOLDER[,OPTION...]. `common`: options for all.
served::DiskMount parse_disk(const std::string& text, const std::vector<std::string>& common) {
  const ImageName name = parse_image_name(text);
  if (name.path.empty())
    throw UsageFailure(fmt::format(
        "--disk {}: is to be IMAGE[:PARTITION]:/FOLDER[,OPTION...]: which image, and on which "
        "folder it is for the program",
        text));
  served::DiskMount disk;
  disk.image = text.substr(0, text.size() - name.path.size() - 1);
  std::size_t at = 0;
  std::string folder;
  for (; at < name.path.size() && name.path[at] != ','; at++) {
    if (name.path[at] == '\\' && at + 1 < name.path.size()) at++;
    folder += name.path[at];
  }
  folder = std::filesystem::path(folder).lexically_normal().string();
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  disk.folder = folder;
  for (const std::string& option : common)
    disk.options += (disk.options.empty() ? "" : ",") + option;
  if (at + 1 < name.path.size())
    disk.options += (disk.options.empty() ? "" : ",") + name.path.substr(at + 1);
  return disk;
}

std::vector<served::DiskMount> parse_disks(const RunOptions& options,
                                           const SessionOptions& session) {
  std::vector<std::string> common = lklfuse_options(session);
  if (session.read_only) common.emplace_back("ro");
  std::vector<served::DiskMount> disks;
  for (const std::string& text : options.disks) {
    served::DiskMount disk = parse_disk(text, common);
    for (const served::DiskMount& other : disks)
      if (other.folder == disk.folder)
        throw UsageFailure(
            fmt::format("--disk {}: {} is on {} already", text, other.image, disk.folder));
    disks.push_back(std::move(disk));
  }
  return disks;
}

// What the program's end is for us; and for who could not be started at all.
int code_of(served::Program& program, int status, const std::string& name) {
  if (const int error = program.exec_error())
    print_error(fmt::format("lkl: {}: {}\n", name, describe({error, std::system_category()})));
  return status;
}

void forward(served::ForwardedSignals& signals, const served::Program& program) {
  while (const int signal = signals.take()) ::kill(program.pid(), signal);
}

// Its status when it has ended. Signals that have come until then were for it: the host sends us
// Ctrl-C before the program can have ended by it. Later ones are for us, and nobody can know that
// it has ended before status() has been asked.
std::optional<int> status_of(served::Program& program, served::ForwardedSignals& signals) {
  pollfd end = {program.pidfd(), POLLIN, 0};
  if (::poll(&end, 1, 0) <= 0) return std::nullopt;
  while (signals.take_any() != 0) continue;
  return program.status();
}

// To serve who is left when the program has ended is what a signal ends, the terminal's too.
void forward(served::ForwardedSignals& signals, const served::Program& program, bool ended,
             served::Supervisor& supervisor, served::DiskServers& disks) {
  if (!ended) return forward(signals, program);
  if (signals.take_any() == 0) return;
  supervisor.stop();
  disks.stop();
}

// Its kernel is in this process.
int serve_program(const RunOptions& options, const Context& context, served::Program& program,
                  served::ForwardedSignals& signals, served::DiskServers& disks) {
  std::optional<served::EndedBySignal> ended_by_signal(std::in_place, signals, program.pid());
  const served::GuestNetwork network(options.network, context.options);
  ended_by_signal.reset();
  served::Supervisor supervisor;
  if (options.trace) served::trace_replies();
  std::optional<int> status;
  bool all_gone = false;
  supervisor.add_client(
      program.take_listener(),
      [&] {
        all_gone = true;
        if (status) supervisor.stop_when_sent();
      },
      served::user_of_process());
  supervisor.watch(signals.fd(),
                   [&] { forward(signals, program, status.has_value(), supervisor, disks); });
  supervisor.watch(program.pidfd(), [&] {
    status = status_of(program, signals);
    supervisor.forget(program.pidfd());
    // others that it has started may go on
    if (all_gone) supervisor.stop_when_sent();
  });
  program.let_go();
  supervisor.run();
  return *status;
}

// The kernel is that of a server.
int join_server(const RunOptions& options, served::Program& program,
                served::ForwardedSignals& signals) {
  const Descriptor server =
      served::hand_over(options.server, program.take_listener(), options.network_name);
  program.let_go();
  pollfd both[] = {{program.pidfd(), POLLIN, 0}, {signals.fd(), POLLIN, 0}};
  for (;;) {
    ::poll(both, 2, -1);
    forward(signals, program);
    if (const auto status = status_of(program, signals)) return *status;
  }
}

void run(const RunOptions& options, Context& context) {
  const bool is_preloaded = options.tier == "preload";
  if (!is_preloaded && options.tier != "server" && options.tier != "auto")
    throw UsageFailure(fmt::format("--tier {}: is to be auto, preload or server", options.tier));
  if (options.words.empty()) throw UsageFailure("no program given");
  if (is_preloaded && (!options.server.empty() || !options.disks.empty() || options.trace))
    throw UsageFailure("--server, --disk and --trace are of --tier server");
  if (!options.server.empty() &&
      (!options.network.wires.empty() || !options.network.addresses.empty() ||
       !options.network.gateways.empty() || !options.network.name_servers.empty() ||
       !options.network.config.empty() || !options.network.settings.empty() ||
       !options.network.capture.empty() || options.trace))
    throw UsageFailure("--server: the network is the server's: what is to be set is set there");
  if (!options.network_name.empty()) {
    if (options.server.empty())
      throw UsageFailure("--netns: is of a server's kernel: give --server as well");
    if (const std::string why = served::why_no_name(options.network_name); !why.empty())
      throw UsageFailure(fmt::format("--netns {}: {}", options.network_name, why));
  }
  if (is_preloaded) {
    context.exit = served::become_preloaded(options.words, options.network, context.options);
    return;
  }
  std::vector<served::DiskMount> mounts = parse_disks(options, context.options);
  const std::string lklfuse = mounts.empty() ? "" : find_lklfuse();
  const auto library =
      options.tier == "auto" ? served::find_opens_library() : std::optional<served::OpensLibrary>();
  allow_many_files();
  std::optional<int> status;
  {
    served::ForwardedSignals signals;
    served::DiskServers disks(std::move(mounts), lklfuse);
    // before there is a thread
    served::Program program(options.words, disks.mounts(), library);
    {
      const served::EndedBySignal ended_by_signal(signals, program.pid());
      program.prepare(
          [&disks](Descriptor fuse, served::Users users) { disks.start(std::move(fuse), users); });
    }
    status = options.server.empty() ? serve_program(options, context, program, signals, disks)
                                    : join_server(options, program, signals);
    status = code_of(program, *status, options.words.front());
    disks.finish(signals, context.diagnostics);
  }
  context.exit = served::end_as(*status);
  // The program's, too, if an image was not written back.
  if (context.exit != 0) context.failed_exit = context.exit;
}

}  // namespace

Run add_run(Parser parser) {
  auto options = std::make_shared<RunOptions>();
  parser
      .add_option("program", options->words,
                  "The program and its words; -- before it keeps its options its own")
      .type_name("PROGRAM");
  add_network_options(parser, options->network);
  parser
      .add_option("--disk", options->disks,
                  "Have an image on a folder, for the program alone; / is its root; options as of "
                  "lklfuse -o: ro, snapshot, type=TYPE ... (again for more)")
      .type_name("IMAGE[:PART]:/FOLDER[,OPTION...]")
      .each_time();
  parser
      .add_option(
          "--tier", options->tier,
          "How the program is served; server: by a process that has the kernel; auto: the same, "
          "with a library in the program that opens the host's files without asking it; preload: "
          "by a library in its own process")
      .type_name("auto|preload|server");
  parser.add_option("--server", options->server, "Use the kernel of the lkl server at this socket")
      .type_name("PATH");
  parser
      .add_option("--netns", options->network_name,
                  "With --server: the network namespace of this name in its kernel (made if new)")
      .type_name("NAME");
  parser.add_flag("--trace", options->trace, "Print what is done for the program, call by call");
  return [options](Context& context) { run(*options, context); };
}

}  // namespace lkl::tool
