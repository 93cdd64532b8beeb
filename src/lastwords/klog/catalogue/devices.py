"""Graphics and network cards that hang.

A hang that the driver ends with a reset is told where nothing worse follows (`yields`); a card that is gone, or that no
reset brings back, is told before the crash that follows from it. What a program's own shaders and command buffers do
wrong (NVIDIA's Xid 13, 31, 43 and 45, amdgpu's page faults) is that program's business, and no entry.
"""

from .entry import Form, Kind

_I915 = r"(?:i915 \S{1,32}: )?(?:\[drm\] )?"
# `[drm:function] *ERROR* …`, `[drm:function [module]] *ERROR* …`, `driver 0000:03:00.0: [drm] *ERROR* …` since Linux 5.6.
_DRM = r"(?:\w{1,16} \S{1,32}: )?(?:\[drm(?::\w{1,64}(?: \[\w{1,32}\])?)?\] )?(?:\*ERROR\* )?"
_AMDGPU = rf"(?:amdgpu \S{{1,32}}: )?(?:amdgpu: )?{_DRM}"
_NOUVEAU = r"nouveau(?: \S{1,32}: |  ?\[.{1,40}\] ?)"


def _xid(numbers: str, title: str) -> Form:
    """NVIDIA's error numbers (https://docs.nvidia.com/deploy/xid-errors): `NVRM: Xid (PCI:0000:41:00): 79, …`."""
    return Form("NVRM: Xid (", rf"NVRM: Xid \([^)]{{1,32}}\): (?:{numbers})\b", title)


KINDS = (
    Kind(
        "gpu-lost",
        "other",
        (
            _xid("79", "NVRM: GPU has fallen off the bus"),
            _xid("48|64|95|140", "NVRM: uncorrected error of GPU memory"),
            _xid("61|62|119|120|143", "NVRM: GPU firmware failed"),
            _xid("74", "NVRM: NVLink error"),
            Form("fallen off the bus", r"\s{0,20}NVRM: .{0,60}fallen off the bus", "NVRM: GPU has fallen off the bus"),
            Form("declaring wedged", rf"{_DRM}.{{0,60}}declaring wedged", "i915: GPU declared wedged"),
            Form("device wedged, needs recovery", rf"{_AMDGPU}device wedged, needs recovery", "drm: device wedged"),
            Form("Failed to reset chip", rf"{_DRM}Failed to reset chip", "i915: failed to reset the GPU"),
            Form(
                "declared device",
                r".{0,60}CRITICAL: Xe has declared device \S+ as wedged",
                "xe: device declared wedged",
            ),
            Form("GPU reset end with ret", rf"{_AMDGPU}GPU reset end with ret = -\d+", "amdgpu: GPU reset failed"),
            Form("GPU Recovery Failed", rf"{_AMDGPU}GPU Recovery Failed", "amdgpu: GPU recovery failed"),
            Form("GPU reset(", rf"{_AMDGPU}GPU reset\(\d+\) failed", "amdgpu: GPU reset failed"),
            Form("device lost from bus", rf"{_AMDGPU}device lost from bus", "amdgpu: device lost from bus"),
        ),
        where=(),
        trace="none",
        stamped=True,
        event=True,
        refines=("gpu-hang",),
        source="NVIDIA's driver, drivers/gpu/drm/i915, xe, amd/amdgpu/amdgpu_device.c: amdgpu_device_gpu_recover()",
    ),
    Kind(
        "gpu-hang",
        "other",
        (
            Form("GPU HANG: ecode", rf"{_I915}GPU HANG: ecode ", "i915: GPU hang"),
            # Until Linux 3.11.
            Form("GPU hung", rf"{_DRM}Hangcheck timer elapsed\.\.\. .{{0,40}}GPU hung", "i915: GPU hang"),
            Form("Engine reset: engine_class", rf"{_DRM}.{{0,20}}Engine reset: engine_class", "xe: engine reset"),
            # `ring gfx timeout, but soft recovered` is left out: the program's job alone was lost.
            Form(
                "timeout, signaled seq",
                rf"{_AMDGPU}(?P<ring>ring \S{{1,24}}) timeout, signaled seq",
                "amdgpu: {ring} timeout",
            ),
            Form("GPU lockup", r"radeon \S{1,32}: GPU lockup (?:\(|CP stall)", "radeon: GPU lockup"),
            Form("stalled for more than", r"radeon \S{1,32}: ring \d+ stalled for more than", "radeon: GPU lockup"),
            Form(
                "GPU lockup - switching",
                rf"(?:{_NOUVEAU})?.{{0,20}}GPU lockup - switching to software",
                "nouveau: GPU lockup",
            ),
            Form(
                "SCHED_ERROR", rf"{_NOUVEAU}fifo: SCHED_ERROR \w+ \[CTXSW_TIMEOUT\]", "nouveau: context switch timeout"
            ),
            Form("SCHED_ERROR", rf"{_NOUVEAU}fifo: SCHED_ERROR \w+ \[", "nouveau: GPU scheduler error"),
            Form("failed to idle channel", rf"{_NOUVEAU}.{{0,60}}failed to idle channel", "nouveau: GPU hang"),
            _xid("8|16|109", "NVRM: GPU hang"),
            Form("hangcheck detected gpu lockup", rf"{_DRM}.{{0,32}}hangcheck detected gpu lockup", "msm: GPU lockup"),
            Form(
                "gpu sched timeout", r"(?P<driver>panfrost|panthor) \S{1,32}: gpu sched timeout", "{driver}: GPU hang"
            ),
            Form("recover hung GPU!", r"etnaviv.{0,40}recover hung GPU!", "etnaviv: GPU hang"),
        ),
        where=(),
        trace="none",
        stamped=True,
        event=True,
        yields=True,
        source="drivers/gpu/drm/i915/i915_gpu_error.c, amd/amdgpu/amdgpu_job.c: amdgpu_job_timedout(), radeon, nouveau, msm",
    ),
    Kind(
        "transmit-timeout",
        "other",
        (
            # A warning with a trace from 2.6.27 to 6.8, whose own headline names it then.
            Form(
                "NETDEV WATCHDOG: CPU: ",
                r"(?:\S{1,64} ){0,2}\S{1,64}: NETDEV WATCHDOG: CPU: \d+: transmit queue \d+ timed out",
            ),
            Form("NETDEV WATCHDOG: ", r"NETDEV WATCHDOG: \S{1,32}: transmit timed out"),
        ),
        title="NETDEV WATCHDOG: transmit queue timed out",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        yields=True,
        source="net/sched/sch_generic.c: dev_watchdog()",
    ),
)
