"""Runs a command under what a unit's [Service] section forbids by seccomp, as systemd would, where no systemd runs:

    /usr/bin/python3 confine.py systemd/outreachd.service -- outreachd --config …

What needs mounts, namespaces or another user is not done here; tests/package does it with a real systemd. A key that stands in neither table
below is an error, so that a new restriction cannot go untested."""
import errno
import os
import pathlib
import resource
import socket
import subprocess
import sys

import seccomp

# Prefixes of keys that say what is run, or restrict it in ways that are tested by tests/package.
ELSEWHERE = ("Type", "Exec", "Restart", "Timeout", "Watchdog", "User", "Group", "SupplementaryGroups", "StateDirectory", "RuntimeDirectory",
             "ConfigurationDirectory", "CacheDirectory", "LoadCredential", "FileDescriptorStoreMax", "CapabilityBoundingSet",
             "AmbientCapabilities", "ProtectSystem", "ProtectHome", "ProtectProc", "ProtectControlGroups", "ProtectKernelTunables",
             "ProcSubset", "Private", "RemoveIPC", "KeyringMode", "DevicePolicy", "IPAddress", "ReadWritePaths", "ReadOnlyPaths",
             "BindReadOnlyPaths", "Nice", "SuccessExitStatus", "Environment", "WorkingDirectory", "MemoryMax", "TasksMax", "OOM")
PROT_WRITE, PROT_EXEC, SHM_EXEC = 2, 4, 0o100000
SET_IDS = 0o6000
NAMESPACES = 0x7E020080  # CLONE_NEW*


def service_keys(unit):
    """(key, value) of the [Service] section, in order."""
    section = None
    for line in pathlib.Path(unit).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith(("#", ";")):
            key, value = line.split("=", 1)
            yield key.strip(), value.strip()


def syscalls(names):
    """The system calls behind names and @groups, as systemd knows them."""
    found = set()
    for name in names:
        if name.startswith("@"):
            said = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
            found |= syscalls([line.strip() for line in said.splitlines()[1:] if line.strip() and not line.strip().startswith("#")])
        else:
            found.add(name)
    return found


def native_number(name):
    """Negative: this machine has no such call. The binding wants the architecture as a C int, and it has the highest bit."""
    arch = seccomp.system_arch()
    return seccomp.resolve_syscall(arch - (1 << 32) if arch >= 1 << 31 else arch, name)


def rule(filter_, action, name, *args):
    """A rule for a call, unless this machine has no such call."""
    if native_number(name) >= 0:
        filter_.add_rule(action, name, *args)


def deny(names, code=errno.EPERM):
    filter_ = seccomp.SyscallFilter(seccomp.ALLOW)
    for name in names:
        rule(filter_, seccomp.ERRNO(code), name)
    return filter_


def deny_masked(code, *rules):
    """`rules`: (call, number of the argument, bits, value of these bits)."""
    filter_ = seccomp.SyscallFilter(seccomp.ALLOW)
    for name, arg, mask, value in rules:
        rule(filter_, seccomp.ERRNO(code), name, seccomp.Arg(arg, seccomp.MASKED_EQ, mask, value))
    return filter_


def address_families(value):
    allowed = {int(getattr(socket, name)) for name in value.split()}
    filter_ = seccomp.SyscallFilter(seccomp.ALLOW)
    last = max(allowed)
    for family in set(range(last)) - allowed:
        filter_.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.EQ, family))
    filter_.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.GT, last))
    return [filter_]


def no_write_execute(_):
    both = PROT_WRITE | PROT_EXEC
    return [deny_masked(errno.EPERM, ("mmap", 2, both, both), ("mprotect", 2, PROT_EXEC, PROT_EXEC), ("pkey_mprotect", 2, PROT_EXEC, PROT_EXEC),
                        ("shmat", 2, SHM_EXEC, SHM_EXEC))]


def no_namespaces(_):
    bits = [1 << n for n in range(32) if NAMESPACES >> n & 1]
    # clone3 hides its flags in memory: refused as if it did not exist, and libc falls back to clone.
    return [deny_masked(errno.EPERM, *((call, 0, bit, bit) for call in ("unshare", "clone") for bit in bits)), deny(["setns"]),
            deny(["clone3"], errno.ENOSYS)]


def no_set_ids(_):
    calls = (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("mkdir", 1), ("mkdirat", 2), ("mknod", 1), ("mknodat", 2), ("creat", 1))
    bits = [bit for bit in (0o4000, 0o2000) if bit & SET_IDS]
    return [deny_masked(errno.EPERM, *((call, arg, bit, bit) for call, arg in calls for bit in bits))]


def call_filter(values):
    """SystemCallFilter=: the first line allows, those with ~ take away again. systemd itself adds what every program needs."""
    allowed = syscalls(["@default", "execve", "exit", "exit_group", "rt_sigreturn"])
    for value in values:
        names = syscalls(value.lstrip("~").split())
        allowed = allowed - names if value.startswith("~") else allowed | names
    filter_ = seccomp.SyscallFilter(seccomp.KILL_PROCESS)
    for name in sorted(allowed):
        rule(filter_, seccomp.ALLOW, name)
    return filter_


FILTERS = {
    "RestrictAddressFamilies": address_families,
    "MemoryDenyWriteExecute": no_write_execute,
    "RestrictNamespaces": no_namespaces,
    "RestrictSUIDSGID": no_set_ids,
    "RestrictRealtime": lambda _: [deny_masked(errno.EPERM, *(("sched_setscheduler", 1, 0xFF, policy) for policy in (1, 2, 6)))],
    "LockPersonality": lambda _: [deny(["personality"])],
    "ProtectHostname": lambda _: [deny(["sethostname", "setdomainname"])],
    "ProtectClock": lambda _: [deny(syscalls(["@clock"]))],
    "ProtectKernelModules": lambda _: [deny(syscalls(["@module"]))],
    "ProtectKernelLogs": lambda _: [deny(["syslog"])],
}


def confine(unit):
    filters, call_filters = [], []
    for key, value in service_keys(unit):
        if key == "SystemCallFilter":
            call_filters.append(value)
        elif key in FILTERS:
            filters += FILTERS[key](value)
        elif key.startswith("Limit"):
            limit = getattr(resource, "RLIMIT_" + key[5:])
            number = min(int(value), resource.getrlimit(limit)[1]) if resource.getrlimit(limit)[1] >= 0 else int(value)
            resource.setrlimit(limit, (number, number))
        elif key == "UMask":
            os.umask(int(value, 8))
        elif key not in ("NoNewPrivileges", "SystemCallArchitectures") and not key.startswith(ELSEWHERE):
            sys.exit(f"confine: {unit}: {key}= is tested nowhere; add it here or to tests/package")
    # libseccomp sets NoNewPrivileges, and kills what comes with another architecture's numbers. The list of calls comes last: it forbids
    # loading more.
    for filter_ in [*filters, *([call_filter(call_filters)] if call_filters else [])]:
        filter_.load()


if __name__ == "__main__":
    at = sys.argv.index("--")
    confine(sys.argv[1])
    os.execvp(sys.argv[at + 1], sys.argv[at + 1:])
