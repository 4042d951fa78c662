// SPDX-License-Identifier: GPL-2.0
// Wires to other processes by sockets that have a name.
#include <winsock2.h>

#include <mswsock.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "net/peer_sockets.h"
#include "win32/bare_net.h"
#include "win32/frame_stream.h"
#include "win32/single_frames.h"
#include "win32/stream_peers.h"
#include "win32/take_signalled.h"

namespace lkl::host {
namespace {

int failed(const NetUri& uri, const std::string& what, int error) {
  uri.say(what + ": " + std::generic_category().message(-error));
  return error;
}

// ---- frames in a stream ----

// With peers the wire has no end: the next of them comes then, and there is no link meanwhile.
class StreamNet final : public BareNet {
 public:
  StreamNet(const std::string& name, std::shared_ptr<WirePort> port)
      : complaint_("lkl: " + name + ": what comes are no frames; the link is down\n"),
        port_(std::move(port)) {
    out_.set(true);
  }

  Signal& found() { return in_; }
  void set_peers(std::unique_ptr<StreamPeers> peers) { peers_ = std::move(peers); }
  int set_socket(Socket socket);

  bool has_link() const override { return linked_; }
  int send(unsigned queue, std::span<const IoVec> frame) override;
  int64_t receive(unsigned queue, std::span<const IoVec> room) override;

 private:
  int64_t take(std::span<const IoVec> room);

  const std::string complaint_;
  const std::shared_ptr<WirePort> port_;
  bool complained_ = false;
  int64_t end_ = -EAGAIN;  // what receive() says when there is nobody any more
  std::atomic<bool> linked_ = false;

  std::mutex mutex_;  // guards who it is
  std::unique_ptr<FrameStream> stream_;
  std::unique_ptr<StreamPeers> peers_;
};

int StreamNet::set_socket(Socket socket) {
  WireHandle handle;
  if (const int error = open_wire_handle(std::move(socket), port_, handle)) return error;
  auto stream = std::make_unique<FrameStream>(std::move(handle), kMaxSegment, in_, out_);
  const std::lock_guard lock(mutex_);
  stream_ = std::move(stream);
  linked_.store(true);
  return 0;
}

int StreamNet::send(unsigned, std::span<const IoVec> frame) {
  const std::lock_guard lock(mutex_);
  return stream_ ? stream_->send(frame, FrameStream::WhenFull::kWait) : -ENOTCONN;
}

// Who it is changes here only.
int64_t StreamNet::take(std::span<const IoVec> room) {
  if (!stream_) {
    Socket socket;
    if (!peers_) return end_;
    if (!peers_->next(socket)) return -EAGAIN;
    if (set_socket(std::move(socket)) != 0) {
      peers_->lost();
      return -EAGAIN;
    }
  }
  const int64_t result = stream_->receive(room);
  if (result > 0 || result == -EAGAIN) return result;
  if (result == -EPROTO && !std::exchange(complained_, true)) print(complaint_);
  std::unique_ptr<FrameStream> gone;
  {
    const std::lock_guard lock(mutex_);
    linked_.store(false);
    gone = std::move(stream_);
    out_.set(true);
  }
  gone.reset();  // without the mutex: it waits for transfers
  end_ = result;
  if (!peers_) return result;
  peers_->lost();
  return -EAGAIN;
}

int64_t StreamNet::receive(unsigned, std::span<const IoVec> room) {
  const Unnoticed scope;
  return take_signalled(in_, [&] { return take(room); });
}

// ---- a frame a datagram ----

// Errors of UDP tell of what was sent once.
bool passes(int64_t error) {
  return error == -ECONNREFUSED || error == -ECONNRESET || error == -EMSGSIZE ||
         error == -ENETUNREACH || error == -EHOSTUNREACH;
}

class DatagramNet final : public BareNet {
 public:
  DatagramNet(WireHandle handle, const SocketAddress& remote)
      : frames_(std::move(handle), in_, out_, passes,
                WireTransfer::Sender{.address = remote.storage, .size = remote.size}) {}
  int send(unsigned, std::span<const IoVec> frame) override { return frames_.send(frame); }
  int64_t receive(unsigned, std::span<const IoVec> room) override {
    return take_signalled(in_, [&] { return frames_.receive(room); });
  }

 private:
  SingleFrames frames_;
};

int make_datagram_net(const SocketAddress* local, const SocketAddress& remote,
                      const std::shared_ptr<WirePort>& port, std::unique_ptr<NetBackend>& result) {
  Socket socket;
  if (const int error = make_socket(remote.family(), SOCK_DGRAM, socket)) return error;
  // nobody wants to know that who is not there yet has not got something
  BOOL told = FALSE;
  DWORD count = 0;
  WSAIoctl(socket.get(), SIO_UDP_CONNRESET, &told, sizeof told, nullptr, 0, &count, nullptr,
           nullptr);
  // Not connected: one that is may be told that nobody is there, and under wine a read that goes on
  // then never ends.
  sockaddr_storage any = {};
  any.ss_family = remote.storage.ss_family;
  const sockaddr* const own = local ? local->get() : reinterpret_cast<const sockaddr*>(&any);
  if (::bind(socket.get(), own, local ? local->size : remote.size) != 0) return last_socket_errno();
  WireHandle handle;
  if (const int error = open_wire_handle(std::move(socket), port, handle)) return error;
  result = std::make_unique<DatagramNet>(std::move(handle), remote);
  return 0;
}

// ---- names ----

int find(const NetUri& uri, SocketKind kind, const std::string& name, int type,
         std::vector<SocketAddress>& addresses) {
  if (kind == SocketKind::kUnix) {
    const int error = unix_address(name, addresses.emplace_back());
    if (error == -EINVAL) return uri.refuse("\"" + name + "\" is not a path");
    return error ? failed(uri, "\"" + name + "\"", error) : 0;
  }
  std::string why;
  const int error = internet_addresses(name, type, addresses, why);
  if (error) uri.say(why);
  return error;
}

int begin(const NetUri& uri, std::shared_ptr<WirePort>& port) {
  int error = start_sockets();
  if (!error) port = WirePort::get(error);
  return error ? failed(uri, "there are no sockets", error) : 0;
}

}  // namespace

int open_stream_socket(const NetUri& uri, SocketKind kind, const StreamWords& words,
                       std::unique_ptr<NetBackend>& result) {
  std::shared_ptr<WirePort> port;
  if (const int error = begin(uri, port)) return error;
  std::vector<SocketAddress> addresses;
  if (const int error = find(uri, kind, uri.target(), SOCK_STREAM, addresses)) return error;
  const std::string shown = "\"" + uri.target() + "\"";
  auto net = std::make_unique<StreamNet>(uri.scheme() + ":" + uri.target(), port);
  auto peers = std::make_unique<StreamPeers>(net->found());
  if (words.server) {
    if (const int error = peers->listen(addresses))
      return failed(uri, "can't listen at " + shown, error);
  } else {
    Socket socket;
    int error = connect_stream(addresses, socket);
    if (error && !words.reconnect_ms) return failed(uri, "can't connect to " + shown, error);
    const bool connected = static_cast<bool>(socket);
    if (connected && (error = net->set_socket(std::move(socket)))) return error;
    if (!words.reconnect_ms)
      peers.reset();
    else if ((error = peers->connect(std::move(addresses),
                                     static_cast<unsigned>(words.reconnect_ms), connected)))
      return error;
  }
  net->set_peers(std::move(peers));
  result = std::move(net);
  return 0;
}

int open_datagram_socket(const NetUri& uri, SocketKind kind, const std::optional<std::string>& own,
                         std::unique_ptr<NetBackend>& result) {
  if (kind == SocketKind::kUnix) {
    uri.say("Windows has no datagrams of this kind; \"udp:\" has");
    return -EPROTONOSUPPORT;
  }
  std::shared_ptr<WirePort> port;
  if (const int error = begin(uri, port)) return error;
  std::vector<SocketAddress> remote, local;
  if (const int error = find(uri, kind, uri.target(), SOCK_DGRAM, remote)) return error;
  if (own)
    if (const int error = find(uri, kind, *own, SOCK_DGRAM, local)) return error;
  int error = -EAFNOSUPPORT;
  for (const SocketAddress& to : remote) {
    if (local.empty() && (error = make_datagram_net(nullptr, to, port, result)) == 0) return 0;
    for (const SocketAddress& from : local)
      if (from.family() == to.family() && (error = make_datagram_net(&from, to, port, result)) == 0)
        return 0;
  }
  return failed(uri, "can't have a socket for \"" + uri.target() + "\"", error);
}

}  // namespace lkl::host
