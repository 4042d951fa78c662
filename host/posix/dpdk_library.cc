// SPDX-License-Identifier: GPL-2.0
#include "posix/dpdk_library.h"

#include <sched.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <vector>

#include "net/cannot_open.h"

namespace lkl::host {
namespace {

constexpr size_t kMostLines = 6;
// Of which only as much is touched as is in use.
constexpr char kMegabytes[] = "256";

// Lines that the library prints, kept while somebody asks for them.
struct Log {
  std::mutex scope;  // of one who asks
  std::mutex mutex;  // guards what follows
  bool kept = false;
  std::string text;
};
Log the_log;

ssize_t write_log(void*, const char* text, size_t size) {
  const std::lock_guard lock(the_log.mutex);
  if (the_log.kept) the_log.text.append(text, size);
  return static_cast<ssize_t>(size);
}

// One processor that we may use: the library wants to know of one that is its own.
int first_processor() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0)
    for (int i = 0; i < CPU_SETSIZE; ++i)
      if (CPU_ISSET(i, &set)) return i;
  return 0;
}

// No rights are wanted: no huge pages, no files that others share, no devices that nobody has
// named, since all cards that are there for DPDK would be taken (hence one that no machine has).
std::vector<std::string> usual_words() {
  return {
      "--no-huge",      "-m", kMegabytes,     "--no-shconf",
      "--no-telemetry", "-a", "ffff:ff:1f.7", "--lcores=0@" + std::to_string(first_processor())};
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char each : text) {
    if (each != ' ')
      words.back() += each;
    else if (!words.back().empty())
      words.emplace_back();
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

// What the library was started with; it may keep pointers to them.
struct Started {
  std::mutex mutex;
  pid_t process = 0;
  std::optional<std::string> words;
  std::vector<std::string> arguments = {"lkl"};
  std::vector<char*> pointers;
};
Started started;

int start_library(const DpdkCalls& calls) {
  cookie_io_functions_t functions = {};
  functions.write = write_log;
  FILE* const log = ::fopencookie(nullptr, "w", functions);
  if (!log) return -ENOMEM;
  calls.rte_openlog_stream(log);
  calls.rte_log_set_global_level(RTE_LOG_ERR);
  int result = -1;
  Dpdk::on_own_thread([&] {
    result =
        calls.rte_eal_init(static_cast<int>(started.arguments.size()), started.pointers.data());
  });
  return result < 0 ? -EIO : 0;
}

}  // namespace

Dpdk::Messages::Messages() : others_(the_log.scope) {
  const std::lock_guard lock(the_log.mutex);
  the_log.kept = true;
  the_log.text.clear();
}

Dpdk::Messages::~Messages() {
  const std::lock_guard lock(the_log.mutex);
  the_log.kept = false;
}

void Dpdk::Messages::say(const NetUri& uri) const {
  std::string text;
  {
    const std::lock_guard lock(the_log.mutex);
    text = the_log.text;
  }
  for (size_t begin = 0, lines = 0; begin < text.size() && lines < kMostLines; ++lines) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    uri.say("DPDK says: " + text.substr(begin, end - begin));
    begin = end + 1;
  }
}

void Dpdk::run(void (*function)(void*), void* argument) {
  Thread thread;
  if (thread.start("lkl-dpdk", function, argument) == 0)
    thread.join();
  else
    function(argument);
}

const DpdkCalls* Dpdk::start(const NetUri& uri, const std::optional<std::string>& words,
                             int& error) {
  const DpdkCalls* const calls = DpdkCalls::get();
  if (!calls) {
    error = cannot_load(uri, "librte_ethdev.so." + kDpdkAbi, "librte-ethdev" + kDpdkAbi);
    return nullptr;
  }
  // its memory is its parent's, and its locks may be held by threads that are no more
  if (started.process != 0 && started.process != ::getpid()) {
    uri.say("DPDK was started before this process was forked, and works in the other one only");
    error = -EOPNOTSUPP;
    return nullptr;
  }
  const std::lock_guard lock(started.mutex);
  // by us, or by the application
  if (started.process != 0 || calls->rte_lcore_count() > 0) {
    error = words && words != started.words
                ? uri.refuse("DPDK runs already in this process: eal= is for the first wire")
                : 0;
    return error ? nullptr : calls;
  }
  const Messages messages;
  started.arguments.resize(1);
  for (std::string& word : words ? split(*words) : usual_words())
    started.arguments.push_back(std::move(word));
  started.pointers.clear();
  for (std::string& each : started.arguments) started.pointers.push_back(each.data());
  started.pointers.push_back(nullptr);
  error = start_library(*calls);
  if (error) {
    uri.say("DPDK can't be started");
    messages.say(uri);
    return nullptr;
  }
  started.words = words;
  started.process = ::getpid();
  return calls;
}

}  // namespace lkl::host
