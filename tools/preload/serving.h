// SPDX-License-Identifier: GPL-2.0
//
// The process with the kernel serves its children, and what they start: by a thread that is as the
// process of lkl run (run/supervisor.h). It begins with the first of them.
#ifndef LKL_TOOL_PRELOAD_SERVING_H
#define LKL_TOOL_PRELOAD_SERVING_H

#include <memory>

#include "base/descriptor.h"
#include "run/notification.h"

namespace lkl::preload {

// Whether there is such a thread.
bool serves_children();
// A call of a child, or of a thread of this process for what children have, too. Inside, as all
// that follows is if it does not say otherwise.
void take_childs_call(const tool::served::Notification& call);

// What a child has got of the kernel's.
struct Heir;
// That of a child that is being made: the thread does nothing until end_pause(), so that the child
// has a copy of what is between two of its works. One at a time.
std::shared_ptr<Heir> make_heir_and_pause();
void end_pause();
// What the child gets for a descriptor that was this one; or does not want any more; all of them.
tool::Descriptor claim_for(Heir& heir, int number);
void close_for(Heir& heir, int number);
void disinherit(Heir& heir);
// What is closed is closed: before an address is used.
void settle_serving();
// In the child.
void forget_serving();

// Of a descriptor of the host's that is served: a number for the program. Negative errors.
int number_of_served(int fd, bool close_on_exec);
// The program's number becomes what a child would get. False if it cannot. Outside.
bool share_number(int number);
// Of descriptors that have come from elsewhere: those that are served are known as such. Outside.
void know_if_served(int number);

void close_served_numbers();
// When nobody is left who is served: until all is sent, or a signal says otherwise.
void finish_serving();

// Of parent.cc. Outside.
void settle_children();
// Whether any is served; has needed the kernel.
bool has_children();
bool was_used_by_children();
// At the end of the process: waits until nobody is left who is served, or for a signal.
void end_serving();

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_SERVING_H
