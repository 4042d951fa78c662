# SPDX-License-Identifier: GPL-2.0
"""gdb commands for a process, or a core file, that has a Linux kernel in it.

Loaded by gdb itself for the installed library; else: source tools/gdb/lkl-gdb.py
Needs no debug information: where things are in the kernel's structures is said by the
table lkl_kernel_debug (arch/lkl/kernel/debug.c).
"""

import gdb
import gdb.unwinder

U64_MASK = (1 << 64) - 1
REGISTERS = ("r15", "r14", "r13", "r12", "rbx", "rbp", "rip")  # as lkl_switch_stacks() leaves them
STACK_ENDS = ("lkl_call_on_stack", "lkl_task_start")
PF_KTHREAD = 0x00200000
STATES = {0: "R", 1: "S", 2: "D", 4: "T", 8: "t", 0x402: "I"}
BITS = ((1, "HELD"), (2, "ENTER"), (4, "TIMER"), (8, "RESUME"), (16, "HOLD"))
MODES = {0: "KERNEL: in kernel code, at sp if nobody is the CPU",
         1: "USER: between two calls of a thread", 2: "DEAD: halted, or panicked"}


def read(address, size):
    return int.from_bytes(bytes(gdb.selected_inferior().read_memory(address & U64_MASK, size)),
                          "little")


def read_pointer(address):
    return read(address, 8)


def read_int(address):
    value = read(address, 4)
    return value - (1 << 32) if value >> 31 else value


def read_text(address, size):
    return bytes(gdb.selected_inferior().read_memory(address & U64_MASK, size)).split(b"\0")[0] \
        .decode("utf-8", "replace")


def symbol_address(name, purpose):
    try:
        return int(gdb.parse_and_eval(f"(unsigned long)&{name}"))
    except gdb.error:
        raise gdb.GdbError(f"{name} is not known: {purpose}") from None


class Layout:
    """Where things are: the table lkl_kernel_debug of the kernel in this process."""

    ENTRY, NAME = 32, 24

    def __init__(self):
        entry = symbol_address("lkl_kernel_debug", "there is no liblkl in this process, or it is "
                               "not loaded yet (run the program, or read its core file)")
        self.values = {}
        try:
            while name := read_text(entry, self.NAME):
                self.values[name] = read(entry + self.NAME, 8)
                entry += self.ENTRY
        except gdb.MemoryError:
            raise gdb.GdbError("lkl_kernel_debug can't be read: start the program first") from None

    def __getitem__(self, name):
        return self.values[name]


class Task:
    def __init__(self, layout, address):
        self.address = address
        self.layout = layout
        self.pid = read_int(address + layout["task.pid"])
        self.tgid = read_int(address + layout["task.tgid"])
        self.comm = read_text(address + layout["task.comm"], 16)
        self.stack = read_pointer(address + layout["task.stack"])
        self.sp = read_pointer(address + layout["task.sp"])
        self.host_thread = read_pointer(address + layout["task.host_thread"])
        self.kernel_thread = bool(read(address + layout["task.flags"], 4) & PF_KTHREAD)
        state = read(address + layout["task.state"], 4)
        exit_state = read(address + layout["task.exit_state"], 4)
        self.state = "Z" if exit_state else STATES.get(state, STATES.get(state & 0xf, "?"))

    def has_on_stack(self, sp):
        return self.stack <= sp < self.stack + self.layout["thread_size"]


def all_tasks(layout):
    """init_task, then every thread of every process."""
    def chain(head, offset):
        node = read_pointer(head)
        while node != head:
            yield node - offset
            node = read_pointer(node)

    yield Task(layout, layout["init_task"])
    if not read_pointer(layout["init_task"] + layout["task.tasks"]):
        raise gdb.GdbError("no kernel has been booted yet")
    head = layout["init_task"] + layout["task.tasks"]
    for leader in chain(head, layout["task.tasks"]):
        signal = read_pointer(leader + layout["task.signal"])
        for thread in chain(signal + layout["signal.thread_head"], layout["task.thread_node"]):
            yield Task(layout, thread)


def running_threads():
    """(gdb thread, its stack pointer) of all threads, without moving the selection."""
    selected, frame = gdb.selected_thread(), None
    if selected is None:
        return
    try:
        frame = gdb.selected_frame()
    except gdb.error:
        pass
    for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num):
        thread.switch()
        yield thread, int(gdb.newest_frame().read_register("rsp")) & U64_MASK
    selected.switch()
    if frame is not None and frame.is_valid():
        frame.select()


def current_task(layout, tasks, threads):
    """(task, gdb thread that runs it or None)."""
    for thread, sp in threads:
        for task in tasks:
            if task.has_on_stack(sp):
                return task, thread
    cpu = symbol_address("lkl_cpu", "the library has no symbols")
    if read_int(cpu + layout["cpu.mode"]) == 1:
        user = read_pointer(cpu + layout["cpu.user"])
        for task in tasks:
            if task.host_thread == user:
                return task, None
    if read_int(cpu + layout["cpu.mode"]) == 0:
        sp = read_pointer(cpu + layout["cpu.sp"])
        for task in tasks:
            if task.has_on_stack(sp):
                return task, None
    return None, None


class TaskUnwinder(gdb.unwinder.Unwinder):
    """While a task is shown, the frame that called the newest one is the task's."""

    def __init__(self):
        super().__init__("lkl-task")
        self.sp = None
        self.done = False

    def __call__(self, pending):
        if self.sp is None or self.done:
            return None
        self.done = True
        word = gdb.lookup_type("unsigned long long")
        # gdb takes a stack that comes after a higher one for corrupt
        here = FrameId(gdb.Value(self.sp).cast(word), pending.read_register("rip"))
        info = pending.create_unwind_info(here)
        for i, register in enumerate(REGISTERS):
            info.add_saved_register(register,
                                    gdb.Value(read_pointer(self.sp + 8 * i)).cast(word))
        info.add_saved_register("rsp", gdb.Value(self.sp + 8 * len(REGISTERS)).cast(word))
        return info

    def frames(self, sp):
        """Frames of what was suspended with this stack pointer, innermost first."""
        self.sp, self.done = sp, False
        gdb.invalidate_cached_frames()
        try:
            frame = gdb.newest_frame().older()
            while frame is not None and frame.is_valid():
                yield frame
                if frame.name() in STACK_ENDS:
                    break
                frame = frame.older()
        finally:
            self.sp = None
            gdb.invalidate_cached_frames()


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


unwinder = TaskUnwinder()
gdb.unwinder.register_unwinder(None, unwinder, replace=True)


def show_frame(level, frame):
    sal = frame.find_sal()
    where = f" at {sal.symtab.filename}:{sal.line}" if sal and sal.symtab else ""
    print(f"#{level:<3} {frame.pc():#018x} in {frame.name() or '??'} (){where}")


def show_backtrace(layout, task, current, thread):
    sp = task.sp
    print(f"task {task.pid} \"{task.comm}\" {task.state}")
    if current is not None and task.address == current.address:
        if thread is not None:
            print(f"  is the CPU, on thread {thread.num}:")
            selected = gdb.selected_thread()
            thread.switch()
            frame, level = gdb.newest_frame(), 0
            while frame is not None:
                show_frame(level, frame)
                frame, level = frame.older(), level + 1
            selected.switch()
            return
        cpu = symbol_address("lkl_cpu", "the library has no symbols")
        if read_int(cpu + layout["cpu.mode"]) == 1:
            print("  is between two calls of its thread: nothing is on its stack")
            return
        sp = read_pointer(cpu + layout["cpu.sp"])
    if not task.has_on_stack(sp):
        print("  has no stack to look at")
        return
    for level, frame in enumerate(unwinder.frames(sp)):
        show_frame(level, frame)


class LklTasks(gdb.Command):
    """List the tasks of the kernel in this process.

lkl-tasks

Columns: PID and TGID in the kernel; state (R running or ready, S and D asleep, I idle,
T stopped, Z ended); K for a kernel thread, H for the task of a host thread; address of its
task_struct; name. A star marks the task that is current on the virtual CPU, with the
thread of gdb that runs it if one does."""

    def __init__(self):
        super().__init__("lkl-tasks", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        if argument:
            raise gdb.GdbError("lkl-tasks takes no arguments")
        layout = Layout()
        tasks = list(all_tasks(layout))
        current, thread = current_task(layout, tasks, list(running_threads()))
        print("   PID   TGID  STATE  ADDRESS             NAME")
        for task in tasks:
            is_current = current is not None and task.address == current.address
            kind = "K" if task.kernel_thread else "H" if task.host_thread else " "
            note = f"  (thread {thread.num})" if is_current and thread else ""
            print(f"{'*' if is_current else ' '}{task.pid:5} {task.tgid:6}  {task.state} {kind}"
                  f"    {task.address:#018x}  {task.comm}{note}")


class LklBacktrace(gdb.Command):
    """Show the backtrace of a task of the kernel in this process.

lkl-bt PID    the task with this number (see lkl-tasks)
lkl-bt NAME   all tasks of this name
lkl-bt all    every task

Kernel frames only, down to where the task's stack begins; of the task that some host
thread runs, all of that thread's frames."""

    def __init__(self):
        super().__init__("lkl-bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        wanted = argument.strip()
        if not wanted:
            raise gdb.GdbError("lkl-bt wants a PID, a name or \"all\" (see lkl-tasks)")
        layout = Layout()
        tasks = list(all_tasks(layout))
        chosen = [t for t in tasks if wanted in ("all", str(t.pid), t.comm)]
        if not chosen:
            raise gdb.GdbError(f"no task {wanted} (see lkl-tasks)")
        current, thread = current_task(layout, tasks, list(running_threads()))
        for task in chosen:
            show_backtrace(layout, task, current, thread)


class LklDmesg(gdb.Command):
    """Print the log of the kernel in this process.

lkl-dmesg

It is read from memory: that of a core file as well, and what no console has shown."""

    COMMITTED, FINALIZED = 1, 2

    def __init__(self):
        super().__init__("lkl-dmesg", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        if argument:
            raise gdb.GdbError("lkl-dmesg takes no arguments")
        layout = Layout()
        log = read_pointer(symbol_address("prb", "the symbols of liblkl.so were stripped"))
        count = 1 << read(log + layout["log.desc_bits"], 4)
        text_size = 1 << read(log + layout["log.text_bits"], 4)
        descriptors = read_pointer(log + layout["log.descs"])
        infos = read_pointer(log + layout["log.infos"])
        text = read_pointer(log + layout["log.text"])
        number = read_pointer(log + layout["log.tail_id"])
        head = read_pointer(log + layout["log.head_id"])
        id_mask = (1 << 62) - 1
        while True:
            descriptor = descriptors + number % count * layout["desc.size"]
            state = read_pointer(descriptor + layout["desc.state"])
            if state & id_mask == number and state >> 62 in (self.COMMITTED, self.FINALIZED):
                self.show(layout, descriptor, infos + number % count * layout["info.size"], text,
                          text_size)
            if number == head:
                break
            number = (number + 1) & id_mask

    @staticmethod
    def show(layout, descriptor, info, text, text_size):
        begin = read_pointer(descriptor + layout["desc.begin"])
        end = read_pointer(descriptor + layout["desc.next"])
        if begin & 1:   # a record without text
            return
        # a block that would wrap lies at the start of the ring
        if begin // text_size != end // text_size and end % text_size:
            begin = 0
        seconds, rest = divmod(read(info + layout["info.ts_nsec"], 8), 1000000000)
        length = read(info + layout["info.text_len"], 2)
        line = read_text(text + begin % text_size + 8, length)
        for part in line.split("\n"):
            print(f"[{seconds:5}.{rest // 1000:06}] {part}")


class LklCpu(gdb.Command):
    """Show the state of the virtual CPU of the kernel in this process.

lkl-cpu"""

    def __init__(self):
        super().__init__("lkl-cpu", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        if argument:
            raise gdb.GdbError("lkl-cpu takes no arguments")
        layout = Layout()
        cpu = symbol_address("lkl_cpu", "the library has no symbols")
        word = read_pointer(cpu + layout["cpu.word"])
        bits = [name for bit, name in BITS if word & bit]
        bits += [f"IRQ{n}" for n in range(56) if word >> (8 + n) & 1]
        mode = read_int(cpu + layout["cpu.mode"])
        tasks = list(all_tasks(layout))
        current, thread = current_task(layout, tasks, list(running_threads()))
        print(f"word        {word:#x} {' '.join(bits) or 'free, nothing pending'}")
        print(f"mode        {MODES.get(mode, mode)}")
        if current is not None:
            print(f"task        {current.pid} \"{current.comm}\"" +
                  (f" on thread {thread.num}" if thread else ""))
        for name in ("runner", "user"):
            print(f"{name:<11} {read_pointer(cpu + layout['cpu.' + name]):#x}")
        print(f"sp          {read_pointer(cpu + layout['cpu.sp']):#x}")
        print(f"irqs        {'off' if read_int(cpu + layout['cpu.irqs_off']) else 'on'}")
        event = read_pointer(cpu + layout["cpu.next_event"])
        print(f"next event  {'none' if event == U64_MASK else f'{event} ns'}")
        print(f"switches    {read_pointer(cpu + layout['cpu.switches'])}, hand-overs "
              f"{read_pointer(cpu + layout['cpu.hand_overs'])}")


for command in (LklTasks, LklBacktrace, LklDmesg, LklCpu):
    command()
