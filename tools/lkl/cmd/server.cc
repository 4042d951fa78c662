// SPDX-License-Identifier: GPL-2.0
//
// lkl server
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

struct ServerOptions {
  served::NetworkOptions network;
  std::string socket;
  bool all_users = false, trace = false;
};

void run_server(const ServerOptions& options, Context& context) {
  allow_many_files();
  served::ForwardedSignals signals;
  std::optional<served::EndedBySignal> ended_by_signal(std::in_place, signals);
  const served::GuestNetwork network(options.network, context.options);
  ended_by_signal.reset();
  served::Supervisor supervisor;
  if (options.trace) served::trace_replies();
  supervisor.watch(signals.fd(), [&] {
    if (signals.take_any() != 0) supervisor.stop();
  });
  const served::ServerSocket socket(options.socket, options.all_users, supervisor);
  supervisor.run();
}

}  // namespace

Run add_server(Parser parser) {
  auto options = std::make_shared<ServerOptions>();
  parser.add_option("--socket", options->socket, "Where lkl run finds it: a socket is made there")
      .type_name("PATH")
      .required();
  parser.add_flag("--all-users", options->all_users,
                  "Serve other users' programs, too, which have no rights there (root only)");
  add_network_options(parser, options->network);
  parser.add_flag("--trace", options->trace, "Print what is done for programs, call by call");
  return [options](Context& context) { run_server(*options, context); };
}

}  // namespace lkl::tool
