"""What makes the dump: makedumpfile, its age and its options."""

from lastwords.host.collector import collector
from lastwords.host.machine import Host

from . import Found, absent, check, fail, ok, unknown, warn
from .target import NOT_CONFIGURED


@check(
    "makedumpfile",
    "makedumpfile is there and knows this kernel",
    "target",
    why="makedumpfile leaves out what is not needed. One too old for the kernel leaves out too little, or fails.",
    decides="target",
)
def makedumpfile(host: Host) -> Found:
    """Its version against the kernel's."""
    settings = host.dump_settings
    program = settings.collector.rpartition("/")[2] if settings else "makedumpfile"
    if program != "makedumpfile":
        where = host.root.which(program)
        if where is None:
            fix = f"install it, or set core_collector in {settings.source if settings else ''}"
            return fail(f"{program} is not there", settings.source if settings else "", fix=fix)
        return ok(f"{program} is used instead: nothing is left out", where)
    path = host.root.which("makedumpfile")
    package = "kexec-tools" if "kexec-tools" in host.distribution.kdump.packages[:1] else "makedumpfile"
    install = host.distribution.install(package if host.distribution.family == "fedora" else "makedumpfile")
    if path is None:
        return fail("not installed", fix=install, cost="makedumpfile is not installed")
    found = collector(host)
    if found is None:
        return unknown("its version can't be told", path)
    kernel = ".".join(map(str, host.version))
    fix = "install a newer makedumpfile, from the distribution's backports or its next release"
    if found.harm:
        text = f"{found.text} is too old for kernel {kernel}: {found.harm}"
        return warn(text, found.source, fix=fix, cost="makedumpfile is too old for this kernel")
    if found.knows is not None and _minors(host.version) - _minors(found.knows) > _TOLERATED:
        text = f"{found.text} knows kernels up to {'.'.join(map(str, found.knows))}, and this is {kernel}"
        return warn(f"{text}: it says `not supported` and may leave out too little", found.source, fix=fix)
    return ok(f"{found.text}, on kernel {kernel}", found.source)


# A kernel a little newer than makedumpfile knows makes it warn, and mostly works: distributions ship such pairs.
_TOLERATED = 3
_LAST_MINOR = {3: 19, 4: 20, 5: 19, 6: 19}


def _minors(version: tuple[int, int]) -> int:
    """Releases since 3.0, which counts 5.19 to 6.0 as one step."""
    return sum(last + 1 for major, last in _LAST_MINOR.items() if major < version[0]) + version[1]


@check(
    "collector-options",
    "its options are valid",
    "target",
    why="makedumpfile with a wrong option ends at once, in the crash kernel, where nobody sees it.",
)
def collector_options(host: Host) -> Found:
    """`makedumpfile --check-params` with the configured options (1.6.8 and newer)."""
    settings = host.dump_settings
    if settings is None:
        return absent(NOT_CONFIGURED)
    if settings.collector.rpartition("/")[2] != "makedumpfile":
        return absent("makedumpfile is not used")
    shown = " ".join(settings.options) or "its own defaults"
    if not 0 <= settings.level <= 31:
        return fail(f"dump level {settings.level}", settings.source, fix=f"set 31 in {settings.source}")
    options = [option for option in settings.options if option != "-F"]
    ran = host.root.run("makedumpfile", "--check-params", *options, "/proc/vmcore", "dump", seconds=10)
    if ran is None or "unrecognized option" in ran.err.decode(errors="replace") + ran.text:
        return ok(f"{shown} (not tried)", settings.source)
    if not ran.ok:
        reason = ran.complaint or ran.text.partition("\n")[0]
        return fail(f"{shown}: {reason[:160]}", settings.source, fix=f"correct the options in {settings.source}")
    return ok(shown, settings.source)
