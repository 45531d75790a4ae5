# Runs one generated program in a child process and says how it ended. It is process 1 inside the sandbox: no signal from
# inside reaches it, orphans come to it, and with it everything ends.
#
# Standard input: the program's length in bytes and a newline, the program, the verdict's nonce (32 characters); then it
# stays open as long as the host lives. Standard output: a line when the child runs, then the nonce and the verdict.
# Standard error: what the program prints. Arguments: bytes of address space, of a file, processes, seconds of CPU time.
import os
import resource
import select
import signal
import sys

NONCE = 32
POLL_SECONDS = 0.02


def take(count):
    """Reads exactly so many bytes; ends when the host is gone."""
    parts = []
    while count > 0:
        part = os.read(0, min(count, 1 << 20))
        if not part:
            os._exit(3)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def take_program():
    digits = b""
    while not digits.endswith(b"\n"):
        digits += take(1)
    return take(int(digits))


def confine(memory, file, processes, seconds):
    """Limits that the child and all that it starts live under. They are set here and not before the namespace exists,
    because processes are counted for each user namespace: so each program has its own count."""
    # 1 and not 0: too small for a file, and the only value that also keeps the kernel from starting a dump handler.
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file, file))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))


def detach(end):
    """Says that the child runs, and takes everything of the supervisor's away from it but the pipe `end`, moved out of
    the way of programs that close low descriptors."""
    os.write(1, b"started\n")
    moved = 256 + os.urandom(1)[0]
    os.dup2(end, moved, inheritable=False)
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.closerange(3, 256)
    os.environ.clear()
    os.environ["PATH"] = "/usr/bin"
    sys.argv[:] = [""]
    sys.path[:] = [place for place in sys.path if place]
    return moved


def show(flushes):
    """Lets out what the program printed; whether that works is nobody's verdict."""
    for flush in flushes:
        try:
            flush()
        except BaseException:
            pass


def run(program, pipe, mark):
    """Runs the program as the reference evaluation does: in empty globals, so that its `__name__` is not `__main__`.
    What is needed afterwards is taken beforehand, because the program may replace it."""
    write, leave, own, me = os.write, os._exit, os.getpid, os.getpid()
    flushes = sys.stdout.flush, sys.stderr.flush
    try:
        code = compile(program, "<program>", "exec", dont_inherit=True)
        del program
        exec(code, {})
    except BaseException as problem:
        try:
            text = type(problem).__name__ + ": " + str(problem)
        except BaseException:
            text = "an exception that cannot be printed"
        show(flushes)
        write(pipe, b"F" + text.encode("utf-8", "backslashreplace")[:2000])
        leave(1)
    show(flushes)
    # A copy of the process that outlives the program is not the program.
    if own() == me:
        write(pipe, mark)
    leave(0)


def ended(status, usage, seconds):
    """Says why a child is gone that did not say so itself."""
    if usage.ru_utime + usage.ru_stime >= seconds:
        return b"T"
    if os.WIFSIGNALED(status):
        return b"K%d" % os.WTERMSIG(status)
    return b"X%d" % os.WEXITSTATUS(status)


def watch(child, pipe, mark, seconds):
    """Waits for the child's message or its end, whichever is first."""
    open_ends = [0, pipe]
    message = b""
    while True:
        ready = select.select(open_ends, [], [], POLL_SECONDS)[0]
        if 0 in ready and not os.read(0, 1):
            os._exit(3)
        if pipe in ready and not message:
            message = os.read(pipe, 4096)
            if not message:
                open_ends.remove(pipe)
        gone, status, usage = os.wait4(-1, 0 if message else os.WNOHANG)
        if gone == child:
            break
    if not message and pipe in open_ends and select.select([pipe], [], [], 0)[0]:
        message = os.read(pipe, 4096)
    if message == mark and status == 0:
        return b"P"
    if message[:1] == b"F":
        return message
    return ended(status, usage, seconds)


def main():
    memory, file, processes, seconds = (int(value) for value in sys.argv[1:5])
    program = take_program()
    mark = b"M" + os.urandom(16)
    pipe, end = os.pipe()
    child = os.fork()
    if child == 0:
        end = detach(end)
        confine(memory, file, processes, seconds)
        return program, end, mark
    # Python's own handler would let the child interrupt this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    del program
    os.close(end)
    # Read after the fork: the child's memory never held it.
    nonce = take(NONCE)
    os.write(1, nonce + watch(child, pipe, mark, seconds))
    os._exit(0)


run(*main())
