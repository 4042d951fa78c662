# SPDX-License-Identifier: GPL-2.0
# What demo and test share: packages, building, saying what goes on.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Debian packages: to build the tools and run demo, ...
build_packages=(linux-source-6.12 gcc g++ make cmake ninja-build ccache python3
	flex bison bc xz-utils libelf-dev pkg-config
	libcli11-dev libfmt-dev nlohmann-json3-dev libarchive-dev libedit-dev liburing-dev libfuse3-dev fuse3 libnbd-dev
	libslirp-dev libvdeplug-dev libxdp-dev libbpf-dev libseccomp-dev qemu-utils
	libvirt-dev libpugixml-dev libcryptsetup-dev libext2fs-dev
	e2fsprogs btrfs-progs)
# ... for 64-bit Windows: the library by preset win64, and wine to run it ...
windows_packages=(g++-mingw-w64-x86-64-posix libz-mingw-w64-dev dpkg-dev wine64)
# ... and for the tests: other kernels, other compilers, and what the tests judge with.
test_packages=(linux-source-6.1 git clang nbdkit
	libvirt-clients
	curl wget busybox-static nginx-light redis-server iputils-ping iperf3 wireguard-tools rsync sqlite3
	bind9-dnsutils netcat-openbsd nftables memcached haproxy lighttpd openssh-server openvpn wrk tcpdump apache2-utils musl-tools
	iproute2 ethtool passt slirp4netns vde2 libdpdk-dev
	cryptsetup-bin lvm2 mdadm thin-provisioning-tools
	libsqlite3-dev liblmdb-dev
	libgtest-dev libbenchmark-dev abigail-tools doxygen python3-cffi python3-dev dpkg-dev file
	libclang-rt-14-dev afl++ lcov
	xfsprogs f2fs-tools ntfs-3g jfsutils nilfs-tools hfsutils makefs genromfs xorriso unadf libhivex-bin
	dosfstools exfatprogs erofs-utils udftools genisoimage squashfs-tools android-sdk-libsparse-utils fdisk acl attr libcap2-bin bzip2 zstd gdb binutils valgrind tshark)

say() { printf '\n\033[1m== %s\033[0m (%s)\n' "$*" "$(date +%T)"; }
die() { echo "$(basename "$0"): $*" >&2; exit 1; }
minutes() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); } # SECONDS

# What is remembered from run to run: how long something took, how much there was of it.
remember() { mkdir -p "$root/build/.last" && echo "$2" >"$root/build/.last/$1"; } # NAME VALUE
recall() { cat "$root/build/.last/$1" 2>/dev/null || :; }                         # NAME

# A line every 30 seconds, on a terminal each in the place of the one before. Ends with the script.
report() { # STATE LOG
	local begin=$SECONDS count=0 every=${LKL_REPORT_SECONDS:-30} now
	[ ! -t 1 ] || every=1
	while sleep 1 </dev/null >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
		count=$((count + 1))
		[ $((count % every)) = 0 ] || continue
		now=$("$1" "$2") || now=
		if [ -t 1 ]; then
			printf '\r\033[K   %s  %.*s' "$(minutes $((SECONDS - begin)))" $((${COLUMNS:-80} - 12)) "$now"
		else
			printf '   %s  %s\n' "$(minutes $((SECONDS - begin)))" "$now"
		fi
	done
}

# long STATE COMMAND...: a command that takes minutes. Its output is in a file meanwhile; the function STATE
# reads from it how far it is. $log names the file afterwards.
long() {
	local state=$1 status=0 reporter
	shift
	log=$(mktemp)
	report "$state" "$log" &
	reporter=$!
	"$@" >"$log" 2>&1 || status=$?
	kill $reporter 2>/dev/null || :
	wait $reporter 2>/dev/null || :
	[ ! -t 1 ] || printf '\r\033[K'
	return $status
}

tail_state() { tail -n 1 "$1"; }

install_packages() { # PACKAGE...
	local missing=() package
	for package; do
		dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep 'install ok installed' >/dev/null ||
			missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ]; then
		die "packages are missing: as root, run
  apt-get install ${missing[*]}"
	fi
	say "Installing ${#missing[@]} packages and what they need"
	long tail_state apt-get update || { cat "$log"; die "apt-get update failed"; }
	rm -f "$log"
	DEBIAN_FRONTEND=noninteractive long tail_state apt-get -y install "${missing[@]}" ||
		{ cat "$log"; die "apt-get install failed"; }
	rm -f "$log"
}

# None where a preset takes another's kernel; while it is built, files go that find has seen.
kernel_objects() { { find "$root/build/$preset/kernel/tree/build" -name '*.o' ! -name built-in.o 2>/dev/null || :; } | wc -l; }

# Ninja's "[12/345] what". The kernel is one of its steps, the longest: of that the objects are counted.
ninja_state() { # LOG
	local last
	last=$(grep '^\[[0-9]*/[0-9]*\] ' "$1" | tail -n 1)
	case $last in
	*'Kernel: '*) last+=", $(kernel_objects) of ${objects:+about }${objects:-unknown many} objects" ;;
	*'Building '*) last="${last%% *} compiling $(basename "${last##* }" .o)" ;;
	*'Linking '*) last="${last%% *} linking $(basename "${last##* }")" ;;
	esac
	echo "${last:-looking what has changed}"
}

# build PRESET [TARGET...]: configures and builds it, in build/PRESET
build() {
	local preset=$1 objects status=0
	shift
	objects=$(recall "objects.$preset")
	[ -n "$objects" ] || case $preset in default) objects=2200 ;; demo) objects=600 ;; esac
	say "Building preset $preset${1:+: $*}"
	long tail_state cmake -S "$root" --preset "$preset" || { cat "$log"; die "cmake --preset $preset failed"; }
	rm -f "$log"
	long ninja_state cmake --build "$root/build/$preset" ${1:+--target "$@"} || status=$?
	# what compilers have said; not how far it was
	grep -vE '^(\[[0-9]+/[0-9]+\] |ninja: |Unpacking )' "$log" || :
	rm -f "$log"
	[ $status = 0 ] || die "building preset $preset failed"
	objects=$(kernel_objects)
	[ "$objects" = 0 ] || remember "objects.$preset" "$objects"
}
