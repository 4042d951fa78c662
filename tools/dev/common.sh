# SPDX-License-Identifier: GPL-2.0
# What demo and test share: packages, building, saying what goes on.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Debian packages: to build, and what the tests judge with.
packages=(linux-source-6.12 linux-source-6.1 gcc g++ clang make cmake ninja-build ccache python3
	flex bison bc xz-utils libelf-dev pkg-config git
	libcli11-dev libfmt-dev nlohmann-json3-dev libarchive-dev libedit-dev liburing-dev libfuse3-dev fuse3 libnbd-dev libseccomp-dev nbdkit qemu-utils
	libvirt-dev libpugixml-dev libvirt-clients
	libcryptsetup-dev cryptsetup-bin lvm2 mdadm thin-provisioning-tools
	libgtest-dev libbenchmark-dev abigail-tools doxygen
	libclang-rt-14-dev afl++ lcov
	e2fsprogs btrfs-progs dosfstools exfatprogs erofs-utils udftools genisoimage squashfs-tools android-sdk-libsparse-utils fdisk acl attr libcap2-bin bzip2 zstd gdb binutils valgrind
	python3-cffi python3-dev dpkg-dev file)

say() { printf '\n\033[1m== %s\033[0m (%s)\n' "$*" "$(date +%T)"; }
die() { echo "$(basename "$0"): $*" >&2; exit 1; }

install_packages() {
	local missing=() package
	for package in "${packages[@]}"; do
		dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
			missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ]; then
		die "packages are missing: as root, run
  apt-get install ${missing[*]}"
	fi
	say "Installing ${#missing[@]} packages"
	apt-get -qq update
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y install "${missing[@]}" >/dev/null
}

# build PRESET [TARGET...]: configures and builds it, in build/PRESET
build() {
	local preset=$1 log
	shift
	say "Building preset $preset"
	log=$(mktemp)
	(cd "$root" && cmake --preset "$preset") >"$log" 2>&1 || { cat "$log"; die "cmake --preset $preset failed"; }
	rm -f "$log"
	(cd "$root" && cmake --build --preset "$preset" ${1:+--target "$@"} -- --quiet)
}
