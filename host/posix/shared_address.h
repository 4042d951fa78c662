// SPDX-License-Identifier: GPL-2.0
// One interface with one address, and two stacks of TCP/IP on it: the host's, and ours. Each
// answers all that is for this address, were it not for what is here:
//
// - some ports are ours. A filter on our socket lets in what is for them, and answers to what only
//   we can have asked (ARP, neighbours, echo) or that nobody answers (errors by ICMP, later
//   fragments). So the host answers the echo requests and what is asked about the address.
// - the host holds these ports by sockets of its own, which take everything and drop it: it neither
//   refuses what is for us nor gives them to others.
// - what we send is looked at in the same way: nothing goes out that would be about somebody
//   else's connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "descriptor.h"
#include "host.h"

struct sock_filter;

namespace lkl::host {

struct PortRange {
  uint16_t first, last;
};

// "80+5000-5099": false if it is no such thing, or has too many pieces.
bool parse_ports(std::string_view text, std::vector<PortRange>& ports);

// For SO_ATTACH_FILTER: whether what comes in is ours.
std::vector<sock_filter> incoming_filter(std::span<const PortRange> ports);
// Whether a frame (from its Ethernet header on) may go out.
bool may_go_out(std::span<const IoVec> frame, std::span<const PortRange> ports);

// The host's sockets on all of them that come in by this interface. 0 or -errno, and which port it
// is: EADDRINUSE if a program of the host has it.
int hold_ports(std::span<const PortRange> ports, const std::string& interface,
               std::vector<Descriptor>& held, unsigned& port);

}  // namespace lkl::host
