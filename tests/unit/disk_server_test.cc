// SPDX-License-Identifier: GPL-2.0
#include "image/disk_server.h"

#include <gtest/gtest.h>

#include <string>

#include "image/program_sandbox.h"

namespace {

using lkl::tool::DiskServer;

// As qemu-nbd is for a moment when it starts: its handler is there, and what it notes is forgotten.
DiskServer deaf_server() {
  return DiskServer({"perl", "-e", "$SIG{TERM} = 'IGNORE'; print STDERR 'ready'; sleep 1000"},
                    "perl-base", {});
}

}  // namespace

// Or this does not end.
TEST(DiskServerTest, OneWithoutClientsIsEnded) {
  DiskServer server = deaf_server();
  std::string said;
  while ((said = server.complaints()).empty()) {
  }
  ASSERT_EQ(said, "ready");
  EXPECT_NO_THROW(server.stop());
}
