// SPDX-License-Identifier: Apache-2.0
// A loop waits for a bit that nobody sets, without ever giving the CPU away.
#include "../lab.h"

static unsigned long status;

static keep_frame void wait_for_ready(void)
{
	preempt_disable();
	while (!(READ_ONCE(status) & 1))
		cpu_relax();
	preempt_enable();
}

static keep_frame int start_engine(void)
{
	wait_for_ready();
	return 0;
}

CRASH_ON_WRITE(start_engine);
