// SPDX-License-Identifier: GPL-2.0
//
// Commands that this host cannot have. They are known, and say why they do nothing.
#include <CLI/CLI.hpp>

#include "lkl/commands.h"

namespace lkl::tool {

namespace {

Run absent(Parser parser, const char* why) {
  parser.app().allow_extras();
  return [why](Context&) { throw Failure(why); };
}

}  // namespace

Run add_mount(Parser parser) {
  return absent(parser,
                "mount: not on Windows, which has no FUSE; lklfs gives a drive letter, lkl cp "
                "copies, lkl sh goes in");
}
Run add_umount(Parser parser) {
  return absent(
      parser, "umount: not on Windows, where lkl mounts nothing; lklfs -u unmounts what lklfs has");
}
Run add_domains(Parser parser) {
  return absent(parser, "domains: not on Windows: libvirt is not known there");
}
Run add_bisect(Parser parser) {
  return absent(parser, "bisect: not on Windows, where no kernel is built");
}
Run add_test(Parser parser) {
  return absent(parser, "test: not on Windows: this kernel has no tests built in");
}
Run add_net(Parser parser) {
  return absent(parser, "net: not on Windows: this kernel has no network cards");
}

Run add_run(Parser parser) {
  return absent(parser, "run: not on Windows, whose programs make no system calls of Linux");
}
Run add_server(Parser parser) {
  return absent(parser, "server: not on Windows, whose programs make no system calls of Linux");
}

}  // namespace lkl::tool
