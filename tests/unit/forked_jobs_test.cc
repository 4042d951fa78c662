// SPDX-License-Identifier: GPL-2.0
// Work in forks: what crashes and hangs is one outcome, the others go on.
#include "ktest/forked_jobs.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "base/error.h"
#include "base/signals.h"

using namespace lkl::tool;
using namespace std::chrono_literals;

namespace {

int say(int output, std::string_view text) {
  return ::write(output, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1;
}

std::map<std::size_t, JobOutcome> run(const std::vector<ForkedJob>& jobs, unsigned parallel) {
  std::map<std::size_t, JobOutcome> outcomes;
  run_forked(jobs, parallel,
             [&](std::size_t job, JobOutcome outcome) { outcomes[job] = std::move(outcome); });
  return outcomes;
}

}  // namespace

TEST(ForkedJobs, CrashAndHangAreOneOutcomeEach) {
  const std::vector<ForkedJob> jobs = {
      {[](int out) { return say(out, "fine\n"); }, 60s},
      {[](int out) -> int {
         say(out, "about to crash\n");
         signal(SIGABRT, SIG_DFL);
         abort();
       },
       60s},
      {[](int out) -> int {
         say(out, "about to hang\n");
         for (;;) pause();
       },
       300ms},
      {[](int) { return 7; }, 60s},
  };
  for (const unsigned parallel : {1u, 2u, 8u}) {
    auto outcomes = run(jobs, parallel);
    ASSERT_EQ(outcomes.size(), jobs.size());
    EXPECT_EQ(outcomes[0].output, "fine\n");
    EXPECT_EQ(outcomes[0].exit_status, 0);
    EXPECT_EQ(outcomes[0].signal, 0);
    EXPECT_EQ(outcomes[1].output, "about to crash\n");
    EXPECT_EQ(outcomes[1].signal, SIGABRT);
    EXPECT_FALSE(outcomes[1].timed_out);
    EXPECT_EQ(outcomes[2].output, "about to hang\n");
    EXPECT_TRUE(outcomes[2].timed_out);
    EXPECT_GE(outcomes[2].duration.count(), 0.3);
    EXPECT_EQ(outcomes[3].exit_status, 7);
  }
}

TEST(ForkedJobs, MuchOutputFromMany) {
  const std::string line(1000, 'x');
  std::vector<ForkedJob> jobs(20, {[&](int out) {
                                     for (int i = 0; i < 1000; ++i)
                                       if (say(out, line)) return 1;
                                     return 0;
                                   },
                                   60s});
  for (const auto& [job, outcome] : run(jobs, 4)) {
    EXPECT_EQ(outcome.output.size(), 1000u * 1000u);
    EXPECT_EQ(outcome.exit_status, 0);
  }
}

TEST(ForkedJobs, ASignalEndsThemAll) {
  catch_signals();
  raise(SIGTERM);
  const std::vector<ForkedJob> jobs(3, {[](int) -> int {
                                          for (;;) pause();
                                        },
                                        60s});
  EXPECT_THROW(run(jobs, 2), Interrupted);
  clear_signal();
}
