// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <string>

#include "block/byte_stream.h"
#include "block/nbd_client.h"

namespace lkl::host {

// The beginning of a connection to an NBD server, by the fixed newstyle handshake: from here on it
// takes requests of this export. 0 or -errno: -ENOENT if there is no such export, -EACCES if it is
// not for us, or only with TLS, -EPROTO if what is there is no such server.
int greet_nbd_server(ByteStream& stream, const std::string& name, NbdClient::Traits& traits,
                     bool& structured_replies);

}  // namespace lkl::host
