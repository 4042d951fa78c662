# SPDX-License-Identifier: GPL-2.0
"""An image that lklfs.exe serves by the fake WinFsp, and files on it as programs of Windows have them."""
import dataclasses
import hashlib
import os
import queue
import select
import subprocess
import tempfile
import threading
import time

UNICODE = {**os.environ, "LC_ALL": "C.UTF-8"}

# Of NtCreateFile().
SUPERSEDE, OPEN, CREATE, OPEN_IF, OVERWRITE, OVERWRITE_IF = range(6)
DIRECTORY_FILE, WRITE_THROUGH, NON_DIRECTORY_FILE = 0x1, 0x2, 0x40
DELETE_ON_CLOSE, OPEN_REPARSE_POINT = 0x1000, 0x200000
READ_DATA, WRITE_DATA, APPEND_DATA, DELETE = 0x1, 0x2, 0x4, 0x10000
READ, ALL = 0x120089, 0x1f01ff
READONLY, HIDDEN, SYSTEM, DIRECTORY, NORMAL, REPARSE_POINT = 0x1, 0x2, 0x4, 0x10, 0x80, 0x400
OWNER, GROUP, DACL = 1, 2, 4

STATUS = {
    "SUCCESS": 0, "REPARSE": 0x104, "UNSUCCESSFUL": 0xc0000001, "INVALID_PARAMETER": 0xc000000d,
    "INVALID_DEVICE_REQUEST": 0xc0000010, "END_OF_FILE": 0xc0000011, "ACCESS_DENIED": 0xc0000022,
    "OBJECT_NAME_INVALID": 0xc0000033, "OBJECT_NAME_NOT_FOUND": 0xc0000034, "OBJECT_NAME_COLLISION": 0xc0000035,
    "OBJECT_PATH_NOT_FOUND": 0xc000003a, "INVALID_OWNER": 0xc000005a, "DISK_FULL": 0xc000007f,
    "INVALID_VOLUME_LABEL": 0xc0000086, "MEDIA_WRITE_PROTECTED": 0xc00000a2, "FILE_IS_A_DIRECTORY": 0xc00000ba,
    "NOT_SUPPORTED": 0xc00000bb, "DIRECTORY_NOT_EMPTY": 0xc0000101, "NOT_A_DIRECTORY": 0xc0000103,
    "CANNOT_DELETE": 0xc0000121, "TOO_MANY_LINKS": 0xc0000265, "NOT_A_REPARSE_POINT": 0xc0000275,
    "IO_REPARSE_DATA_INVALID": 0xc0000278, "REPARSE_POINT_NOT_RESOLVED": 0xc0000280, "FILE_TOO_LARGE": 0xc0000904, "IO_DEVICE_ERROR": 0xc0000185}
NAMES = {value: name for name, value in STATUS.items()}


class Status(Exception):
    def __init__(self, value, words):
        super().__init__(NAMES.get(value, hex(value)), words)
        self.name = NAMES.get(value, hex(value))


@dataclasses.dataclass
class Info:
    attributes: int
    tag: int
    allocated: int
    size: int
    created: int
    accessed: int
    written: int
    changed: int
    index: int


def info_of(words):
    return Info(*[int(word) for word in words])


def expect(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(one) for one in what))


def fails(name, call, *arguments, **named):
    """The call ends with this status."""
    try:
        call(*arguments, **named)
    except Status as status:
        expect(status.name == name, f"{call.__name__}{arguments}: {status.name}, not {name}")
        return
    raise AssertionError(f"{call.__name__}{arguments}: done, not {name}")


def digest(data):
    return hashlib.sha256(data).hexdigest()


def dos(path):
    return "Z:" + path.replace("/", "\\")


def run(program, *arguments, folder=None):
    """lklfs to its end: its status, and all that it said."""
    with tempfile.TemporaryFile() as said:
        status = subprocess.run(program + list(arguments), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                env=UNICODE, cwd=folder, timeout=100).returncode
        said.seek(0)
        return status, said.read().decode(errors="replace")


class Drive:
    """lklfs at work. Each thread of ours has a lane to it, so that they do not wait for each other."""

    def __init__(self, program, image, options="", arguments=(), point=None):
        # Each has its own, since they are known by it; those of a test may come after each other.
        point = point or "C:\\" + os.path.basename(os.path.dirname(image))
        words = [program[-1], dos(image), point] + (["-o", options] if options else []) + list(arguments)
        # A file: of a pipe, programs that wine starts beside have the other end, too.
        self.error = tempfile.TemporaryFile()
        self.process = subprocess.Popen(program[:-1] + words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.error, env=UNICODE, cwd=os.path.dirname(image))
        self.first = self.first_line()
        if not self.first:
            status, error = self.wait()
            raise RuntimeError(f"not mounted: status {status}, {error}")
        self.emulator = program
        self.point = point
        self.answers = {}
        self.lock = threading.Lock()
        self.lane = threading.local()
        self.lanes = 0
        threading.Thread(target=self.listen, daemon=True).start()

    def first_line(self):
        """Nothing if it ends without one."""
        while not select.select([self.process.stdout], [], [], 0.1)[0]:
            if self.process.poll() is not None:
                return ""
        return self.process.stdout.readline().decode()

    def listen(self):
        for line in self.process.stdout:
            words = line.decode().split()
            self.answers[words[0]].put(words[1:])

    def answer(self, command):
        while True:
            try:
                return self.answers[self.lane.name].get(timeout=0.5)
            except queue.Empty:
                expect(self.process.poll() is None, f"{command}: lklfs has ended")

    def call(self, command, *words):
        if not hasattr(self.lane, "name"):
            with self.lock:
                self.lanes += 1
                self.lane.name = f"lane{self.lanes}"
                self.answers[self.lane.name] = queue.Queue()
        line = " ".join([self.lane.name, command] + [str(word) for word in words]) + "\n"
        with self.lock:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        answer = self.answer(command)
        status = int(answer[0])
        if status >= 1 << 31:
            raise Status(status, answer[1:])
        return answer[1:]

    def end(self):
        """Unmounts as users do; the status and what it said."""
        status, said = run(self.emulator, "-u", self.point)
        expect((status, said) == (0, ""), "lklfs -u:", status, said)
        return self.wait()

    def wait(self):
        status = self.process.wait(timeout=100)
        self.error.seek(0)
        self.process.stdin.close()
        return status, self.error.read().decode(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()

    # ---- what programs do ----

    def open(self, name, disposition=OPEN, options=0, access=ALL, attributes=NORMAL, allocation=0):
        words = self.call("open", coded(name), disposition, options, access, attributes, allocation)
        return File(self, int(words[0]), int(words[1]), info_of(words[2:]))

    def put(self, name, data, **more):
        with self.open(name, OVERWRITE_IF, NON_DIRECTORY_FILE, **more) as file:
            if data:
                file.write(0, data)

    def get(self, name):
        with self.open(name, OPEN, access=READ) as file:
            return file.whole()

    def make_directory(self, name):
        self.open(name, CREATE, DIRECTORY_FILE).close()

    def remove(self, name):
        with self.open(name, OPEN, OPEN_REPARSE_POINT, access=DELETE) as file:
            file.delete()

    def rename(self, name, to, replace=False):
        with self.open(name, OPEN, OPEN_REPARSE_POINT, access=DELETE) as file:
            file.rename(to, replace)

    def info(self, name):
        with self.open(name, OPEN, OPEN_REPARSE_POINT, access=0x80) as file:
            return file.info()

    def exists(self, name):
        try:
            self.info(name)
            return True
        except Status as status:
            expect(status.name in ("OBJECT_NAME_NOT_FOUND", "OBJECT_PATH_NOT_FOUND"), status)
            return False

    def list(self, name="\\", buffer=4096):
        with self.open(name, OPEN, DIRECTORY_FILE, access=READ) as directory:
            return directory.list(buffer)

    def link(self, name, target, relative=True, directory=False):
        kind = DIRECTORY_FILE if directory else NON_DIRECTORY_FILE
        with self.open(name, CREATE, kind | OPEN_REPARSE_POINT) as file:
            file.set_link(target, relative)

    def space(self):
        words = self.call("volume")
        return int(words[0]), int(words[1]), decoded(words[2])


class File:
    def __init__(self, drive, number, information, info):
        self.drive, self.number, self.information, self.first = drive, number, information, info

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close()

    def close(self):
        if self.number:
            self.drive.call("close", self.number)
        self.number = 0

    def cleanup(self):
        self.drive.call("cleanup", self.number)

    def read(self, offset, length):
        return uncoded(self.drive.call("read", self.number, offset, length)[0])

    def whole(self):
        data, step = [], 1 << 20
        size = self.info().size
        for offset in range(0, size, step):
            data.append(self.read(offset, min(step, size - offset)))
        return b"".join(data)

    def write(self, offset, data, how="-"):
        step, written, info = 1 << 20, 0, None
        for at in range(0, len(data), step):
            piece = data[at:at + step]
            words = self.drive.call("write", self.number, offset + at, piece.hex(), how)
            written += int(words[0])
            info = info_of(words[1:])
            if int(words[0]) != len(piece):
                break
        self.last = info
        return written

    def flush(self):
        return info_of(self.drive.call("flush", self.number))

    def info(self):
        return info_of(self.drive.call("info", self.number))

    def set_basic(self, attributes=0xffffffff, created=0, accessed=0, written=0, changed=0):
        return info_of(self.drive.call("set-basic", self.number, attributes, created, accessed, written, changed))

    def set_size(self, size, allocation=False):
        return info_of(self.drive.call("set-size", self.number, size, int(allocation)))

    def delete(self, yes=True):
        self.drive.call("delete", self.number, int(yes))

    def rename(self, to, replace=False):
        self.drive.call("rename", self.number, coded(to), int(replace))

    def security(self):
        return decoded(self.drive.call("security", self.number)[0])

    def set_security(self, what, sddl):
        self.drive.call("set-security", self.number, what, coded(sddl))

    def entries(self, marker="", buffer=4096):
        """Of one ReadDirectory(): names with their infos, and whether that was all."""
        words = self.drive.call("read-directory", self.number, coded(marker), buffer)
        end = words[-1:] == ["end"]
        if end:
            words.pop()
        return [(decoded(words[i]), info_of(words[i + 1:i + 10])) for i in range(0, len(words), 10)], end

    def list(self, buffer=4096):
        found, marker = {}, ""
        while True:
            entries, end = self.entries(marker, buffer)
            for name, info in entries:
                expect(name not in found, "twice:", name)
                found[name] = info
            if end:
                return found
            expect(entries, "nothing, and no end")
            marker = entries[-1][0]

    def entry(self, name):
        words = self.drive.call("entry", self.number, coded(name))
        return decoded(words[0]), info_of(words[1:])

    def target(self):
        """What it leads to, and whether that is relative."""
        data = uncoded(self.drive.call("link", self.number)[0])
        expect(int.from_bytes(data[:4], "little") == 0xa000000c, "no symbolic link")
        expect(int.from_bytes(data[4:6], "little") == len(data) - 8, "length")
        at, size, shown_at, shown_size = [int.from_bytes(data[i:i + 2], "little") for i in (8, 10, 12, 14)]
        text = data[20 + at:20 + at + size]
        expect(data[20 + shown_at:20 + shown_at + shown_size] == text, "shown as something else")
        return text.decode("utf-16-le"), bool(data[16] & 1)

    def set_link(self, target, relative=True, tag=0xa000000c):
        text = target.encode("utf-16-le")
        head = (tag.to_bytes(4, "little") + (12 + 2 * len(text)).to_bytes(2, "little") + bytes(2)
                + b"".join(n.to_bytes(2, "little") for n in (0, len(text), len(text), len(text)))
                + int(relative).to_bytes(4, "little"))
        self.drive.call("set-link", self.number, (head + text + text).hex())


def coded(name):
    return name.encode("utf-16-le", "surrogatepass").hex() or "-"


def decoded(word):
    return uncoded(word).decode("utf-16-le", "surrogatepass")


def uncoded(word):
    return b"" if word == "-" else bytes.fromhex(word)


def file_time(seconds, nanoseconds=0):
    return (seconds + 11644473600) * 10_000_000 + nanoseconds // 100


def wait_a_tick():
    time.sleep(0.03)
