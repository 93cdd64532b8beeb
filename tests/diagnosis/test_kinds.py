"""Each kind of report of the log reader has a class, or is left out on purpose; and what logs of the corpus come to."""

from pathlib import Path

import pytest

from lastwords.case import analyze, collect
from lastwords.diagnosis import diagnose
from lastwords.diagnosis.rules.kind import KINDS, SILENT
from lastwords.klog.catalogue import KINDS as CATALOGUE
from lastwords.model import Code, Instruction, Verdict

from .facts import facts, oops

LOGS = Path(__file__).parent.parent / "klog" / "cases"


def test_each_kind_of_the_catalogue_has_a_class_or_says_nothing():
    known = {kind.name for kind in CATALOGUE}
    assert set(KINDS) | SILENT == known
    assert not set(KINDS) & SILENT


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_kind_alone_is_a_short_sentence(name):
    _crash_class, confidence, text = KINDS[name]
    assert 0 < confidence <= 0.95
    assert len(text) < 110
    assert not text.endswith(".")


def verdict(log: str, tmp_path: Path) -> Verdict:
    """What comes of a log of the corpus, without the answers that stand on top of it."""
    lines = (LOGS / f"{log}.log").read_text(errors="replace").splitlines()
    path = tmp_path / "log"
    path.write_text("\n".join(line for line in lines if not line.startswith("# ")) + "\n")
    found = analyze(collect([str(path)])).verdict
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("log", "crash_class", "function"),
    [
        ("sanitizer/ubsan-shift-x86-6.1", "logic-bug", "ltc2497_scale_raw"),
        ("sanitizer/kasan-null-ptr-deref-gpf-x86-6.6", "logic-bug", "hsr_prune_proxy"),
        ("hang/watchdog-pretimeout-x86-6.1", "lockup", None),
        ("hardware/external-abort-arm64-6.1", "hardware", "xgmac_ctl_readl"),
        ("hardware/serror-arm64-6.1", "hardware", None),
        ("hardware/machine-check-ppc64-5.14", "hardware", None),
        ("hardware/machine-check-logged-at-boot-x86-6.14", "hardware", None),
        ("hardware/boot-error-record-x86-6.1", "hardware", None),
        ("hardware/nmi-hpwdt-x86-3.10", "unknown", None),
        ("events/io-error-before-oops-x86-6.1", "logic-bug", "lan78xx_mac_pause"),
        ("fault/unhandled-unaligned-mips-4.14", "unknown", "ag71xx_rx_packets"),
        ("fault/stack-protector-x86-6.1", "memory-corruption", "rtw_parse_ies"),
        ("panic/ext4-panic-forced-x86-6.1", "unknown", None),
        ("panic/system-reset-ppc64le-5.14", "deliberate", None),
        ("panic/init-killed-x86-5.15", "configuration", None),
        ("filesystem/xfs-log-error-x86-6.1", "hardware", None),
    ],
)
def test_what_is_not_sure_is_not_told_as_if_it_were(log, crash_class, function, tmp_path):
    found = verdict(log, tmp_path)
    assert found.crash_class == crash_class
    assert found.culprit.function == function
    assert found.confidence < 0.8


@pytest.mark.parametrize(
    ("log", "crash_class", "function"),
    [
        ("sanitizer/kasan-use-after-free-x86-6.6", "memory-corruption", "nfc_llcp_send_ui_frame"),
        ("hardware/machine-check-x86-6.1", "hardware", None),
        ("hardware/edac-uncorrected-x86-5.15", "hardware", None),
        ("hang/soft-lockup-x86-5.15", "lockup", "bluefs_scan_extents"),
        ("fault/divide-error-x86-5.15", "logic-bug", "snd_usb_pcm_delay"),
        ("memory/out-of-memory-x86-6.1", "resource-exhaustion", None),
        ("panic/sysrq-x86-6.1", "deliberate", None),
        ("boot/no-root-x86-6.1", "configuration", None),
    ],
)
def test_what_is_sure_is_told_so(log, crash_class, function, tmp_path):
    found = verdict(log, tmp_path)
    assert (found.crash_class, found.culprit.function) == (crash_class, function)
    assert found.confidence >= 0.8


def test_who_freed_it_is_none_of_the_allocator(tmp_path):
    assert "freed in nfc_llcp_local_release()" in verdict("sanitizer/kasan-use-after-free-x86-6.6", tmp_path).summary


def test_a_network_device_that_does_not_send_is_not_the_watchdog(tmp_path):
    found = verdict("warning/warning-x86-5.15-dev-watchdog", tmp_path)
    assert found.culprit.function is None
    assert found.confidence < 0.6


def test_the_panic_is_told_once(tmp_path):
    summary = verdict("boot/no-init-x86-6.1", tmp_path).summary
    assert summary.count("No working init found") == 1


@pytest.mark.parametrize(
    ("instruction", "registers", "words"),
    [
        ("div ecx", {"rcx": 0xDEAD00000000}, "divided by zero, which ecx held"),
        ("idiv r9d", {"r9": 0}, "divided by zero, which r9d held"),
        ("div sil", {"rsi": 0x100}, "divided by zero, which sil held"),
        ("div rbx", {"rbx": 0x10}, "did not fit: it divided by 0x10, which rbx held"),
        ("div rbx", {}, "divided by zero, or the quotient did not fit"),
        ("div dword ptr [rdi]", {"rdi": 0}, "divided by zero, or the quotient did not fit"),
    ],
)
def test_the_divisor_is_read_from_its_register(instruction, registers, words):
    code = Code(
        architecture="x86_64", instructions=(Instruction(offset=0, data="f7f1", text=instruction, faulting=True),)
    )
    diagnosis = diagnose(facts(oops("divide-error", code=code, registers=registers)))
    assert diagnosis is not None
    assert words in diagnosis.verdict.summary
