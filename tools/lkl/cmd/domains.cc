// SPDX-License-Identifier: GPL-2.0
//
// lkl domains
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/format.h"
#include "base/json.h"
#include "image/hypervisor.h"
#include "lkl/commands.h"

namespace lkl::tool {

namespace {

struct DomainsOptions {
  std::vector<std::string> operands;
  bool json = false;
};

Json to_json(const DomainDisk& disk) {
  Json json;
  json["target"] = disk.target;
  json["device"] = disk.device;
  json["type"] = disk.type;
  json["format"] = disk.format.empty() ? Json() : Json(disk.format);
  json["source"] = disk.source.empty() ? Json() : Json(disk.source);
  json["readonly"] = disk.read_only;
  if (!disk.image.text.empty()) json["image"] = disk.image.text;
  if (!disk.problem.empty()) json["problem"] = disk.problem;
  return json;
}

Json to_json(const Domain& domain) {
  Json json;
  json["id"] = domain.id ? Json(*domain.id) : Json();
  json["name"] = domain.name;
  json["uuid"] = domain.uuid;
  json["state"] = domain.state;
  json["in_use"] = !domain.in_use().empty();
  json["disks"] = Json::array();
  for (const DomainDisk& disk : domain.disks) json["disks"].push_back(to_json(disk));
  return json;
}

class Listing {
 public:
  explicit Listing(bool verbose) : verbose_(verbose) {}

  void print(const Domain& domain) const {
    fmt::print("{:>4}  {}  {}{}\n", domain.id ? fmt::format("{}", *domain.id) : "-",
               shown(domain.name), domain.state,
               domain.in_use().empty() ? "" : ", its disks are in use");
    if (verbose_) fmt::print("      uuid {}\n", domain.uuid);
    for (const DomainDisk& disk : domain.disks)
      if (verbose_ || disk.wanted()) print(disk);
  }

 private:
  void print(const DomainDisk& disk) const {
    fmt::print("      {:<4}  {:<6}  {}{}\n", disk.target, disk.format.empty() ? "-" : disk.format,
               disk.source.empty() ? "(empty)" : shown(disk.source),
               disk.read_only ? "  (read-only)" : "");
    if (!verbose_) return;
    fmt::print("            {}, {}\n", disk.device, disk.type);
    if (!disk.image.text.empty()) fmt::print("            image   {}\n", shown(disk.image.text));
    if (!disk.problem.empty()) fmt::print("            problem {}\n", shown(disk.problem));
  }

  std::string shown(const std::string& text) const { return printable(text, terminal_); }

  bool verbose_;
  bool terminal_ = ::isatty(STDOUT_FILENO) != 0;
};

void run_domains(const DomainsOptions& options, Context& context) {
  const Hypervisor hypervisor(context.options.connect);
  std::vector<Domain> domains;
  if (options.operands.empty()) domains = hypervisor.domains();
  for (const std::string& name : options.operands) {
    try {
      domains.push_back(hypervisor.find(name));
    } catch (const Failure& failure) {
      context.diagnostics.error(failure.what());
    }
  }
  if (options.json) {
    Json all = Json::array();
    for (const Domain& domain : domains) all.push_back(to_json(domain));
    print_json(all);
    return;
  }
  const Listing listing(context.options.verbose > 0);
  for (const Domain& domain : domains) listing.print(domain);
}

}  // namespace

Run add_domains(Parser parser) {
  auto options = std::make_shared<DomainsOptions>();
  parser.add_option("operands", options->operands, "[DOMAIN...]").type_name(" ");
  parser.add_flag("--json", options->json, "For programs: as JSON");
  return [options](Context& context) { run_domains(*options, context); };
}

}  // namespace lkl::tool
