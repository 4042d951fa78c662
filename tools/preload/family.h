// SPDX-License-Identifier: GPL-2.0
//
// A process and its children: who has a kernel, and for whom.
//
// A child of a process with a kernel is served by that, from the beginning. One of a process
// without is as that is: with its first socket it has a kernel of its own. But what it executes is
// served by the parent: so the programs of a shell's line have one network. The parent has a kernel
// then, too, with the first call that needs one.
//
// They talk by a pair of sockets for each child (SOCK_SEQPACKET).
#ifndef LKL_TOOL_PRELOAD_FAMILY_H
#define LKL_TOOL_PRELOAD_FAMILY_H

#include <linux/filter.h>
#include <sys/types.h>

#include <span>

namespace lkl::preload {

struct Request {
  enum What : int {
    kJoin,   // it wants to be served, and has its channel by this number: to be answered while that
             // can still be refused
    kAdopt,  // the same of its own child, whose end of the pair goes with it
    kBegin,  // it is under its filter: the number of its listener there
    kClaim,  // it uses what it has inherited, a descriptor of the kernel's: what is its instead
    kClose   // it does not use that any more
  };
  What what;
  int number;
  pid_t process;  // of kJoin, kBegin
};

// 0 or a negative error number; with a claimed one's descriptor (SCM_RIGHTS).
using Reply = int;

// Around the making of a process: for pthread_atfork(), and for who makes one past that.
void before_fork();
void after_fork_in_parent();
void after_fork_in_child();

// What a child has from its parent: its end of the pair, -1 if there is none.
struct Fork {
  int channel = -1;
  std::span<const sock_filter> filter = {};
};

// The child's side (child.cc). No memory is asked for.
void begin_as_child(const Fork& fork, bool has_kernel);
// A process that may have a kernel of its own has chosen that.
void leave_parent();
// To be served as from the beginning, if there is a parent who does so. All threads but this one
// end now.
bool join_parent();
// A child of this one that wants to join is the parent's from now on, by its end of their pair.
// False if it cannot be.
bool hand_to_parent(int child, const Request& wanted);
// Whether somebody serves it: all its calls are the host's then, and are looked at there.
bool is_served_child();
// The number becomes one of the host's, which is served, as do its copies. False if it cannot.
bool claim(int number);
void claim_all();
// What is not closed by exec.
void claim_what_stays();
// A number of the kernel's is closed, and was the last one of it.
void give_back(int kernel);

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_FAMILY_H
