# SPDX-License-Identifier: GPL-2.0
"""Contents of files, their sizes and times."""
import random
import threading

from drive import (CREATE, NON_DIRECTORY_FILE, OPEN, OPEN_IF, OVERWRITE, READONLY, SUPERSEDE, Status, digest, expect,
                   fails, file_time, wait_a_tick)


class ContentsCases:
    def contents(self):
        d = self.mount()
        noise = self.noise(3 << 20)
        d.put("\\a", noise)
        d.make_directory("\\d")
        d.make_directory("\\d\\e")
        d.put("\\d\\e\\b", noise)
        d.put("\\empty", b"")
        before = {name: d.info(name) for name in ("\\a", "\\d", "\\d\\e\\b", "\\empty")}
        expect(before["\\a"].size == 3 << 20 and before["\\empty"].size == 0, before)
        expect(before["\\a"].allocated >= 3 << 20, before)
        d = self.remount()
        expect(d.get("\\a") == noise and d.get("\\d\\e\\b") == noise and d.get("\\empty") == b"")
        for name, info in before.items():
            now = d.info(name)
            expect((now.index, now.size, now.written, now.created, now.attributes)
                   == (info.index, info.size, info.written, info.created, info.attributes), name, now, info)
        self.umount()
        expect(self.out_of_image() == {"a": digest(noise), "d": None, "d/e": None, "d/e/b": digest(noise),
                                       "empty": digest(b"")})

    def large(self):
        """More than fits a request, or 32 bits; what is read at and behind the end."""
        d = self.mount()
        part = self.noise(24 << 20)
        far = (5 << 30) + 12345
        with d.open("\\big", CREATE, NON_DIRECTORY_FILE) as file:
            expect(file.write(0, part) == len(part))
            expect(file.write(far, b"far away") == 8)
            info = file.info()
            expect(info.size == far + 8 and info.allocated >= info.size and info.allocated % 4096 == 0, info)
            expect(file.read(far - 4, 100) == bytes(4) + b"far away")
            fails("END_OF_FILE", file.read, far + 8, 10)
            fails("END_OF_FILE", file.read, 1 << 40, 10)
            expect(file.read(far, 0) == b"")
            file.set_size(len(part))
            expect(file.whole() == part)
            file.flush()
        d.call("flush", "-")
        self.umount()
        expect(self.out_of_image() == {"big": digest(part)})

    def sizes(self):
        """Size and allocation; holes; what is written within the size only, and at the end."""
        d = self.mount()
        with d.open("\\f", CREATE, NON_DIRECTORY_FILE) as file:
            info = file.set_size(1 << 20, allocation=True)
            expect(info.size == 0 and info.allocated >= 1 << 20, info)
            info = file.set_size(100_000)
            expect(info.size == 100_000, info)
            file.write(0, b"x" * 100_000)
            info = file.set_size(4096, allocation=True)  # less than the size
            expect(info.size == 4096, info)
            info = file.set_size(10)
            expect(info.size == 10, info)
            info = file.set_size(20)
            expect(info.size == 20 and file.whole() == b"x" * 10 + bytes(10), info)
            expect(file.write(15, b"abcdefgh", how="c") == 5 and file.last.size == 20)
            expect(file.write(20, b"abcdefgh", how="c") == 0 and file.info().size == 20)
            expect(file.write(0, b"end", how="e") == 3 and file.last.size == 23)
            whole = file.whole()
            expect(whole == b"x" * 10 + bytes(5) + b"abcde" + b"end", whole)
        with d.open("\\room", CREATE, NON_DIRECTORY_FILE, allocation=1 << 20) as file:
            expect(file.first.size == 0 and file.first.allocated >= 1 << 20, file.first)
        # replaced by one of no length, with attributes merged or not
        d.put("\\o", b"old contents")
        with d.open("\\o", OVERWRITE, NON_DIRECTORY_FILE) as file:
            expect(file.information == 3 and file.first.size == 0, file.information, file.first)
        d.put("\\o", b"old contents")
        with d.open("\\o", SUPERSEDE, NON_DIRECTORY_FILE, attributes=READONLY) as file:
            expect(file.information == 0 and file.first.size == 0 and file.first.attributes & READONLY, file.first)
        fails("OBJECT_NAME_NOT_FOUND", d.open, "\\none", OVERWRITE, NON_DIRECTORY_FILE)
        d = self.remount()
        expect(d.get("\\f") == whole)

    def append(self):
        """Two writers at the end, each with a thread."""
        d = self.mount()
        d.put("\\log", b"")
        errors = []

        def work(letter):
            try:
                with d.open("\\log", OPEN, NON_DIRECTORY_FILE) as file:
                    for i in range(200):
                        file.write(0, f"{letter}{i:05}\n".encode(), how="e")
            except BaseException as error:  # pylint: disable=broad-except
                errors.append(error)

        threads = [threading.Thread(target=work, args=(letter,)) for letter in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expect(not errors, errors)
        lines = d.get("\\log").decode().splitlines()
        expect(len(lines) == 800, len(lines))
        for letter in "abcd":
            expect([line for line in lines if line[0] == letter] == [f"{letter}{i:05}" for i in range(200)], letter)
        self.umount()

    def stress(self):
        """Random work on files beside each other, against a copy in memory."""
        d = self.mount()
        seed = random.randrange(1 << 32)
        print("seed", seed)
        models, errors = {}, []

        def work(number):
            chance, model, name = random.Random(seed + number), bytearray(), f"\\f{number}"
            file = d.open(name, OPEN_IF, NON_DIRECTORY_FILE)
            for _ in range(150):
                at, size = chance.randrange(1 << 19), chance.choice((chance.randrange(1, 5000), chance.randrange(1, 90000)))
                what = chance.randrange(6)
                if what == 0:
                    file.set_size(at)
                    del model[at:]
                    model.extend(bytes(at - len(model)))
                elif what == 1:
                    file.close()
                    file = d.open(name, OPEN, NON_DIRECTORY_FILE)
                elif what == 2:
                    try:
                        got = file.read(at, size)
                    except Status as status:
                        expect(status.name == "END_OF_FILE", status)
                        got = b""
                    expect(got == model[at:at + size], "seed", seed, "read", at, size)
                elif what == 3:
                    new = name + "x" if name[-1] != "x" else name[:-1]
                    file.rename(new)
                    name = new
                else:
                    data = chance.randbytes(size)
                    file.write(at, data)
                    model.extend(bytes(max(0, at - len(model))))
                    model[at:at + size] = data
            file.close()
            models[name] = bytes(model)

        def careful(number):
            try:
                work(number)
            except BaseException as error:  # pylint: disable=broad-except
                errors.append(error)

        threads = [threading.Thread(target=careful, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expect(not errors, "seed", seed, errors)
        self.umount()
        expect(self.out_of_image() == {name[1:]: digest(data) for name, data in models.items()})

    def times(self):
        d = self.mount()
        d.put("\\f", b"x")
        with d.open("\\f") as file:
            accessed, written = file_time(1000000001, 123456700), file_time(1000000002, 987654300)
            info = file.set_basic(accessed=accessed, written=written)
            expect((info.accessed, info.written) == (accessed, written), info)
            info = file.set_basic(written=written + 10_000_000)
            expect((info.accessed, info.written) == (accessed, written + 10_000_000), info)
            # not Linux' to set; it must not fail
            file.set_basic(created=file_time(5), changed=file_time(6))
        d.put("\\later", b"x")
        with d.open("\\later") as file:
            wait_a_tick()
            file.write(0, b"y")
            first = file.info()
            expect(first.created < first.written, first)
        d = self.remount()
        info = d.info("\\f")
        expect((info.accessed, info.written) == (accessed, written + 10_000_000), info)
        expect(d.info("\\later").written == first.written, first)
        self.umount()
        if self.kind == "ext4":
            expect("2001-09-09" in self.debugfs("stat /f") or "3b9aca0" in self.debugfs("stat /f"))
