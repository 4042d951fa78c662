// SPDX-License-Identifier: GPL-2.0
//
// What sockets do, a line a case. Run on the host and by lkl run it has to say the same.
#include "oracle.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

namespace {

using namespace lkl::oracle;

constexpr std::span<const Case> (*kThemes[])() = {
    streams_cases,  options_cases,   events_cases, servers_cases, processes_cases, spawn_cases,
    families_cases, datagrams_cases, shell_cases,  signals_cases, names_cases};

}  // namespace

// Without a word: the names of the cases. With one: that case.
int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  alarm(60);
  for (const auto theme : kThemes)
    for (const Case& one : theme()) {
      if (argc < 2) {
        puts(one.name);
        continue;
      }
      if (strcmp(argv[1], one.name) != 0 && strcmp(argv[1], "all") != 0) continue;
      begin(one.name);
      for (int i = 0; i < one.times; i++) one.run();
      fflush(stdout);
    }
}
