// SPDX-License-Identifier: GPL-2.0
//
// lkl run
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>

#include "base/limits.h"
#include "lkl/cmd/network_options.h"
#include "lkl/commands.h"
#include "run/guest_network.h"
#include "run/program.h"
#include "run/reply.h"
#include "run/share.h"
#include "run/supervisor.h"

namespace lkl::tool {

namespace {

struct RunOptions {
  served::NetworkOptions network;
  std::string tier = "auto", server;
  bool trace = false;
  std::vector<std::string> words;
};

// What the program's end is for us; and for who could not be started at all.
int code_of(served::Program& program, int status, const std::string& name) {
  if (const int error = program.exec_error())
    print_error(fmt::format("lkl: {}: {}\n", name, describe({error, std::system_category()})));
  return status;
}

void forward(served::ForwardedSignals& signals, const served::Program& program) {
  while (const int signal = signals.take()) ::kill(program.pid(), signal);
}

// To serve who is left when the program has ended is what a signal ends, the terminal's too.
void forward(served::ForwardedSignals& signals, const served::Program& program, bool ended,
             served::Supervisor& supervisor) {
  if (!ended) return forward(signals, program);
  if (signals.take_any() != 0) supervisor.stop();
}

// Its kernel is in this process.
int serve_program(const RunOptions& options, const Context& context, served::Program& program,
                  served::ForwardedSignals& signals) {
  std::optional<served::EndedBySignal> ended_by_signal(std::in_place, signals, program.pid());
  const served::GuestNetwork network(options.network, context.options);
  ended_by_signal.reset();
  served::Supervisor supervisor;
  if (options.trace) served::trace_replies();
  std::optional<int> status;
  bool all_gone = false;
  supervisor.add_client(program.take_listener(), [&] {
    all_gone = true;
    if (status) supervisor.stop();
  });
  supervisor.watch(signals.fd(),
                   [&] { forward(signals, program, status.has_value(), supervisor); });
  supervisor.watch(program.pidfd(), [&] {
    status = program.status();
    supervisor.forget(program.pidfd());
    // others that it has started may go on
    if (all_gone) supervisor.stop();
  });
  program.let_go();
  supervisor.run();
  return *status;
}

// The kernel is that of a server.
int join_server(const RunOptions& options, served::Program& program,
                served::ForwardedSignals& signals) {
  const Descriptor server = served::hand_over(options.server, program.take_listener());
  program.let_go();
  pollfd both[] = {{program.pidfd(), POLLIN, 0}, {signals.fd(), POLLIN, 0}};
  for (;;) {
    ::poll(both, 2, -1);
    forward(signals, program);
    if (const auto status = program.status()) return *status;
  }
}

void run(const RunOptions& options, Context& context) {
  if (options.tier == "preload")
    throw UsageFailure("--tier preload: is not there yet; --tier server serves all programs");
  if (options.tier != "server" && options.tier != "auto")
    throw UsageFailure(fmt::format("--tier {}: is to be auto or server", options.tier));
  if (options.words.empty()) throw UsageFailure("no program given");
  if (!options.server.empty() &&
      (!options.network.wires.empty() || !options.network.addresses.empty() ||
       !options.network.gateways.empty() || !options.network.name_servers.empty() ||
       !options.network.config.empty() || !options.network.settings.empty() ||
       !options.network.capture.empty() || options.trace))
    throw UsageFailure("--server: the network is the server's: what is to be set is set there");
  const std::string file = served::find_program(options.words.front());
  allow_many_files();
  std::optional<int> status;
  {
    served::ForwardedSignals signals;
    // before there is a thread
    served::Program program(file, options.words);
    status = options.server.empty() ? serve_program(options, context, program, signals)
                                    : join_server(options, program, signals);
    status = code_of(program, *status, options.words.front());
  }
  context.exit = served::end_as(*status);
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
      .add_option("--tier", options->tier,
                  "How the program is served; server: by a process that has the kernel (auto)")
      .type_name("auto|server");
  parser.add_option("--server", options->server, "Use the kernel of the lkl server at this socket")
      .type_name("PATH");
  parser.add_flag("--trace", options->trace, "Print what is done for the program, call by call");
  return [options](Context& context) { run(*options, context); };
}

}  // namespace lkl::tool
