// SPDX-License-Identifier: GPL-2.0
#include "net/impairments.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <span>
#include <string>
#include <string_view>

#include "host.h"

namespace lkl::host {
namespace {

constexpr double kAll = 4294967296.0;
constexpr double kLongest = 3600e9;  // an hour
constexpr uint64_t kMostWaiting = 100'000, kLongestBurst = 1'000'000;

struct Unit {
  std::string_view name;
  double factor;
};
// As tc(8) has them: times without a unit are microseconds, rates are bits a second.
constexpr auto kTimes =
    std::to_array<Unit>({{"", 1e3}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}});
constexpr auto kRates = std::to_array<Unit>({{"", 1. / 8},
                                             {"bit", 1. / 8},
                                             {"kbit", 1e3 / 8},
                                             {"mbit", 1e6 / 8},
                                             {"gbit", 1e9 / 8},
                                             {"bps", 1},
                                             {"kbps", 1e3},
                                             {"mbps", 1e6},
                                             {"gbps", 1e9}});
constexpr auto kShares = std::to_array<Unit>({{"", kAll / 100}, {"%", kAll / 100}});

// A number with one of these units, from `least` to `most`; false, and said, if it is none.
bool take_quantity(NetUri& uri, std::string_view word, std::span<const Unit> units, double least,
                   double most, std::string_view example, uint64_t& result) {
  const std::optional<std::string> text = uri.take(word);
  if (!text) return true;
  double number = 0;
  const char* const last = text->data() + text->size();
  const auto [end, error] = std::from_chars(text->data(), last, number);
  for (const Unit& unit : units)
    if (error == std::errc() && std::string_view(end, last) == unit.name) {
      const double value = number * unit.factor;
      if (!(value >= least && value <= most)) break;
      result = static_cast<uint64_t>(value + 0.5);
      return true;
    }
  uri.refuse(std::string(word) + "=" + *text +
             " is none, or not possible: " + std::string(example));
  return false;
}

bool take_distribution(NetUri& uri, Jitter& result) {
  const std::optional<std::string> name = uri.take("distribution");
  if (!name || *name == "uniform") return true;
  result = *name == "pareto" ? Jitter::kPareto : Jitter::kNormal;
  if (result == Jitter::kPareto || *name == "normal") return true;
  uri.refuse("distribution=" + *name + ": there are uniform, normal and pareto");
  return false;
}

// As many frames are lost as before, so many in a row on the average: Gilbert's chain of two
// states.
bool spread_loss(NetUri& uri, uint64_t burst, Impairments& all) {
  const double lost = static_cast<double>(all.loss), length = static_cast<double>(burst);
  const double begins = lost < kAll ? lost / (length * (1 - lost / kAll)) : kAll + 1;
  if (lost == 0 || begins > kAll) {
    uri.refuse(
        "burst=N is how many of loss=SHARE are lost in a row, of which there are N of N+1 at most");
    return false;
  }
  all.loss_begins = static_cast<uint64_t>(std::max(1., begins + 0.5));
  all.loss_goes_on = static_cast<uint64_t>(kAll - kAll / length + 0.5);
  return true;
}

uint64_t mix(uint64_t state) {
  state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9u;
  state = (state ^ state >> 27) * 0x94d049bb133111ebu;
  return state ^ state >> 31;
}

// How much later than the delay, or earlier. Numbers that are drawn are of 64 bits.
template <class Draw>
int64_t away_from_delay(const Impairments& impairments, const Draw& draw) {
  const auto share = [&] { return static_cast<double>(draw() >> 32) / kAll; };
  double deviations = 0;
  switch (impairments.distribution) {
    case Jitter::kUniform:
      return static_cast<int64_t>(draw() % (2 * impairments.jitter_ns + 1)) -
             static_cast<int64_t>(impairments.jitter_ns);
    case Jitter::kNormal:
      // as good as that: the sum of twelve even ones
      for (int i = 0; i < 12; ++i) deviations += share() - 0.5;
      break;
    case Jitter::kPareto: {
      // of shape 3, whose mean is 1.5, and the variance 0.75; a few would be farther
      constexpr double kFarthest = 8;
      deviations = (1 / std::cbrt(share() + 1 / kAll) - 1.5) / std::sqrt(0.75);
      deviations = std::min(deviations, kFarthest);
      break;
    }
  }
  return static_cast<int64_t>(static_cast<double>(impairments.jitter_ns) * deviations);
}

}  // namespace

int Impairments::take(NetUri& uri, std::optional<Impairments>& result) {
  Impairments all;
  const Impairments none;
  uint64_t seed = 0, burst = 0;
  if (!take_quantity(uri, "delay", kTimes, 0, kLongest, "10ms", all.delay_ns) ||
      !take_quantity(uri, "jitter", kTimes, 0, kLongest, "2ms", all.jitter_ns) ||
      !take_quantity(uri, "rate", kRates, 1, 1e15, "100mbit", all.rate) ||
      !take_quantity(uri, "loss", kShares, 0, kAll, "1%", all.loss) ||
      !take_quantity(uri, "duplicate", kShares, 0, kAll, "1%", all.duplicate) ||
      !take_quantity(uri, "reorder", kShares, 0, kAll, "5%", all.reorder) ||
      !take_quantity(uri, "corrupt", kShares, 0, kAll, "0.1%", all.corrupt) ||
      !take_distribution(uri, all.distribution) ||
      !uri.take_number("burst", 1, kLongestBurst, burst) ||
      !uri.take_number("limit", 1, kMostWaiting, all.limit) ||
      !uri.take_number("seed", 1, UINT64_MAX, seed))
    return -EINVAL;
  if (all.jitter_ns > all.delay_ns) return uri.refuse("jitter is part of delay: it can't be more");
  if (all.distribution != none.distribution && !all.jitter_ns)
    return uri.refuse("distribution is of jitter=TIME");
  if (burst && !spread_loss(uri, burst, all)) return -EINVAL;
  if (all.reorder && !all.delay_ns)
    return uri.refuse("reorder needs delay: it is what others do not wait for");
  const bool any = all.delay_ns || all.rate || all.loss || all.duplicate || all.corrupt;
  if (!any) {
    if (seed || all.limit != none.limit)
      return uri.refuse("limit and seed are of delay, rate, loss, duplicate, reorder, corrupt");
    return 0;
  }
  if (seed == 0 && !random_bytes(std::as_writable_bytes(std::span(&seed, 1))))
    seed = monotonic_ns();
  all.seed = seed;
  result = all;
  return 0;
}

Fate fate_of(const Impairments& impairments, uint64_t number, bool lost_before) {
  uint64_t state = mix(impairments.seed + 0x9e3779b97f4a7c15u) ^ mix(number + 1);
  const auto draw = [&] { return mix(state += 0x9e3779b97f4a7c15u); };
  const auto happens = [&](uint64_t share) { return draw() >> 32 < share; };
  const bool bursts = impairments.loss_begins != 0;
  const uint64_t after = lost_before ? impairments.loss_goes_on : impairments.loss_begins;
  Fate fate;
  fate.lost = happens(bursts ? after : impairments.loss);
  fate.duplicated = happens(impairments.duplicate);
  fate.at_once = happens(impairments.reorder);
  fate.corrupted = happens(impairments.corrupt);
  fate.where = draw();
  fate.delay_ns = impairments.delay_ns;
  if (impairments.jitter_ns) {
    const int64_t away = away_from_delay(impairments, draw);
    const int64_t delay = static_cast<int64_t>(impairments.delay_ns) + away;
    fate.delay_ns = static_cast<uint64_t>(std::max<int64_t>(0, delay));
  }
  return fate;
}

}  // namespace lkl::host
