// SPDX-License-Identifier: GPL-2.0
//
// What the cases are made of. Each says what it sees, a line at a time: on the host and by lkl run
// it has to be the same.
#ifndef LKL_TESTS_RUN_ORACLE_H
#define LKL_TESTS_RUN_ORACLE_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <span>
#include <string>

namespace lkl::oracle {

struct Case {
  const char* name;
  void (*run)();
  int times = 1;  // what depends on who is first
};
#define OFTEN(name) \
  { #name, name, 50 }
#define CASE(name) \
  { #name, name }
// A case and the same of a process that has a socket, and so the kernel in it, if that is by the
// preload.
#define CASE_WITH_AND_WITHOUT_SOCKET(name) \
  CASE(name), {#name "_with_a_socket", with_socket<name>}

// By what they are about.
std::span<const Case> streams_cases();
std::span<const Case> options_cases();
std::span<const Case> events_cases();
std::span<const Case> servers_cases();
std::span<const Case> processes_cases();
std::span<const Case> spawn_cases();
std::span<const Case> shell_cases();
std::span<const Case> families_cases();
std::span<const Case> datagrams_cases();
std::span<const Case> signals_cases();
std::span<const Case> names_cases();

// The case that says something from now on.
void begin(const char* name);
// A number, or errno if it is below zero.
void say(const char* what, long result);
void say(const char* what, const std::string& text);

sockaddr_in loopback(int port);
int port_of(int fd);
// The option's value, or a negative error.
int option(int fd, int level, int name);
// SO_ERROR.
std::string error_text(int fd);
int listen_somewhere(int flags = 0);
int connect_to(int port, int flags = 0);
struct Pair {
  int near, far;
};
Pair connected();
void done(const Pair& pair);
int wait_for(int fd, short events, int ms = 2000);
std::string read_text(int fd);
// Over a socket of AF_UNIX; -1 if none has come.
void send_descriptor(int to, int fd);
int take_descriptor(int from);
// Of UDP, with a port.
int datagrams(int flags = 0);
template <void (*run)()>
void with_socket() {
  const int fd = datagrams(SOCK_CLOEXEC);
  run();
  close(fd);
}
// All there is, with blanks for the ends of lines.
std::string read_all(int fd);
// Of a child, as wait() has it.
std::string ending(int status);

}  // namespace lkl::oracle

#endif  // LKL_TESTS_RUN_ORACLE_H
