// SPDX-License-Identifier: GPL-2.0
//
// system() and popen().
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "oracle.h"

namespace lkl::oracle {

namespace {

std::atomic<int> handled;
void count(int) {
  handled++;
}

std::string numbered(const char* line, int number) {
  char text[256];
  snprintf(text, sizeof text, line, number, number);
  return text;
}

void say_closed(const char* what, FILE* stream) {
  const int status = pclose(stream);
  if (status < 0)
    say(what, status);
  else
    say(what, ending(status));
}

// What a command says, and how it ends.
void say_read(const char* what, const std::string& line, const char* mode = "r") {
  FILE* const stream = popen(line.c_str(), mode);
  if (stream == nullptr) return say(what, -1);
  say(what, read_all(fileno(stream)));
  say_closed(what, stream);
}

void popened() {
  say_read("read", "echo text; exit 3");
  say_read("killed", "echo text; kill -KILL $$");
  say_read("no such command", "no-such-command 2>/dev/null");
  int ends[2];
  (void)!pipe2(ends, O_CLOEXEC);
  dup2(ends[1], 9);
  FILE* const stream = popen("cat >&9; exit 4", "w");
  close(9), close(ends[1]);
  fputs("written", stream);
  say("fprintf", fprintf(stream, " %d\n", 7));
  say_closed("written", stream);
  say("written", read_all(ends[0]));
  close(ends[0]);
  for (const char* mode : {"re", "we", "er", "r", "w", "rr"}) {
    FILE* const of_mode = popen("true", mode);
    say(mode, fcntl(fileno(of_mode), F_GETFD));
    say_closed(mode, of_mode);
  }
  for (const char* mode : {"rw", "", "x", "r+", "e", "rb"})
    say(mode, popen("true", mode) == nullptr ? -1 : 0);
  // one way only
  FILE* const in = popen("echo text", "r");
  say("fputs", fputs("text", in));
  clearerr(in);
  char line[16] = "";
  say("fgets", fgets(line, sizeof line, in) != nullptr);
  say("fgets", line);
  say_closed("in", in);
}

// The compiler knows what belongs together.
FILE* of_unknown_origin(FILE* stream) {
  asm("" : "+r"(stream));
  return stream;
}

void popened_is_a_stream() {
  say("fclose", ending(fclose(of_unknown_origin(popen("exit 9", "r")))));
  say("pclose of another", pclose(of_unknown_origin(fopen("/dev/null", "r"))));
  // what cannot be written
  for (const char* line : {"exec true", "exit 6"}) {
    FILE* const ended = popen(line, "w");
    siginfo_t info;
    waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
    fputs("nobody reads it", ended);
    const int status = pclose(ended);
    say("pclose", status < 0 ? "error" : ending(status));
  }
  FILE* const reaped = popen("true", "r");
  waitpid(-1, nullptr, 0);
  say("pclose", pclose(reaped));
}

// A child has no end of another's pipe: that would not come to its end.
void popened_before() {
  FILE* const first = popen("cat >/dev/null; exit 1", "w");
  FILE* const second = popen("cat >/dev/null; exit 2", "w");
  constexpr const char* kThere = "[ -e /proc/$$/fd/%d ] && echo is there; exit 0";
  say_read("to a popened one", numbered(kThere, fileno(first)));
  say("to another", system(numbered("[ -e /proc/$$/fd/%d ]", fileno(first)).c_str()));
  say_closed("first", first);
  FILE* const third = popen("cat >/dev/null; exit 3", "w");
  say_closed("second", second);
  say_closed("third", third);
}

// With numbers that the child needs itself.
void popened_at_low_numbers() {
  const int in = dup(0), out = dup(1);
  fflush(stdout);
  std::vector<std::string> said;
  for (const char* mode : {"r", "w"})
    for (const int closed : {0, 1, 2}) {
      if (closed != 1) close(0);
      if (closed != 0) close(1);
      FILE* const stream =
          popen(*mode == 'r' ? "echo text; exit 3" : "read -r text; [ \"$text\" = text ]", mode);
      FILE* const other = popen("exit 5", "r");
      const int number = fileno(stream);
      std::string text;
      if (*mode == 'r')
        text = read_all(number);
      else
        fputs("text\n", stream);
      const int status = pclose(stream), others = pclose(other);
      dup2(in, 0), dup2(out, 1);
      said.push_back(std::to_string(number) + " " + text + ending(status) + " " + ending(others));
    }
  close(in), close(out);
  for (const std::string& each : said) say("low", each);
}

void systems() {
  fflush(stdout);
  say("shell", system(nullptr));
  say("exit", ending(system("exit 7")));
  say("killed", ending(system("kill -KILL $$")));
  say("no such command", ending(system("no-such-command 2>/dev/null")));
  say("nothing", ending(system("")));
  setenv("ORACLE", "here", 1);
  say("environment", ending(system("[ \"$ORACLE\" = here ]")));
  unsetenv("ORACLE");
  // the child's and ours
  struct sigaction counted = {};
  counted.sa_handler = count;
  for (const int number : {SIGINT, SIGQUIT, SIGCHLD}) sigaction(number, &counted, nullptr);
  handled = 0;
  say("to us", ending(system("kill -INT $PPID; kill -QUIT $PPID; exit 5")));
  say("SIGCHLD", handled);
  say("to it", ending(system("kill -INT $$; exit 5")));
  handled = 0;
  raise(SIGINT), raise(SIGQUIT), raise(SIGCHLD);
  say("handled", handled);
  signal(SIGINT, SIG_IGN);
  say("to it", ending(system("kill -INT $$; exit 5")));
  say("to it", ending(system("kill -QUIT $$; exit 5")));
  struct sigaction now = {};
  sigaction(SIGINT, nullptr, &now);
  say("still ignored", now.sa_handler == SIG_IGN);
  for (const int number : {SIGINT, SIGQUIT, SIGCHLD}) signal(number, SIG_DFL);
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, &before);
  say("blocked", ending(system("kill -USR1 $$; exit 6")));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  say("blocked no longer", ending(system("kill -USR1 $$; exit 6")));
  // it is nobody's then
  signal(SIGCHLD, SIG_IGN);
  say("nobody's", system("exit 3"));
  signal(SIGCHLD, SIG_DFL);
}

// The child ends with its thread.
void system_cancelled() {
  int ends[2];
  (void)!pipe(ends);
  struct sigaction counted = {};
  counted.sa_handler = count;
  sigaction(SIGINT, &counted, nullptr);
  dup2(ends[1], 9);
  std::string line = "echo $$ >&9; exec sleep 100";
  pthread_t thread;
  pthread_create(
      &thread, nullptr,
      [](void* text) -> void* {
        system(static_cast<char*>(text));
        return nullptr;
      },
      line.data());
  char text[16] = {};
  const bool told = read(ends[0], text, sizeof text - 1) > 0;
  say("told", told);
  pthread_cancel(thread);
  void* result = nullptr;
  pthread_join(thread, &result);
  say("cancelled", result == PTHREAD_CANCELED);
  say("child", kill(atoi(text), 0));
  handled = 0;
  raise(SIGINT);
  say("handled", handled);
  signal(SIGINT, SIG_DFL);
  close(ends[0]), close(ends[1]), close(9);
}

// SIGINT is ours again when the last one is through.
void shells_of_threads() {
  struct sigaction counted = {};
  counted.sa_handler = count;
  sigaction(SIGINT, &counted, nullptr);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; thread++)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 20; i++) {
        const int wanted = thread * 20 + i;
        const int status = system(numbered("exit %d", wanted).c_str());
        if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted) wrong++;
        FILE* const stream = popen(numbered("echo %d; exit %d", wanted).c_str(), "r");
        if (read_all(fileno(stream)) != std::to_string(wanted) + " ") wrong++;
        if (WEXITSTATUS(pclose(stream)) != wanted) wrong++;
        FILE* const to = popen("cat >/dev/null", "w");
        fputs("text", to);
        if (pclose(to) != 0) wrong++;
      }
    });
  for (std::thread& thread : threads) thread.join();
  say("wrong", wrong);
  handled = 0;
  raise(SIGINT);
  say("handled", handled);
  signal(SIGINT, SIG_DFL);
}

// Whatever other threads are in the middle of when a child is made.
void shells_of_children() {
  std::atomic<bool> over = false;
  std::thread other([&] {
    while (!over) close(datagrams());
  });
  int wrong = 0;
  for (int i = 0; i < 50; i++) {
    const pid_t child = fork();
    if (child == 0) {
      const int ended = system("exit 3"), closed = pclose(popen("exit 4", "r"));
      _exit(WEXITSTATUS(ended) == 3 && WEXITSTATUS(closed) == 4 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    wrong += status != 0;
  }
  over = true;
  other.join();
  say("wrong", wrong);
}

}  // namespace

std::span<const Case> shell_cases() {
  static constexpr Case kCases[] = {
      CASE_WITH_AND_WITHOUT_SOCKET(popened),
      CASE_WITH_AND_WITHOUT_SOCKET(popened_is_a_stream),
      CASE_WITH_AND_WITHOUT_SOCKET(popened_before),
      CASE_WITH_AND_WITHOUT_SOCKET(popened_at_low_numbers),
      CASE_WITH_AND_WITHOUT_SOCKET(systems),
      CASE_WITH_AND_WITHOUT_SOCKET(system_cancelled),
      CASE_WITH_AND_WITHOUT_SOCKET(shells_of_threads),
      CASE_WITH_AND_WITHOUT_SOCKET(shells_of_children),
  };
  return kCases;
}

}  // namespace lkl::oracle
