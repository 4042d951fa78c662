// SPDX-License-Identifier: GPL-2.0
#include "drill/python_code.h"

#include <fmt/format.h>
#include <lkl.h>
#include <lkl/linux/tcp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/descriptor.h"
#include "base/json.h"
#include "base/process.h"
#include "drill/calls.h"

namespace lkl::tool::drill {

namespace {

// Each piece is compiled where it stands in the script, so that Python's errors have its lines.
constexpr char kProlog[] = R"(
import sys, textwrap, traceback
names = dict(
    TCP_ESTABLISHED=1, TCP_SYN_SENT=2, TCP_SYN_RECV=3, TCP_FIN_WAIT1=4, TCP_FIN_WAIT2=5,
    TCP_TIME_WAIT=6, TCP_CLOSE=7, TCP_CLOSE_WAIT=8, TCP_LAST_ACK=9, TCP_LISTEN=10, TCP_CLOSING=11,
    TCP_CA_Open=0, TCP_CA_Disorder=1, TCP_CA_CWR=2, TCP_CA_Recovery=3, TCP_CA_Loss=4,
    TCPI_OPT_TIMESTAMPS=1, TCPI_OPT_SACK=2, TCPI_OPT_WSCALE=4, TCPI_OPT_ECN=8,
    TCPI_OPT_ECN_SEEN=16, TCPI_OPT_SYN_DATA=32)
def piece(script, line, text, **values):
    names.update(values)
    first, _, rest = text.partition("\n")
    text = first.lstrip() + "\n" + textwrap.dedent(rest)
    try:
        exec(compile("\n" * (line - 1) + text, script, "exec"), names)
    except Exception as error:
        where = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == script]
        line = where[-1] if where else getattr(error, "lineno", None) or line
        said = f": {error}" if str(error) else ""
        print(f"{script}:{line}: {type(error).__name__}{said}")
        sys.exit(0)
)";

std::string values_of(const lkl_tcp_info& info) {
  std::string text;
#define VALUE(name) \
  text += fmt::format(", tcpi_{}={}", #name, static_cast<std::uint64_t>(info.tcpi_##name));
  VALUE(state)
  VALUE(ca_state)
  VALUE(retransmits)
  VALUE(probes)
  VALUE(backoff)
  VALUE(options)
  VALUE(snd_wscale)
  VALUE(rcv_wscale)
  VALUE(delivery_rate_app_limited)
  VALUE(fastopen_client_fail)
  VALUE(rto)
  VALUE(ato)
  VALUE(snd_mss)
  VALUE(rcv_mss)
  VALUE(unacked)
  VALUE(sacked)
  VALUE(lost)
  VALUE(retrans)
  VALUE(fackets)
  VALUE(last_data_sent)
  VALUE(last_ack_sent)
  VALUE(last_data_recv)
  VALUE(last_ack_recv)
  VALUE(pmtu)
  VALUE(rcv_ssthresh)
  VALUE(rtt)
  VALUE(rttvar)
  VALUE(snd_ssthresh)
  VALUE(snd_cwnd)
  VALUE(advmss)
  VALUE(reordering)
  VALUE(rcv_rtt)
  VALUE(rcv_space)
  VALUE(total_retrans)
  VALUE(pacing_rate)
  VALUE(max_pacing_rate)
  VALUE(bytes_acked)
  VALUE(bytes_received)
  VALUE(segs_out)
  VALUE(segs_in)
  VALUE(notsent_bytes)
  VALUE(min_rtt)
  VALUE(data_segs_in)
  VALUE(data_segs_out)
  VALUE(delivery_rate)
  VALUE(busy_time)
  VALUE(rwnd_limited)
  VALUE(sndbuf_limited)
  VALUE(delivered)
  VALUE(delivered_ce)
  VALUE(bytes_sent)
  VALUE(bytes_retrans)
  VALUE(dsack_dups)
  VALUE(reord_seen)
  VALUE(rcv_ooopack)
  VALUE(snd_wnd)
#undef VALUE
  return text;
}

}  // namespace

void PythonCode::add(int line, const std::string& text, int descriptor) {
  lkl_tcp_info info = {};
  int size = sizeof(info);
  const long result = lkl_sys_getsockopt(descriptor, LKL_SOL_TCP, LKL_TCP_INFO,
                                         reinterpret_cast<char*>(&info), &size);
  if (result < 0)
    throw Mismatch(fmt::format("there is no connection of which tcp_info could be had: {}",
                               lkl_strerror(static_cast<int>(result))));
  // A text of JSON is one of Python.
  program_ += fmt::format("piece({}, {}, {}{})\n", Json(script_name_).dump(), line,
                          Json(text).dump(), values_of(info));
}

void PythonCode::judge() const {
  if (program_.empty()) return;
  const std::string whole = kProlog + program_;
  const Descriptor file(memfd_create("script", 0));
  if (file.get() < 0 ||
      ::write(file.get(), whole.data(), whole.size()) != static_cast<ssize_t>(whole.size()))
    throw std::system_error(errno, std::system_category(), "memfd_create");
  std::string said =
      run_program({"python3", "-I", fmt::format("/proc/self/fd/{}", file.get())}, {}, "python3");
  while (said.ends_with('\n')) said.pop_back();
  if (!said.empty()) throw Mismatch(said);
}

}  // namespace lkl::tool::drill
