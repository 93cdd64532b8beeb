// SPDX-License-Identifier: Apache-2.0
#include "../lab.h"

static keep_frame int check_health(u32 state)
{
	if (state & 0x80000000)
		panic("own_panic: controller fatal state %#x, firmware asks to stop\n", state);
	return 0;
}

static keep_frame int poll_device(void)
{
	return check_health(0x80000013);
}

CRASH_ON_WRITE(poll_device);
