// SPDX-License-Identifier: GPL-2.0
//
// lkl net
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/format.h"
#include "base/json.h"
#include "lkl/cmd/network_options.h"
#include "lkl/commands.h"
#include "net/wire_capture.h"
#include "net/wire_check.h"

namespace lkl::tool {

namespace {

struct NetOptions {
  std::string what;
  std::vector<std::string> operands;
  WireCheckOptions check;
  std::optional<unsigned> mtu;
  unsigned snaplen = 0, duration = 0;
  bool json = false;
};

const char* word_of(CheckStep::State state) {
  switch (state) {
    case CheckStep::State::kWorks:
      return "ok";
    case CheckStep::State::kAbsent:
      return "none";
    case CheckStep::State::kFails:
      return "fails";
  }
  return "";
}

void print_steps(const std::vector<CheckStep>& steps) {
  const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  for (const CheckStep& step : steps) {
    std::string what = step.what;
    // a reason may have several lines
    for (std::size_t at = 0; (at = what.find('\n', at)) != what.npos; at += 2)
      what.replace(at, 1, "; ");
    fmt::print("{:<5}  {:<8}  {}\n", word_of(step.state), step.name, printable(what, terminal));
    if (!step.cure.empty()) fmt::print("{:17}cure: {}\n", "", printable(step.cure, terminal));
  }
}

void print_steps_json(const std::string& uri, const std::vector<CheckStep>& steps, bool works) {
  Json json = {{"wire", uri}, {"works", works}, {"steps", Json::array()}};
  for (const CheckStep& step : steps) {
    Json each = {{"step", step.name}, {"state", word_of(step.state)}, {"what", step.what}};
    if (!step.cure.empty()) each["cure"] = step.cure;
    json["steps"].push_back(std::move(each));
  }
  print_json(json);
}

void run_check(NetOptions options, Context& context) {
  if (options.operands.size() != 1) throw UsageFailure("net check needs one URI of a wire");
  options.check.uri = options.operands.front();
  options.check.mtu = options.mtu.value_or(0);
  const std::vector<CheckStep> steps = check_wire(options.check, context.options);
  const bool works = std::ranges::none_of(
      steps, [](const CheckStep& step) { return step.state == CheckStep::State::kFails; });
  if (options.json)
    print_steps_json(options.check.uri, steps, works);
  else
    print_steps(steps);
  if (!works) context.exit = kExitFailed;
}

void run_capture(const NetOptions& options, Context& context) {
  if (options.operands.size() != 2)
    throw UsageFailure("net capture needs the URI of a wire, and a file");
  const CapturedFrames frames = capture_wire({.uri = options.operands[0],
                                              .file = options.operands[1],
                                              .mtu = options.mtu.value_or(0),
                                              .snaplen = options.snaplen,
                                              .seconds = options.duration},
                                             context.options);
  if (options.json)
    print_json({{"in", std::stoull(frames.in)}, {"out", std::stoull(frames.out)}});
  else
    fmt::print(stderr, "{} frames came in, {} went out\n", frames.in, frames.out);
}

void run_net(const NetOptions& options, Context& context) {
  constexpr unsigned kLeastMtu = 68, kMostMtu = 65535;
  if (options.mtu && (*options.mtu < kLeastMtu || *options.mtu > kMostMtu))
    throw UsageFailure("--mtu: is to be from 68 to 65535");
  if (options.what == "check") return run_check(options, context);
  if (options.what == "capture") return run_capture(options, context);
  throw UsageFailure(fmt::format("net {}: there are \"net check URI\" and \"net capture URI FILE\"",
                                 options.what));
}

}  // namespace

Run add_net(Parser parser) {
  auto options = std::make_shared<NetOptions>();
  parser
      .add_option("what", options->what,
                  "check: show what works on a wire; capture: write what goes over it to a file")
      .type_name("check|capture")
      .required();
  parser
      .add_option(
          "operands", options->operands,
          "URI of the wire: slirp:, tap:NAME ...; for capture also the file, in the pcapng format")
      .type_name(" ");
  WireCheckOptions& check = options->check;
  parser
      .add_option("--address", check.addresses,
                  "An address of the kernel, instead of asking for one (again for more)")
      .type_name("ADDRESS/BITS")
      .each_time();
  add_router_options(parser, check.gateways, check.name_servers);
  parser
      .add_option("--name", check.name,
                  "This name must have an address (example.com, which need not)")
      .type_name("NAME");
  parser.add_flag("-4,--ipv4", check.only_v4, "IPv4 only");
  parser.add_flag("-6,--ipv6", check.only_v6, "IPv6 only");
  parser.add_option("--mtu", options->mtu, "Bytes of the largest packet (as the wire has it)")
      .type_name("N");
  parser
      .add_option("--timeout", check.seconds,
                  "Seconds for a DHCP server, and for a router of IPv6 (10)")
      .type_name("N");
  parser
      .add_option("--duration", options->duration,
                  "Capture: for so many seconds, instead of until Ctrl-C")
      .type_name("SECONDS");
  parser.add_option("--snaplen", options->snaplen, "Capture: the first N bytes of each frame")
      .type_name("N");
  parser.add_flag("--json", options->json, "For programs: as JSON");
  return [options](Context& context) { run_net(*options, context); };
}

}  // namespace lkl::tool
