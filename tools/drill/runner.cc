// SPDX-License-Identifier: GPL-2.0
#include "drill/runner.h"

#include <fmt/format.h>
#include <lkl.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/error.h"
#include "drill/caller.h"
#include "drill/calls.h"
#include "drill/conversation.h"
#include "drill/guest.h"
#include "drill/held_up.h"
#include "drill/python_code.h"
#include "drill/shell.h"

namespace lkl::tool::drill {

namespace {

// For what is late beyond all tolerance, so that it can be said how late it is.
constexpr std::int64_t kGrace = 1'000'000;
// The host wakes nobody at the very microsecond.
constexpr std::int64_t kHeldUp = 1'000;
// After that the kernel may well have sent something once more.
constexpr std::int64_t kLongWait = 20'000;
constexpr std::int64_t kAnyTime = 60'000'000;
constexpr std::chrono::milliseconds kMostOfACall(5000);
// A call that is to block gets so long to do so before the script goes on.
constexpr std::int64_t kToBlock = 500;

std::string seconds(std::int64_t us) {
  return fmt::format("{:.6f}", static_cast<double>(us) / 1e6);
}

class Runner {
 public:
  Runner(const Script& script, const Settings& settings)
      : script_(script),
        settings_(settings),
        shell_(script.folder),
        calls_(settings_, script.name),
        conversation_(settings_),
        python_(script.name) {}

  RunReport run() {
    const std::int64_t waited = waited_for_processors();
    report_.passed = guarded(0, [&] { run_events(); }) && report_.passed;
    for (const auto& [line, text] : script_.end)
      report_.passed = guarded(line, [&, &text = text] { run_command(text); }) && report_.passed;
    if (!report_.passed) doubt(waited_for_processors() - waited);
    return std::move(report_);
  }

 private:
  void doubt(std::int64_t waited) {
    for (const Pause& pause : pauses_) waited = std::max(waited, pause.end - pause.begin);
    if (certain_ || waited <= (off_ ? settings_.tolerance_us / 2 : kLongWait)) return;
    report_.doubt = off_ ? RunReport::Doubt::kOfTimes : RunReport::Doubt::kOfPackets;
    report_.messages.push_back(
        fmt::format("(the host has kept this process from running for {} ms meanwhile)",
                    static_cast<double>(waited) / 1000));
  }

  // Takes what is thrown into the report; whether nothing was. Mismatches have no line of their
  // own.
  template <class Body>
  bool guarded(int line, const Body& body) {
    try {
      body();
      return true;
    } catch (const ScriptError& error) {
      report_.messages.emplace_back(error.what());
    } catch (const std::exception& error) {
      report_.messages.push_back(located(line, error.what()));
    }
    return false;
  }
  std::string located(int line, const std::string& message) const {
    return line > 0 ? fmt::format("{}:{}: {}", script_.name, line, message)
                    : fmt::format("{}: {}", script_.name, message);
  }
  // What differs ends the run, unless the user wants to see more.
  void differs(int line, const std::string& message, bool allowed) {
    report_.messages.push_back(located(line, message));
    if (!allowed) throw Ended();
  }
  // The same of a time.
  void is_off(int line, const std::string& message, bool allowed) {
    off_ = true;
    differs(line, message, allowed);
  }
  struct Ended {};

  void run_events() {
    report_.passed = true;
    network_.emplace(settings_.network);
    int line = 0;
    try {
      for (const auto& [begin, text] : script_.begin) {
        line = begin;
        run_command(text);
      }
      begin_ = guest_time();
      for (const Event& event : script_.events) {
        line = event.line;
        run_event(event);
      }
      finish_call();
    } catch (const Ended&) {
      report_.passed = false;
    } catch (const ScriptError& error) {
      report_.messages.emplace_back(error.what());
      report_.passed = false;
    } catch (const std::exception& error) {
      report_.messages.push_back(located(line, error.what()));
      report_.passed = false;
    }
    // Of what was asserted up to there, too. It has lines of its own.
    try {
      python_.judge();
    } catch (const Mismatch& error) {
      report_.messages.emplace_back(error.what());
      report_.passed = false;
    }
  }

  void run_command(const std::string& text) {
    const int status = shell_.run(text);
    std::string said = shell_.take_errors();
    if (status == 0) return;
    while (said.ends_with('\n')) said.pop_back();
    throw Mismatch(fmt::format("the command `{}` has failed (status {}){}", text, status,
                               said.empty() ? "" : ":\n  " + said));
  }

  void run_event(const Event& event) {
    const std::int64_t at = event.time.any        ? last_
                            : event.time.relative ? last_ + event.time.at
                                                  : event.time.at;
    const std::int64_t before = last_;
    last_ = at;
    if (const auto* packet = std::get_if<PacketSpec>(&event.action)) {
      if (packet->inbound) {
        wait_for(at);
        send(*packet);
      } else {
        expect(event, *packet, at, before);
      }
    } else if (std::holds_alternative<SystemCall>(event.action)) {
      finish_call();
      wait_for(at);
      call(event, at, before);
    } else if (const auto* command = std::get_if<Command>(&event.action)) {
      wait_for(at);
      run_command(command->text);
    } else {
      wait_for(at);
      python_.add(event.line, std::get<Code>(event.action).text, calls_.connection());
    }
  }

  // Until it is that time. If it is much later than that, since this process was held up, all that
  // follows is so much later: times are between what the script does and what the kernel does then.
  void wait_for(std::int64_t at) {
    sleep_until(live_time(at));
    began(at, guest_time());
  }
  void began(std::int64_t at, std::int64_t really) {
    const std::int64_t due = live_time(at);
    if (really - due > kHeldUp) pauses_.push_back({due, really});
  }

  // From the script's time to guest_time(), for what has not been yet.
  std::int64_t live_time(std::int64_t at) const {
    std::int64_t live = begin_ + at;
    for (const Pause& pause : pauses_) live += pause.end - pause.begin;
    return live;
  }
  // Back. The script's clock stands still in pauses.
  std::int64_t script_time(std::int64_t live) const {
    std::int64_t at = live - begin_;
    for (const Pause& pause : pauses_)
      if (live > pause.begin) at -= std::min(live, pause.end) - pause.begin;
    return at;
  }

  std::int64_t tolerance(std::int64_t at, std::int64_t before) const {
    const double share = settings_.tolerance_percent / 100 * static_cast<double>(at - before);
    return std::max(settings_.tolerance_us, static_cast<std::int64_t>(share));
  }

  void send(const PacketSpec& packet) {
    const long error = network_->send(build_packet(conversation_.to_wire(packet)));
    if (error < 0)
      throw Mismatch(fmt::format("the kernel does not take {}: {}", to_text(packet),
                                 lkl_strerror(static_cast<int>(error))));
  }

  void expect(const Event& event, const PacketSpec& expected, std::int64_t at,
              std::int64_t before) {
    if (std::holds_alternative<IcmpSpec>(expected.content))
      throw ScriptError(located(event.line, "packets of ICMP from the kernel are not known here"));
    const std::int64_t spare = tolerance(at, before);
    const EventTime& time = event.time;
    std::int64_t latest = at;
    if (time.latest) latest = time.relative ? before + *time.latest : *time.latest;
    const std::int64_t limit = time.any ? kAnyTime : kGrace + spare;
    const bool allowed = settings_.packets_may_differ;
    const std::optional<Seen> seen = see(expected, live_time(latest + limit));
    if (!seen) {
      certain_ = true;
      differs(event.line,
              fmt::format("the kernel has sent no packet\n  expected: {} {}", seconds(at),
                          to_text(expected)),
              allowed);
      return;
    }
    const std::int64_t when = script_time(seen->time);
    const PacketSpec& actual = seen->packet;
    if (time.any || time.latest) last_ = when;
    const auto both = [&] {
      return fmt::format("\n  expected: {} {}\n  actual:   {} {}", seconds(at), to_text(expected),
                         seconds(when), to_text(actual));
    };
    if (!seen->difference.empty()) {
      differs(event.line,
              fmt::format("the kernel's packet has other {}{}", seen->difference, both()), allowed);
      return;
    }
    conversation_.remember_time_stamp(expected, actual);
    if (time.any || (when >= at - spare && when <= latest + spare)) return;
    is_off(event.line,
           fmt::format("the kernel's packet comes {} ms too {}{}",
                       static_cast<double>(when < at ? at - when : when - latest) / 1000,
                       when < at ? "early" : "late", both()),
           allowed);
  }

  // A packet of the kernel, in the script's numbers, and what is wrong with it.
  struct Seen {
    std::int64_t time = 0;
    PacketSpec packet;
    WirePacket wire;
    std::string difference;
  };

  std::optional<Seen> see_one(const PacketSpec& expected, std::int64_t deadline) {
    const std::optional<Captured> captured = network_->receive(deadline);
    if (!captured) return std::nullopt;
    Seen seen;
    seen.time = captured->time;
    seen.wire = captured->packet;
    seen.packet = conversation_.to_script(seen.wire);
    seen.difference = conversation_.difference(expected, seen.packet, seen.wire);
    return seen;
  }

  // The next one. How the kernel cuts what it sends into packets depends on more than a script can
  // know: several in a row are as good as one with all that they have.
  std::optional<Seen> see(const PacketSpec& expected, std::int64_t deadline) {
    std::optional<Seen> seen = see_one(expected, deadline);
    if (!seen) return seen;
    auto* const whole = std::get_if<TcpSpec>(&seen->packet.content);
    const auto* const wanted = std::get_if<TcpSpec>(&expected.content);
    while (whole != nullptr && wanted != nullptr && whole->first == wanted->first &&
           whole->length > 0 && whole->length < wanted->length) {
      const std::optional<Seen> more = see_one(expected, deadline);
      const auto* const next = more ? std::get_if<TcpSpec>(&more->packet.content) : nullptr;
      if (next == nullptr || next->first != whole->last || next->length == 0) break;
      TcpSpec sum = *next;
      sum.first = whole->first;
      sum.length = whole->length + next->length;
      *whole = sum;
      seen->difference = conversation_.difference(expected, seen->packet, more->wire);
    }
    return seen;
  }

  void call(const Event& event, std::int64_t at, std::int64_t before) {
    pending_.emplace(Pending{&event, calls_.prepare(event), 0, tolerance(at, before)});
    if (event.time.end)
      pending_->end = event.time.relative ? before + *event.time.end : *event.time.end;
    began(at, caller_.start(pending_->prepared.run));
    if (event.time.end)
      sleep_until(guest_time() + kToBlock);
    else
      finish_call();
  }

  // Of one that has been begun.
  void finish_call() {
    if (!pending_) return;
    const Pending pending = std::move(*pending_);
    pending_.reset();
    const auto& system_call = std::get<SystemCall>(pending.event->action);
    const bool blocks = pending.event->time.end.has_value();
    auto limit = kMostOfACall;
    if (blocks)
      limit += std::chrono::ceil<std::chrono::milliseconds>(std::chrono::microseconds(
          std::max<std::int64_t>(live_time(pending.end) - guest_time(), 0)));
    const std::optional<Caller::Result> result = caller_.wait(limit);
    const int line = pending.event->line;
    if (!result) {
      certain_ = true;
      report_.messages.push_back(
          located(line, fmt::format("{}() does not return", system_call.name)));
      throw Ended();
    }
    try {
      calls_.finish(system_call, pending.prepared, result->value);
    } catch (const Mismatch& mismatch) {
      differs(line, fmt::format("{}(): {}", system_call.name, mismatch.what()),
              settings_.calls_may_differ);
    }
    const std::int64_t off = script_time(result->time) - pending.end;
    if (blocks && std::abs(off) > pending.spare)
      is_off(line,
             fmt::format("{}() returns {} ms too {}", system_call.name,
                         static_cast<double>(std::abs(off)) / 1000, off < 0 ? "early" : "late"),
             settings_.calls_may_differ);
  }

  struct Pending {
    const Event* event;
    PreparedCall prepared;
    std::int64_t end;
    std::int64_t spare;
  };

  const Script& script_;
  const Settings& settings_;
  GuestShell shell_;
  Calls calls_;
  Conversation conversation_;
  PythonCode python_;
  std::optional<GuestNetwork> network_;
  Caller caller_;
  std::optional<Pending> pending_;
  RunReport report_;
  struct Pause {
    std::int64_t begin, end;  // by guest_time()
  };
  std::vector<Pause> pauses_;
  std::int64_t begin_ = 0;  // when the script began, by guest_time()
  bool off_ = false;        // a time is
  bool certain_ = false;    // what is wrong is wrong on any host
  std::int64_t last_ = 0;   // of the event before, by the script
};

}  // namespace

RunReport run_script(const Script& script, const Settings& settings) {
  return Runner(script, settings).run();
}

}  // namespace lkl::tool::drill
