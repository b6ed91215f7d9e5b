"""A clean Debian 12 in a folder, booted: debootstrap makes it, and the systemd in it runs as process 1 of namespaces of its own (mounts,
processes, network, control groups, host name). Nothing on the machine changes; it all goes with the test process.

    with Root() as root:
        root.apt_update_and_download("./x.deb")      # while there is a network
        root.boot()
        root.run("systemctl", "is-system-running", "--wait")
"""
import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

MIRROR = os.environ.get("OUTREACH_MIRROR", "http://deb.debian.org/debian")
SUITE = "bookworm"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What stands between a folder and a running system. $1: the folder, $2: a control group of its own.
BOOT = r"""
set -eu
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty "$root/dev/"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mkdir -p "$root/dev/shm" "$root/dev/pts" "$root/oldroot"
cd "$root"
pivot_root . oldroot
umount -l /oldroot
# As the kernel leaves it for a real process 1: credentials are mounted where services see them.
mount --make-rshared /
exec env -i container=outreach-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --log-target=console --show-status=no
"""


def cgroup2():
    """The folder of the unified control groups, None where there is none to write to."""
    for line in pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, folder, kind, options, *_ = line.split()
        if kind == "cgroup2" and "rw" in options.split(","):
            return pathlib.Path(folder)
    return None


def why_not():
    """Why there can be no such system here; "" when there can."""
    if os.geteuid() != 0:
        return "not root: debootstrap and namespaces need it"
    missing = [tool for tool in ("debootstrap", "unshare", "nsenter") if shutil.which(tool) is None]
    if missing:
        return f"missing: {', '.join(missing)} (scripts/packages)"
    if cgroup2() is None:
        return "no writable cgroup2 for a systemd of our own"
    if subprocess.run(["unshare", "-m", "-p", "-i", "-u", "-C", "-n", "-f", "true"], capture_output=True, check=False).returncode:
        return "this machine allows no namespaces"
    try:
        with urllib.request.urlopen(f"{MIRROR}/dists/{SUITE}/Release", timeout=15) as answer:
            answer.read(1)
    except OSError as error:
        return f"no package mirror: {MIRROR} ({error}); OUTREACH_MIRROR names another"
    return ""


class NotHere(Exception):
    """The machine or its mirror could not give a running Debian; nothing is said about the package."""


# What apt says when the mirror or the way to it fails, and not the package.
FETCHING = re.compile(r"Failed to fetch|Unable to fetch|Could not (resolve|connect|handshake)|Temporary failure|Connection (failed|timed out|refused)"
                      r"|Hash Sum mismatch|Unable to connect|Release file for .* is not valid yet|No space left on device")


class Root:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="outreach-root-"))
        self.dir.chmod(0o755)  # the root of a system is open to its users
        self.cgroup = cgroup2() / self.dir.name
        self.process = self.pid = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def make(self, *include):
        log = self.dir.with_suffix(".log")
        with open(log, "wb") as out:
            done = subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(include)}", SUITE, self.dir, MIRROR],
                                  stdout=out, stderr=out, check=False)
        tail = log.read_text(encoding="utf-8", errors="replace")[-3000:]
        log.unlink()
        if done.returncode != 0:
            raise NotHere(f"debootstrap made no Debian: {' '.join(tail.split())[-300:]}")

    def fetch(self, *argv):
        """apt-get in the folder, with the machine's network. A mirror that fails is no fault of the package; what else apt says is."""
        done = self._finish(["chroot", self.dir, "env", "-i", f"PATH={PATH}", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "apt-get",
                             "-q", "-o", "Acquire::Retries=3", *argv], None)
        said = FETCHING.search(done.stdout + done.stderr)
        if done.returncode != 0 and said:
            raise NotHere(f"the mirror {MIRROR} failed: {said.group()}")
        assert done.returncode == 0, done.stdout + done.stderr

    def boot(self):
        """Nothing of ours runs yet: what fails here is the machine's doing."""
        try:
            self._boot()
        except (AssertionError, OSError) as error:
            raise NotHere(f"systemd does not run in namespaces here: {' '.join(str(error).split())[-300:]}") from error

    def _boot(self):
        self.cgroup.mkdir()
        enter = 'echo $$ >"$2/cgroup.procs"; exec unshare -C bash -c "$3" boot "$1"'
        libc = ctypes.CDLL("libc.so.6")
        with open(self.dir.with_suffix(".console"), "wb") as console:
            self.process = subprocess.Popen(
                ["unshare", "-m", "-p", "-i", "-u", "-n", "-f", "--kill-child", "bash", "-c", enter, "enter", self.dir, self.cgroup, BOOT],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
                preexec_fn=lambda: libc.prctl(1, signal.SIGKILL))  # PR_SET_PDEATHSIG
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        self.wait(lambda: children.read_text(encoding="ascii").split(), "a first process")
        self.pid = int(children.read_text(encoding="ascii").split()[0])
        self.wait(lambda: self.run("systemctl", "is-system-running", code=None).stdout.strip() in ("running", "degraded"), "a booted system")

    def wait(self, condition, what, timeout=180):
        end = time.monotonic() + timeout
        while True:
            got = condition()
            if got:
                return got
            assert self.process.poll() is None, self.console()
            assert time.monotonic() < end, f"not within {timeout} s: {what() if callable(what) else what}\n{self.console()}"
            time.sleep(0.1)

    def console(self):
        return self.dir.with_suffix(".console").read_text(encoding="utf-8", errors="replace")[-4000:]

    def enter(self):
        """The command that leads into the booted system."""
        return ["nsenter", "-t", str(self.pid), "-m", "-p", "-i", "-u", "-n", "-C", "env", "-i", f"PATH={PATH}", "LC_ALL=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive"]

    def run(self, *argv, code=0):
        """Runs a command in the booted system and expects its exit code (None: any)."""
        return self._finish([*self.enter(), *argv], code)

    def shell(self, script, code=0):
        return self.run("sh", "-c", script, code=code)

    @staticmethod
    def _finish(argv, code):
        done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600, check=False)
        assert code is None or done.returncode == code, f"{argv}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def path(self, name):
        """A file of the system, seen from here. /run and /tmp are not among them."""
        return self.dir / str(name).lstrip("/")

    def close(self):
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)  # the first process takes all others with it
        if self.process is not None:
            self.process.wait()
        if self.cgroup.exists():
            folders = sorted((p for p in self.cgroup.rglob("*") if p.is_dir()), key=lambda p: len(p.parts), reverse=True)
            for folder in [*folders, self.cgroup]:
                for _ in range(100):  # the last process of a group may still be leaving it
                    try:
                        folder.rmdir()
                        break
                    except OSError:
                        time.sleep(0.05)
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.with_suffix(".console").unlink(missing_ok=True)
