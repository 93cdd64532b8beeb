// SPDX-License-Identifier: Apache-2.0
// A default that is const is written to through a cast.
#include "../lab.h"

static const u32 defaults[4] = { 10, 20, 30, 40 };

static keep_frame void set_limit(u32 *limits, unsigned int index, u32 limit)
{
	WRITE_ONCE(limits[index], limit);
}

static keep_frame int raise_limits(void)
{
	set_limit((u32 *)defaults, 1, 200);
	return 0;
}

CRASH_ON_WRITE(raise_limits);
