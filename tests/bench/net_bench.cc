// SPDX-License-Identifier: GPL-2.0
// The network: lkl_bench_net
//
// Each network of the library beside what it is compared with, in turns: `ratio` is the median of
// the pairs, library / other; of time for "rtt" (less is better), else of what was done in a time.
// All of it in network name spaces of its own, which take root or user name spaces, and ip(8).
// --benchmark_filter=PAIR/MEASURE chooses, as "tap_veth/in".
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "actor.h"
#include "http.h"

namespace {

using namespace lkl_bench;

bool shell(const std::string& command) {
  return std::system(command.c_str()) == 0;
}

// Also what programs beside us send is by the kernel's default, as it is here (kernels.h), if the
// host lets us. False without the rights to a network.
bool own_network() {
  if (unshare(CLONE_NEWNET) != 0) return false;
  shell("echo cubic 2>/dev/null > /proc/sys/net/ipv4/tcp_congestion_control");
  return true;
}

template <class K>
Result run_http(const char* server, uint64_t amount) {
  const auto begin = std::chrono::steady_clock::now();
  const uint64_t good = ask_http<K>(server, amount);
  if (good != amount) {
    std::fprintf(stderr, "lkl_bench_net: %s: %lu of %lu requests failed\n", server,
                 static_cast<unsigned long>(amount - good), static_cast<unsigned long>(amount));
    std::abort();
  }
  return {.ns = static_cast<uint64_t>(
              std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count()),
          .done = amount};
}

template <class K>
Actor::Run client(const char* server) {
  auto client = std::make_shared<Client<K>>(server);
  return [client, server](Want want, uint64_t amount) {
    return want == Want::kHttp ? run_http<K>(server, amount) : client->run(want, amount);
  };
}

void quiet(const char*, int) {}

// A kernel with a card on this wire. Aborts if it can't be.
void boot(const char* uri, const char* own) {
  static lkl_host_operations ops = {};
  ops.print = quiet;
  lkl_netdev* nd = nullptr;
  if (lkl_init(&ops) || lkl_start_kernel("mem=256M loglevel=0")) std::abort();
  if (lkl_netdev_open(uri, nullptr, &nd)) std::abort();
  const int index = lkl_netdev_get_ifindex(lkl_netdev_add(nd, nullptr));
  if (lkl_if_set_ipv4(index, inet_addr(own), 24) || lkl_if_up(index)) std::abort();
}

// ---- the networks ----

bool nothing_to_arrange(pid_t, const Actor::Meeting&) {
  return true;
}

// In a name space of its own, with one end of a pair of veth; the other one, which has an address,
// is the server's. `begin` is called when both are there.
template <class Begin>
std::unique_ptr<Actor> beyond_veth(const std::string& name, const std::string& server,
                                   Begin begin) {
  return std::make_unique<Actor>(
      [begin](const Actor::Meeting& meeting) {
        if (!own_network()) std::abort();
        meeting.meet();
        meeting.meet();  // the interface is there
        return begin();
      },
      [name, server](pid_t pid, const Actor::Meeting& meeting) {
        meeting.meet();
        const bool there = shell("ip link add " + name + " type veth peer name " + name +
                                 " netns " + std::to_string(pid) + " && ip addr add " + server +
                                 "/24 dev " + name + " && ip link set " + name + " up");
        meeting.meet();
        return there;
      });
}

// The host's stack on both sides.
std::unique_ptr<Actor> veth() {
  return beyond_veth("veth0", "10.9.2.1", [] {
    if (!shell("ip addr add 10.9.2.2/24 dev veth0 && ip link set veth0 up")) std::abort();
    return client<Host>("10.9.2.1");
  });
}

// Of one of our own, whose number makes the names.
std::unique_ptr<Actor> tap_of(const std::string& number) {
  return std::make_unique<Actor>(
      [number](const Actor::Meeting&) {
        const std::string name = "lkltap" + number, net = "10.9." + number;
        static std::string host;
        host = net + ".1";
        boot(("tap:" + name).c_str(), (net + ".2").c_str());
        if (!shell("ip addr add " + host + "/24 dev " + name + " && ip link set " + name + " up"))
          std::abort();
        return client<Library>(host.c_str());
      },
      nothing_to_arrange);
}

std::unique_ptr<Actor> tap() {
  return tap_of("1");
}

std::unique_ptr<Actor> other_tap() {
  return tap_of("3");
}

// On an interface of the host that has no address there.
std::unique_ptr<Actor> raw() {
  return beyond_veth("veth4", "10.9.4.1", [] {
    if (!shell("ip link set veth4 up")) std::abort();
    boot("raw:veth4", "10.9.4.2");
    return client<Library>("10.9.4.1");
  });
}

// ---- between two kernels, and one network that the host has for itself ----

constexpr char kSwitchServer[] = "10.9.5.1", kSwitch[] = "switch:lkl-bench";

// Connections are accepted on both ports.
template <class K>
void wait_for(const char* server) {
  for (const uint16_t port : {kPort, kHttpPort})
    for (bool there = false; !there;) {
      const int fd = K::socket();
      there = K::connect(fd, address_of(server, port)) == 0;
      K::close(fd);
    }
}

std::unique_ptr<Actor> on_switch() {
  static std::unique_ptr<Process> server;
  if (!server)
    server = std::make_unique<Process>([] {
      boot(kSwitch, kSwitchServer);
      std::thread(serve_http<Library>).detach();
      serve<Library>();
    });
  return std::make_unique<Actor>(
      [](const Actor::Meeting&) {
        boot(kSwitch, "10.9.5.2");
        wait_for<Library>(kSwitchServer);
        return client<Library>(kSwitchServer);
      },
      nothing_to_arrange);
}

std::unique_ptr<Actor> loopback() {
  return std::make_unique<Actor>([](const Actor::Meeting&) { return client<Host>("127.0.0.1"); },
                                 nothing_to_arrange);
}

// ---- networks that a program makes, without rights ----

constexpr char kSlirpHost[] = "10.0.2.2", kSlirpOwn[] = "10.0.2.15";

std::unique_ptr<Actor> library_on(const std::string& uri) {
  return std::make_unique<Actor>(
      [uri](const Actor::Meeting&) {
        boot(uri.c_str(), kSlirpOwn);
        return client<Library>(kSlirpHost);
      },
      nothing_to_arrange);
}

// The host's stack in a name space whose network this command makes: "%" is a process in it.
std::unique_ptr<Actor> namespace_by(const std::string& program, std::string command) {
  return std::make_unique<Actor>(
      [](const Actor::Meeting& meeting) {
        if (!own_network()) std::abort();
        meeting.meet();
        return client<Host>(kSlirpHost);
      },
      [program, command](pid_t pid, const Actor::Meeting& meeting) mutable {
        static std::vector<std::unique_ptr<Process>> programs;
        if (!shell("command -v " + program + " >/dev/null")) {
          std::fprintf(stderr, "lkl_bench_net: no %s here (Debian: slirp4netns, passt)\n",
                       program.c_str());
          return false;
        }
        meeting.meet();
        command.replace(command.find('%'), 1, std::to_string(pid));
        programs.push_back(std::make_unique<Process>([&] {
          execl("/bin/sh", "sh", "-c", ("exec " + command + " >/dev/null 2>&1").c_str(), nullptr);
        }));
        return true;
      });
}

template <int mtu>
std::unique_ptr<Actor> slirp() {
  return library_on("slirp:,mtu=" + std::to_string(mtu));
}
template <int mtu>
std::unique_ptr<Actor> slirp4netns() {
  return namespace_by("slirp4netns",
                      "slirp4netns --configure --mtu=" + std::to_string(mtu) + " % tap0");
}
// A network of their own, with the host as the gateway, on an interface that is always there.
template <int mtu>
std::unique_ptr<Actor> passt() {
  return library_on("passt:,i=lo,a=10.0.2.15,n=24,g=10.0.2.2,D=none,M=52:55:0a:00:02:02,mtu=" +
                    std::to_string(mtu));
}
// Which opens no name space by /proc once it has less rights, and has nothing to do with a user's.
template <int mtu>
std::unique_ptr<Actor> pasta() {
  return namespace_by(
      "pasta",
      "unshare --mount sh -c 'mount -t tmpfs none /mnt && touch /mnt/net && "
      "mount --bind /proc/%/ns/net /mnt/net && exec pasta --foreground --config-net -i lo -I tap0 "
      "-a 10.0.2.15 -n 24 -g 10.0.2.2 -D none -M 52:55:0a:00:02:02 -t none -u none -T none -U none "
      "--runas 0 --netns-only --netns /mnt/net -m " +
          std::to_string(mtu) + "'");
}

// ---- comparing ----

// One of the two, made anew when it was stuck.
class Side final {
 public:
  using Make = std::unique_ptr<Actor> (*)();
  explicit Side(Make make) : make_(make), actor_(make()) {}
  bool there() const { return actor_->there(); }
  std::optional<Result> run(Want want, uint64_t amount) {
    const std::optional<Result> result = actor_->run(want, amount);
    if (!result) {
      actor_.reset();
      actor_ = make_();
    }
    return result;
  }

 private:
  const Make make_;
  std::unique_ptr<Actor> actor_;
};

void compare(benchmark::State& state, Side& ours, Side& theirs, Want want, uint64_t amount) {
  std::vector<double> ratios;
  uint64_t done = 0;
  const auto run = [&](Side& side) {
    const auto result = side.run(want, amount);
    if (!result) {
      state.SkipWithError(&side == &ours ? "the library came to no end"
                                         : "the other came to no end");
    }
    return result;
  };
  // the first one fills caches and opens windows
  if (!run(theirs) || !run(ours)) return;
  for (auto _ : state) {
    const auto other = run(theirs), own = other ? run(ours) : std::nullopt;
    if (!own) return;
    state.SetIterationTime(static_cast<double>(own->ns) / 1e9);
    const auto speed = [](const Result& result) {
      return static_cast<double>(result.done) / static_cast<double>(result.ns);
    };
    ratios.push_back(want == Want::kEcho ? speed(*other) / speed(*own)
                                         : speed(*own) / speed(*other));
    done += own->done;
  }
  std::ranges::sort(ratios);
  state.counters["ratio"] = ratios[ratios.size() / 2];
  state.counters["done"] =
      benchmark::Counter(static_cast<double>(done), benchmark::Counter::kIsRate);
}

struct Measure {
  const char* name;
  Want want;
  uint64_t amount;
};
const Measure kMeasures[] = {{"out", Want::kTake, 256 << 20},
                             {"in", Want::kGive, 256 << 20},
                             {"rtt", Want::kEcho, 5000},
                             {"datagrams", Want::kCount, 100000},
                             {"http", Want::kHttp, 10000}};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (!own_network() && (unshare(CLONE_NEWUSER) || !own_network())) {
    std::fputs("lkl_bench_net: no network name spaces here\n", stderr);
    return 1;
  }
  const rlimit descriptors = {.rlim_cur = 8192, .rlim_max = 8192};
  setrlimit(RLIMIT_NOFILE, &descriptors);
  if (!shell("ip link set lo up")) return 1;
  const Process server([] { serve<Host>(); }), http_server([] { serve_http<Host>(); });

  // what is compared, in turns: one pair after the other
  struct Pair {
    const char* name;
    Side::Make ours, theirs;
    unsigned part = 1;  // of the amounts, for what is slower
  };
  const Pair pairs[] = {{"tap_veth", tap, veth},
                        {"raw_tap", raw, other_tap},
                        {"switch_loopback", on_switch, loopback},
                        {"slirp1500_slirp4netns", slirp<1500>, slirp4netns<1500>, 8},
                        {"slirp65520_slirp4netns", slirp<65520>, slirp4netns<65520>, 4},
                        {"passt1500_pasta", passt<1500>, pasta<1500>, 8},
                        {"passt65520_pasta", passt<65520>, pasta<65520>, 4}};
  std::vector<std::unique_ptr<Side>> sides;
  for (const Pair& pair : pairs) {
    Side& ours = *sides.emplace_back(std::make_unique<Side>(pair.ours));
    Side& theirs = *sides.emplace_back(std::make_unique<Side>(pair.theirs));
    if (!ours.there() || !theirs.there()) continue;
    for (const Measure& measure : kMeasures)
      benchmark::RegisterBenchmark((std::string(pair.name) + "/" + measure.name).c_str(),
                                   [&ours, &theirs, measure, &pair](benchmark::State& state) {
                                     compare(state, ours, theirs, measure.want,
                                             measure.amount / pair.part);
                                   })
          ->UseManualTime()
          ->Iterations(15)
          ->Unit(benchmark::kMillisecond);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
